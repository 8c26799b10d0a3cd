"""Attacks on trust in headers and on the way of a request, against the whole gateway with a backend that tells what it
saw.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from app.landscape.landscape import Landscape
from app.landscape.running import running_landscape
from app.landscape.users import ACME, DEMO_PASSWORD
from tests.journeys.conftest import NO_SCRIPTS
from tests.journeys.echo import Echo, running_echo
from tests.journeys.gateway import Gateway, running_gateway
from tests.journeys.person import TIMEOUT, Person
from tests.support.ports import free_port

ROUTES: dict[str, dict[str, object]] = {
    "/open/": {"authenticationType": "none"},
    "/basic/": {"authenticationType": "basic", "csrfProtection": False},
    "/shut/": {"csrfProtection": False},
    "/csrf/": {},
}
XS_APP = {
    "logout": {"logoutEndpoint": "/logout", "logoutPage": "/open/bye"},
    "routes": [
        *(
            {"source": f"^{prefix}(.*)$", "target": "/$1", "destination": "echo", **more}
            for prefix, more in ROUTES.items()
        ),
        {"source": "^/broken/(.*)$", "target": "/$1", "destination": "broken", "authenticationType": "none"},
    ],
}
STOLEN = {
    "x-ias-token": "stolen",
    "x-user-token": "stolen",
    "x-tenant": "stolen",
    "sap-connectivity-authentication": "Bearer stolen",
    "sap-connectivity-scc-location_id": "stolen",
    "proxy-authorization": "Bearer stolen",
    "ssl-client-cert": "stolen",
    "x-forwarded-client-cert": "stolen",
    "x-forwarded-user": "stolen",
    "x-forwarded-email": "stolen",
    "x-forwarded-groups": "stolen",
    "x-forwarded-uri": "/open/stolen",
    "x-approuter-ext-session-id": "stolen",
}


@pytest.fixture(scope="module")
def echo() -> Iterator[Echo]:
    with running_echo() as backend:
        yield backend


@pytest.fixture(autouse=True)
def fresh(echo: Echo) -> None:
    echo.reset()


@dataclass(frozen=True)
class Site:
    landscape: Landscape
    gateway: Gateway

    def call(self, path: str, headers: dict[str, str] | None = None) -> requests.Response:
        sent = {name: value.encode() for name, value in (headers or {}).items()}
        return requests.get(self.gateway.url + path, headers=sent, timeout=TIMEOUT, allow_redirects=False)

    def anna(self) -> Person:
        person = Person(self.gateway.url)
        assert person.login("anna", "/shut/x").text == "ok"
        return person


@pytest.fixture(scope="module")
def site(echo: Echo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder: Path = tmp_path_factory.mktemp("attacks")
    (folder / "xs-app.json").write_text(json.dumps(XS_APP))
    port = free_port()
    destinations = [{"name": "echo", "url": echo.url, "forwardAuthToken": True}]
    own = {"destinations": json.dumps(destinations), "GATEWAY_PUBLIC_HOSTS": f"localhost:{port}"}
    with running_landscape() as landscape:
        environment = landscape.environment(f"http://localhost:{port}") | NO_SCRIPTS | own
        with running_gateway(folder, environment, port=port, health="ready") as gateway:
            yield Site(landscape, gateway)


@pytest.mark.parametrize("path", ["/open/x", "/shut/x"])
def test_attack_40_48_nobody_is_believed_to_be_who_a_header_says(site: Site, echo: Echo, path: str) -> None:
    """Attacks 40, 48: headers of identity come from us or not at all, on public and on protected routes."""
    person = site.anna()
    person.get(path, headers=STOLEN)
    values = [value for request in echo.seen for _, value in request.headers]
    assert not [value for value in values if "stolen" in value]


def test_attack_40_a_users_own_authorization_is_replaced_by_the_sessions_token(site: Site, echo: Echo) -> None:
    """Attack 40: on protected routes the backend sees the session's token alone, whatever Authorization says."""
    site.anna().get("/shut/x", headers={"authorization": "Bearer stolen"})
    assert len(echo.last("authorization")) == 1
    assert echo.last("authorization")[0].startswith("Bearer ey")


def test_attack_40_a_services_header_is_looked_at_on_every_route_and_does_not_pass(site: Site, echo: Echo) -> None:
    """Attack 40: what is no token in x-approuter-authorization is refused, a good one becomes Authorization."""
    for path in ("/open/x", "/shut/x"):
        assert site.call(path, headers={"x-approuter-authorization": "Bearer junk"}).status_code == 401
        given = f"Bearer {user_token(site)}"
        assert site.call(path, headers={"x-approuter-authorization": given}).status_code == 200
        assert (echo.last("x-approuter-authorization"), echo.last("authorization")) == ([], [given])


