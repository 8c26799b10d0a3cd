"""Public routes: anybody may call, and whoever is logged in is still who they are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from app.landscape.running import running_landscape
from tests.journeys.conftest import NO_SCRIPTS, Site
from tests.journeys.echo import running_echo
from tests.journeys.gateway import running_gateway
from tests.journeys.person import Person
from tests.support.ports import free_port

ANNA = "anna.arnold@acme.example"
WHO_AM_I = "/sap/bc/rest/whoami"
OPEN = {"authenticationType": "none"}
XS_APP: dict[str, Any] = {
    "welcomeFile": "/web/index.html",
    "cors": [{"uriPattern": "^/open-service/", "allowedOrigin": [{"host": "portal.example"}, {"host": "*"}]}],
    "routes": [
        {"source": "^/service/(.*)$", "target": "/$1", "destination": "microservice"},
        {"source": "^/open-service/(.*)$", "target": "/$1", "destination": "microservice", **OPEN},
        {"source": "^/open-onpremise/(.*)$", "target": "/$1", "destination": "s4-onpremise", **OPEN},
        {"source": "^/open-user/(.*)$", "target": "/$1", "service": "sap-approuter-userapi", **OPEN},
        {"source": "^/scoped/(.*)$", "target": "/$1", "destination": "microservice", "scope": "x.No", **OPEN},
        {"source": "^/web/(.*)$", "target": "$1", "localDir": "resources", **OPEN},
    ],
}
TRUSTED = "https://portal.example"
FETCH = {"x-csrf-token": "fetch"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder, port = tmp_path_factory.mktemp("app"), free_port()
    serve(folder, XS_APP)
    with running_landscape() as landscape:
        environment = landscape.environment(f"http://localhost:{port}") | NO_SCRIPTS
        with running_gateway(folder, environment, port=port, health="ready") as gateway:
            yield Site(landscape, gateway)


def serve(folder: Path, document: dict[str, Any]) -> None:
    (folder / "xs-app.json").write_text(json.dumps(document))
    (folder / "resources").mkdir(exist_ok=True)
    (folder / "resources" / "index.html").write_text("<p>hello")


def anna_at(site: Site) -> Person:
    anna = Person(site.gateway.url)
    assert anna.login("anna", "/service/whoami").status_code == 200
    return anna


def test_backends_see_who_is_logged_in_and_nobody_else(site: Site) -> None:
    anna, nobody = anna_at(site), Person(site.gateway.url)
    for _ in range(2):
        assert anna.get("/open-service/whoami").json()["user"] == ANNA
        assert nobody.get("/open-service/whoami").status_code == 401  # of the backend, which wants a token
        assert anna.get("/open-onpremise" + WHO_AM_I).json()["user"] == ANNA
        assert nobody.get("/open-onpremise" + WHO_AM_I).status_code == 401
    assert "x-error-origin" not in nobody.get("/open-service/whoami").headers
    assert site.landscape.proxy.violations == []
    assert anna.get("/open-user/currentUser").json()["email"] == ANNA
    assert nobody.get("/open-user/currentUser").headers["x-error-origin"] == "session"


def test_attack_63_what_another_site_asks_for_is_nobodys(site: Site) -> None:
    anna = anna_at(site)
    for own in ({"sec-fetch-site": "same-origin"}, {"origin": site.gateway.url}, {"origin": TRUSTED}):
        answer = anna.post("/open-service/echo", data=b"x", headers=own)
        assert (answer.status_code, answer.content) == (200, b"x"), own
    for site_ in ("cross-site", "same-site"):
        headers = {"sec-fetch-site": site_}
        assert anna.post("/open-service/echo", data=b"x", headers=headers).status_code == 401, site_
    evil = {"origin": "https://evil.example"}
    assert anna.post("/open-service/echo", data=b"x", headers=evil).status_code == 401


def test_another_site_takes_no_session_cookie_away(tmp_path: Path) -> None:
    port = free_port()
    with running_echo() as echo:
        echo.answer = (200, {"set-cookie": "BSESSION=1; Path=/"})
        serve(tmp_path, {"authenticationMethod": "none", "routes": [{"source": "^/(.*)$", "destination": "echo"}]})
        variables = {"destinations": json.dumps([{"name": "echo", "url": echo.url}])}
        with running_gateway(tmp_path, variables, port=port) as gateway:
            own = requests.post(gateway.url, headers={"sec-fetch-site": "same-origin"}, timeout=30)
            foreign = requests.post(gateway.url, headers={"sec-fetch-site": "cross-site"}, timeout=30)
    assert set(own.cookies.keys()) == {"ARBE", "JSESSIONID"}
    assert (foreign.status_code, len(foreign.cookies)) == (200, 0)


def test_a_token_for_changes_can_be_fetched_at_a_public_address(site: Site) -> None:
    anna, nobody = anna_at(site), Person(site.gateway.url)
    assert anna.post("/service/echo", data=b"x").status_code == 403
    for path in ("/", "/web/index.html", "/open-service/whoami", "/open-user/currentUser"):
        answer = anna.get(path, headers=FETCH, allow_redirects=False)
        changed = anna.post("/service/echo", data=b"x", headers={"x-csrf-token": answer.headers["x-csrf-token"]})
        assert (answer.status_code, changed.status_code) == (200, 200), path
    assert "x-csrf-token" not in nobody.get("/web/index.html", headers=FETCH).headers


def test_a_scope_on_a_public_route_means_nothing(site: Site) -> None:
    assert anna_at(site).get("/scoped/whoami").status_code == 200


def test_where_logins_are_switched_off_nobody_has_a_scope(tmp_path: Path) -> None:
    scoped = {"source": "^/web/(.*)$", "target": "$1", "localDir": "resources", "scope": "$XSAPPNAME.Read"}
    port = free_port()
    serve(tmp_path, {"authenticationMethod": "none", "routes": [{**scoped, "source": "^/closed/(.*)$"}, scoped | OPEN]})
    with running_gateway(tmp_path, {"VCAP_SERVICES": "{}"}, port=port) as gateway:
        closed = requests.get(f"{gateway.url}/closed/index.html", timeout=30)
        assert (closed.status_code, closed.headers["x-error-origin"]) == (403, "session")
        assert requests.get(f"{gateway.url}/web/index.html", timeout=30).status_code == 200
