"""The platform fails: the answer says which hop and what to do, quickly; when it is whole again, so are we."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests

from app.landscape.command import DEMO_FOLDER
from app.landscape.faults import Fault
from app.landscape.landscape import Landscape
from tests.journeys.conftest import NO_SCRIPTS, Site
from tests.journeys.gateway import running_gateway
from tests.journeys.person import Person
from tests.support.ports import free_port

WHO_AM_I = "/sap/bc/rest/whoami"
ON_PREMISE = "/onpremise" + WHO_AM_I
QUICKLY = 10.0


def explained(answer: requests.Response, status: int, origin: str) -> str:
    """What an error answer says that has this status and names this hop."""
    assert (answer.status_code, answer.headers["x-error-origin"]) == (status, origin), answer.text
    assert answer.elapsed.total_seconds() < QUICKLY
    problem = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["status"] == status
    assert "Traceback" not in answer.text
    assert "127.0.0.1" not in answer.text
    return f"{problem['title']}. {problem['detail']}. {problem['advice']}"


def test_no_cloud_connector(site: Site) -> None:
    anna = site.person("anna")
    site.landscape.faults.switch_on(Fault.NO_CLOUD_CONNECTOR)
    assert "Cloud Connector" in explained(anna.get(ON_PREMISE), 503, "cloud-connector")
    assert anna.get("/cloud" + WHO_AM_I).status_code == 200
    site.landscape.faults.clear()
    assert anna.get(ON_PREMISE).status_code == 200


def test_a_browser_gets_a_page_instead(site: Site) -> None:
    anna = site.person("anna")
    site.landscape.faults.switch_on(Fault.NO_CLOUD_CONNECTOR)
    page = anna.open(ON_PREMISE)
    assert (page.status_code, page.headers["content-type"]) == (503, "text/html; charset=utf-8")
    assert "Cloud Connector" in page.text
    assert page.headers["x-correlationid"] in page.text


def test_a_path_that_is_not_exposed(site: Site) -> None:
    assert explained(site.person("anna").get("/onpremise/sap/bc/secret"), 403, "cloud-connector")


def test_a_system_on_premise_that_is_broken_speaks_for_itself(site: Site) -> None:
    anna = site.person("anna")
    site.landscape.faults.switch_on(Fault.SERVER_ERROR, "s4-onpremise")
    answer = anna.get(ON_PREMISE)
    assert (answer.status_code, answer.text) == (503, "Service Unavailable")
    site.landscape.faults.clear()
    assert anna.get(ON_PREMISE).status_code == 200


def test_xsuaa_is_down_during_the_login(site: Site) -> None:
    anna = site.person()
    asked = anna.open("/index.html")
    assert "Log in to acme" in asked.text
    state = asked.url.partition("state=")[2].partition("&")[0]
    site.landscape.faults.switch_on(Fault.SERVER_ERROR, "xsuaa")
    answer = anna.get(f"/login/callback?code=anything&state={state}", allow_redirects=False)
    assert explained(answer, 503, "xsuaa")
    site.landscape.faults.clear()
    assert anna.login("anna").status_code == 200


def test_a_session_outlives_xsuaa(site: Site) -> None:
    anna = site.person("anna")
    assert anna.get(ON_PREMISE).status_code == 200
    site.landscape.faults.switch_on(Fault.SERVER_ERROR, "xsuaa")
    assert anna.get(ON_PREMISE).status_code == 200


def test_somebody_whose_access_was_revoked_cannot_log_in(site: Site) -> None:
    site.landscape.faults.switch_on(Fault.REVOKED_USER, "bob")
    assert "Access of this user was revoked" in site.person().login("bob").text
    site.landscape.faults.clear()
    assert site.person("bob").get(ON_PREMISE).status_code == 200


@contextmanager
def own_gateway(landscape: Landscape, services: str = "") -> Iterator[Person]:
    """Anna at a gateway that has asked the platform for nothing yet."""
    port = free_port()
    environment = landscape.environment(f"http://localhost:{port}") | NO_SCRIPTS
    if services:
        environment["VCAP_SERVICES"] = services
    with running_gateway(DEMO_FOLDER, environment, port=port, health="ready") as gateway:
        anna = Person(gateway.url)
        anna.login("anna")
        yield anna


def test_the_destination_service_is_down_and_comes_back(site: Site) -> None:
    with own_gateway(site.landscape) as anna:
        site.landscape.faults.switch_on(Fault.SERVER_ERROR, "destination-service")
        explained(anna.get(ON_PREMISE), 503, "destination-service")
        assert anna.get("/user-api/currentUser").status_code == 200
        site.landscape.faults.clear()
        assert anna.get(ON_PREMISE).status_code == 200


def test_what_is_known_is_used_while_the_destination_service_is_down(site: Site) -> None:
    anna = site.person("anna")
    assert anna.get(ON_PREMISE).status_code == 200
    site.landscape.faults.switch_on(Fault.SERVER_ERROR, "destination-service")
    assert anna.get(ON_PREMISE).status_code == 200


class Nonsense(BaseHTTPRequestHandler):
    """A destination service that answers everything with `body` and 200."""

    body = b""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing to say."""


@contextmanager
def talking_nonsense() -> Iterator[str]:
    """The address of a server that says what `Nonsense.body` holds."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Nonsense)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


MALFORMED = [
    b"",
    b"<html>maintenance</html>",
    b"[]",
    b"{}",
    b'{"destinationConfiguration": null}',
    b'{"destinationConfiguration": {"Name": "s4-onpremise"}}',
    b'{"destinationConfiguration": {"Name": "s4-onpremise", "Type": "HTTP", "URL": 7}}',
    b'{"destinationConfiguration": {"Name": "s4-onpremise", "Type": "HTTP", "URL": "ftp://x"}}',
    b"\xff\xfe{",
]


def test_a_destination_service_that_talks_nonsense_is_survived(
    site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    services = site.landscape.vcap_services()
    with talking_nonsense() as address:
        services["destination"][0]["credentials"]["uri"] = address
        with own_gateway(site.landscape, json.dumps(services)) as anna:
            for body in MALFORMED:
                monkeypatch.setattr(Nonsense, "body", body)
                answer = anna.get(ON_PREMISE)
                assert answer.status_code in (502, 503), (body, answer.text)
                assert "s4-onpremise" in explained(answer, answer.status_code, "destination-service")
            assert anna.get("/user-api/currentUser").status_code == 200


@pytest.mark.parametrize(("has_key", "status", "state"), [(False, 503, "DOWN"), (True, 200, "DEGRADED")])
def test_a_gateway_without_xsuaa_lives_and_is_ready_only_with_a_key_of_its_binding(
    site: Site, has_key: bool, status: int, state: str
) -> None:
    site.landscape.faults.switch_on(Fault.SERVER_ERROR, "xsuaa")
    services = site.landscape.vcap_services()
    if not has_key:
        del services["xsuaa"][0]["credentials"]["verificationkey"]
    port = free_port()
    environment = site.landscape.environment(f"http://localhost:{port}") | {"VCAP_SERVICES": json.dumps(services)}
    with running_gateway(DEMO_FOLDER, environment, port=port, health="ready" if has_key else "live") as gateway:
        answer = requests.get(gateway.url + "/.gangway/ready", timeout=QUICKLY)
    assert (answer.status_code, answer.json()["status"]) == (status, state)
    assert not answer.json()["checks"]["xsuaa-keys"]["ok"]