def user_token(site: Site) -> str:
    """A token of Anna that is good for the application."""
    client = site.landscape.instances.app.client
    form = {"grant_type": "password", "username": "anna", "password": DEMO_PASSWORD}
    proof = {"client_id": client.client_id, "client_secret": client.secret}
    url = f"{site.landscape.xsuaa.tenant_url(ACME)}/oauth/token"
    return str(requests.post(url, data={**form, **proof}, timeout=TIMEOUT).json()["access_token"])


@pytest.mark.parametrize("name", ["X_Forwarded_User", "X-Forwarded_Host", "SSL_Client-Cert", "Proxy_Authorization"])
def test_attack_41_disguised_headers_do_not_pass(site: Site, echo: Echo, name: str) -> None:
    """Attack 41: twins that a backend would read as a trusted header."""
    site.call("/open/x", headers={name: "stolen"})
    assert not [value for request in echo.seen for _, value in request.headers if "stolen" in value]


def test_attack_42_a_client_cannot_have_trusted_headers_removed(site: Site, echo: Echo) -> None:
    """Attack 42: what Connection nominates is removed first, ours are set last."""
    nominated = {"connection": "x-forwarded-host, authorization, x-forwarded-for, x-custom", "x-custom": "1"}
    site.anna().get("/shut/x", headers=nominated)
    assert echo.last("x-forwarded-host") == [f"localhost:{site.gateway.port}"]
    assert echo.last("x-forwarded-for") == ["127.0.0.1"]
    assert echo.last("authorization")[0].startswith("Bearer ey")
    assert echo.last("x-custom") == []


@pytest.mark.parametrize(
    "headers",
    [
        {"x-forwarded-uri": "/open/x"},
        {"x-original-url": "/open/x"},
        {"x-forwarded-path": "/open/x"},
        {"x-forwarded-prefix": "/open"},
        {"x-forwarded-method": "OPTIONS"},
        {"x-forwarded-for": "127.0.0.1"},
        {"x-forwarded-user": "anna"},
        {"forwarded": "for=127.0.0.1;host=localhost"},
    ],
    ids=lambda headers: next(iter(headers)),
)
def test_attack_43_forwarded_headers_open_nothing(site: Site, echo: Echo, headers: dict[str, str]) -> None:
    """Attack 43: nothing about access is decided by them."""
    assert site.call("/shut/x", headers=headers | {"x-requested-with": "XMLHttpRequest"}).status_code == 401
    assert echo.seen == []


def test_attack_44_the_address_of_who_connects_is_always_told(site: Site, echo: Echo) -> None:
    """Attack 44: there is no list of trusted proxies to be left empty; what came along stands before what we saw."""
    site.call("/open/x", headers={"x-forwarded-for": "10.9.8.7"})
    assert echo.last("x-forwarded-for") == ["10.9.8.7, 127.0.0.1"]


def test_attack_45_a_poisoned_host_gets_into_no_link(site: Site) -> None:
    """Attack 45: login and logout links name a host of GATEWAY_PUBLIC_HOSTS, or there is none."""
    for path in ("/shut/x", "/logout", "/.gangway/login"):
        for poisoned in ({"x-forwarded-host": "evil.example"}, {"host": "evil.example"}):
            assert site.call(path, headers=poisoned).status_code == 400
    good = site.call("/shut/x", headers={"x-forwarded-host": f"localhost:{site.gateway.port}"})
    query = parse_qs(urlsplit(good.headers["location"]).query)
    assert query["redirect_uri"] == [f"http://localhost:{site.gateway.port}/login/callback"]


def test_attack_46_a_prefix_gets_into_no_link(site: Site) -> None:
    """Attack 46: X-Forwarded-Prefix is ignored."""
    plain, poisoned = site.call("/shut/x"), site.call("/shut/x", headers={"x-forwarded-prefix": "%2f%2fevil"})
    query = [parse_qs(urlsplit(answer.headers["location"]).query) for answer in (plain, poisoned)]
    assert query[0]["redirect_uri"] == query[1]["redirect_uri"]
    assert "evil" not in str(poisoned.headers)


@pytest.mark.parametrize("agent", ["kube-probe/1.29", "GoogleHC/1.0", "ELB-HealthChecker/2.0", "CF-Health-Check"])
def test_attack_47_health_checks_are_known_by_their_address_alone(site: Site, agent: str) -> None:
    """Attack 47: a user agent opens nothing."""
    headers = {"user-agent": agent, "x-requested-with": "XMLHttpRequest"}
    assert site.call("/shut/x", headers=headers).status_code == 401
    assert site.call("/.gangway/live", headers={"user-agent": agent}).status_code == 200


@pytest.mark.parametrize("value", ["a\r\nx-injected: b", "a\nb", "a\x00b"])
def test_attack_49_what_a_destination_says_cannot_end_a_header_line(site: Site, echo: Echo, value: str) -> None:
    """Attack 49: such a destination is refused by name, and everything else goes on."""
    core = {"Name": "broken", "Type": "HTTP", "ProxyType": "Internet", "Authentication": "NoAuthentication"}
    url = {"URL": echo.url, "URL.headers.x-custom": value}
    site.landscape.define_destination({**core, **url})
    refused = site.call("/broken/x")
    assert (refused.status_code, refused.headers["x-error-origin"]) == (502, "destination-service")
    assert "broken" in refused.json()["detail"]
    assert echo.seen == []
    assert site.call("/open/x").status_code == 200


@pytest.mark.parametrize("sent", ["a" * 10_240, "a\tb", "a b<c>", "é"])
def test_attack_50_a_correlation_id_is_short_and_plain(site: Site, echo: Echo, sent: str) -> None:
    """Attack 50: any other is replaced, on the way to the backend as in the answer."""
    answer = site.call("/open/x", headers={"x-correlationid": sent})
    [passed] = echo.last("x-correlationid")
    assert passed == answer.headers["x-correlationid"]
    assert passed != sent
    assert len(passed) <= 128
    assert passed.isascii()


def test_attack_63_a_change_without_the_sessions_own_token_is_refused(site: Site, echo: Echo) -> None:
    """Attack 63: missing or foreign token, whatever the type of the body."""
    anna, other = site.anna(), site.anna()
    foreign = other.get("/csrf/x", headers={"x-csrf-token": "fetch"}).headers["x-csrf-token"]
    own = anna.get("/csrf/x", headers={"x-csrf-token": "fetch"}).headers["x-csrf-token"]
    echo.seen.clear()
    for headers in ({}, {"x-csrf-token": foreign}, {"x-csrf-token": "fetch"}, {"content-type": "text/plain"}):
        refused = anna.post("/csrf/x", data="a=b", headers=headers)
        assert (refused.status_code, refused.headers["x-csrf-token"]) == (403, "Required")
    assert echo.seen == []
    assert anna.post("/csrf/x", data="a=b", headers={"x-csrf-token": own}).status_code == 200
    assert echo.last("x-csrf-token") == []


def test_attack_66_users_in_turn_on_one_kept_connection_are_each_themselves(site: Site, echo: Echo) -> None:
    """Attack 66: the client's connection says nothing about who calls; see also test_principal_safety."""
    session = requests.Session()
    session.trust_env = False
    tokens: dict[str, set[str]] = {"anna": set(), "bob": set()}
    for _ in range(20):
        for user, seen in tokens.items():
            password = b64encode(f"{user}:{DEMO_PASSWORD}".encode()).decode()
            headers = {"authorization": f"Basic {password}"}
            assert session.get(f"{site.gateway.url}/basic/x", headers=headers, timeout=TIMEOUT).status_code == 200
            seen.update(echo.last("authorization"))
    assert (len(tokens["anna"]), len(tokens["bob"])) == (1, 1)
    assert tokens["anna"].isdisjoint(tokens["bob"])


def test_attack_68_what_a_backend_sets_for_one_user_reaches_no_other(site: Site, echo: Echo) -> None:
    """Attack 68: cookies of backends are kept with the session."""
    anna, other = site.anna(), site.anna()
    echo.answer = (200, {"set-cookie": "BACKEND=of-anna; Path=/"})
    assert "BACKEND" not in anna.get("/shut/x").cookies
    echo.answer = (200, {})
    other.get("/shut/x")
    assert echo.last("cookie") == []
    site.call("/open/x")
    assert echo.last("cookie") == []
    anna.get("/shut/x")
    assert echo.last("cookie") == ["BACKEND=of-anna"]


@pytest.mark.parametrize("location", ["http://evil.example/x", "//evil.example", "/elsewhere"])
def test_attack_70_redirects_of_a_backend_are_not_followed(site: Site, echo: Echo, location: str) -> None:
    """Attack 70: the browser is told where to go; with our credentials we go nowhere."""
    echo.answer = (302, {"location": location})
    answer = site.call("/open/x")
    assert (answer.status_code, answer.headers["location"]) == (302, location)
    assert len(echo.seen) == 1
