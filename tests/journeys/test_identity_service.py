"""Login with the identity service: scopes and destinations by way of XSUAA, and what ends a session."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from app.landscape.demo_destinations import CLOUD_PASSWORD, CLOUD_USER
from app.landscape.faults import Fault
from app.landscape.identity_service_instance import DEPENDENCY
from app.landscape.journal import Entry, Station
from app.landscape.landscape import Landscape
from tests.journeys.conftest import Site
from tests.journeys.identity_site import identity_site
from tests.journeys.person import Person

ANNA, BOB = "anna.arnold@acme.example", "bob.berger@acme.example"
NAMES = ("s4-onpremise", "s4-cloud", "s4-cloud-basic", "microservice", "journal")
WHO_AM_I = "/sap/bc/rest/whoami"
SCRIPT = {"x-requested-with": "XMLHttpRequest"}
RENEWAL_BOUND = 30.0


@pytest.fixture(scope="module")
def shop() -> Iterator[ThreadingHTTPServer]:
    """A backend that says what token it was shown."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Shop)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


class Shop(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = self.headers.get("authorization", "").encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, shop: ThreadingHTTPServer) -> Iterator[Site]:
    with shop_site(tmp_path_factory.mktemp("ias"), Landscape(ias=True), shop) as running:
        yield running


@contextmanager
def shop_site(folder: Path, landscape: Landscape, shop: ThreadingHTTPServer) -> Iterator[Site]:
    """A site with the shop behind it: as a dependency, and as a backend that gets the token of the login."""
    place = {"url": f"http://127.0.0.1:{shop.server_port}", "forwardAuthToken": True}
    destinations = [{"name": "shop", "IASDependencyName": DEPENDENCY, **place}, {"name": "forwarding", **place}]
    kinds: dict[str, dict[str, str]] = {
        "forwarded": {},
        "by-ias": {"authenticationType": "ias", "scope": "$XSAPPNAME.Read"},
        "by-xsuaa": {"authenticationType": "xsuaa", "scope": "$XSAPPNAME.Read"},
    }
    routes: list[dict[str, Any]] = [
        {"source": f"^/{name}/(.*)$", "target": "/$1", "destination": name} for name in ("shop", "technical")
    ]
    routes += [
        {"source": f"^/{name}/(.*)$", "target": "/$1", "destination": "forwarding", **kind}
        for name, kind in kinds.items()
    ]
    with identity_site(folder, landscape, {"destinations": json.dumps(destinations)}, routes) as running:
        yield running


def seen(site: Site, station: Station, kind: str, since: int = 0) -> list[Entry]:
    return [e for e in site.landscape.journal.entries(since=since, station=station) if e.kind == kind]


def now(site: Site) -> int:
    entries = site.landscape.journal.entries()
    return entries[-1].sequence if entries else 0


def leave(site: Site, person: Person) -> None:
    """Log out at the identity service itself, as another application would have it."""
    query = {"client_id": site.landscape.identity_instances.app.client_id, "app_tid": tenant_id(site)}
    assert person.get(f"{site.landscape.identity_service.url}/oauth2/logout", params=query).status_code == 200


def tenant_id(site: Site) -> str:
    credentials = site.landscape.vcap_services()["identity"][0]["credentials"]
    return str(credentials["app_tid"])


def is_logged_in(person: Person) -> bool:
    return person.get("/user-api/currentUser", headers=SCRIPT).status_code == 200


def test_with_both_bound_users_log_in_with_the_identity_service(site: Site) -> None:
    person, before = site.person(), now(site)
    page = person.login("anna", "/index.html?from=mail")
    assert (page.status_code, page.url) == (200, f"{site.gateway.url}/index.html?from=mail")
    assert [e.principal for e in seen(site, Station.IDENTITY_SERVICE, "login", before)] == [ANNA]
    assert seen(site, Station.XSUAA, "authorize", before) == []


def test_the_login_is_bound_to_the_browser_the_code_and_the_tenant(site: Site) -> None:
    asked = site.person().get("/index.html", allow_redirects=False)
    query = {name: values[0] for name, values in parse_qs(urlsplit(asked.headers["location"]).query).items()}
    assert query["redirect_uri"] == f"{site.gateway.url}/login/callback?authType=ias"
    assert query["code_challenge_method"] == "S256"
    assert query["app_tid"] == tenant_id(site)
    assert query["scope"] == "openid email profile groups"  # what the tenant says it knows
    assert len(query["nonce"]) >= 43


def test_scopes_are_those_of_xsuaa(site: Site) -> None:
    before = now(site)
    user = site.person("anna").get("/user-api/currentUser").json()
    assert user["email"] == ANNA
    assert any(scope.endswith(".Write") for scope in user["scopes"])
    assert user["displayName"] == f"Anna Arnold ({user['name']})"
    [exchange] = [e for e in seen(site, Station.XSUAA, "token", before) if "jwt-bearer" in e.detail["grant_type"]]
    assert exchange.principal == ANNA


def test_destinations_are_reached_as_the_user(site: Site) -> None:
    people = {ANNA: site.person("anna"), BOB: site.person("bob")}
    for email, person in people.items():
        assert person.get("/onpremise" + WHO_AM_I).json()["user"] == email
        assert person.get("/cloud" + WHO_AM_I).json()["user"] == email
        assert email in person.get("/service/whoami").text


def test_an_application_ours_depends_on_sees_a_token_of_its_own(site: Site) -> None:
    anna, before = site.person("anna"), now(site)
    shown = {anna.get("/shop/").text for _ in range(3)}
    claims = site.landscape.identity_service.validate(shown.pop().removeprefix("Bearer "))
    assert (claims["aud"], claims["email"]) == (site.landscape.identity_instances.shop.client_id, ANNA)
    assert not shown
    [exchange] = [e for e in seen(site, Station.IDENTITY_SERVICE, "token", before) if e.detail["resource"]]
    assert exchange.detail["resource"] == f"urn:sap:identity:application:provider:name:{DEPENDENCY}"
    bob = site.landscape.identity_service.validate(site.person("bob").get("/shop/").text.removeprefix("Bearer "))
    assert bob["email"] == BOB


def test_a_destination_with_credentials_of_its_own_keeps_them(site: Site) -> None:
    landscape = site.landscape
    landscape.define_destination(
        {
            "Name": "technical", "Type": "HTTP", "URL": f"http://127.0.0.1:{landscape.s4_cloud.port}",
            "ProxyType": "Internet", "Authentication": "BasicAuthentication", "User": CLOUD_USER,
            "Password": CLOUD_PASSWORD, "HTML5.IASDependencyName": DEPENDENCY,
        }
    )  # fmt: skip
    assert site.person("anna").get("/technical" + WHO_AM_I).json()["user"] == CLOUD_USER


def forwarded(person: Person, path: str) -> str:
    """The token a backend gets at this address."""
    answer = person.get(path, headers=SCRIPT)
    assert answer.status_code == 200, answer.text
    return answer.text.removeprefix("Bearer ")


@pytest.mark.parametrize("path", ["/forwarded/", "/by-ias/", "/by-xsuaa/"])
def test_backends_get_the_access_token_of_the_login(site: Site, path: str) -> None:
    for user, email in (("anna", ANNA), ("bob", BOB)):
        claims = site.landscape.identity_service.validate(forwarded(site.person(user), path))
        assert claims["email"] == email
        assert "at_hash" not in claims  # as in an id token


def test_a_renewed_session_forwards_the_renewed_access_token(tmp_path: Path, shop: ThreadingHTTPServer) -> None:
    landscape = Landscape(ias=True)
    instances = landscape.identity_instances
    landscape.identity_instances = replace(instances, app=replace(instances.app, token_validity=4))
    with shop_site(tmp_path, landscape, shop) as site:
        anna, before = site.person("anna"), now(site)
        first, latest, deadline = forwarded(anna, "/forwarded/"), "", time.monotonic() + RENEWAL_BOUND
        while latest in ("", first):
            assert time.monotonic() < deadline
            latest = forwarded(anna, "/forwarded/")
        claims = landscape.identity_service.validate(latest)
        assert claims["email"] == ANNA
        assert "at_hash" not in claims
        assert {e.detail["grant_type"] for e in seen(site, Station.IDENTITY_SERVICE, "token", before)} == {
            "refresh_token"
        }


def test_a_session_that_was_opened_with_xsuaa_serves_everywhere(site: Site) -> None:
    anna, before = site.person(), now(site)
    assert anna.login("anna", "/by-xsuaa/").status_code == 200
    session = anna.cookies["JSESSIONID"]
    shown = {forwarded(anna, path) for path in ("/by-xsuaa/", "/by-ias/", "/forwarded/")}
    assert site.landscape.xsuaa.validate(shown.pop())["user_name"] == ANNA
    assert not shown
    assert is_logged_in(anna)
    assert anna.open("/index.html").url == f"{site.gateway.url}/index.html"
    assert anna.get("/onpremise" + WHO_AM_I).json()["user"] == ANNA
    assert anna.cookies["JSESSIONID"] == session
    assert seen(site, Station.IDENTITY_SERVICE, "authorize", before) == []


def test_with_both_bound_the_logout_is_where_the_login_was(site: Site) -> None:
    anna, bob = site.person(), site.person("bob")
    anna.login("anna", "/by-xsuaa/")
    before = now(site)
    for person in (anna, bob):
        assert person.open("/logout").url == f"{site.gateway.url}/public/logged-out.html"
        assert not is_logged_in(person)
    assert [e.principal for e in seen(site, Station.IDENTITY_SERVICE, "logout", before)] == [BOB]
    assert len(seen(site, Station.XSUAA, "logout", before)) == 1


def test_a_logout_here_ends_the_session_there(site: Site) -> None:
    anna = site.person("anna")
    before = now(site)
    page = anna.open("/logout")
    assert page.url == f"{site.gateway.url}/public/logged-out.html"
    assert [e.principal for e in seen(site, Station.IDENTITY_SERVICE, "logout", before)] == [ANNA]
    assert not is_logged_in(anna)
    assert "Log in to acme" in anna.open("/index.html").text


def test_a_logout_there_ends_the_session_here_and_no_other(site: Site) -> None:
    anna, also_anna, bob = site.person("anna"), site.person("anna"), site.person("bob")
    before = now(site)
    leave(site, anna)
    assert [e.detail["status"] for e in seen(site, Station.IDENTITY_SERVICE, "back-channel-logout", before)] == [200]
    assert not is_logged_in(anna)
    assert is_logged_in(also_anna)
    assert is_logged_in(bob)


def test_attack_61_a_logout_there_closes_web_sockets_here(site: Site) -> None:
    anna = site.person("anna")
    address = site.gateway.url.replace("http", "ws") + "/service/ws"
    cookie = {"cookie": f"JSESSIONID={anna.cookies['JSESSIONID']}", "origin": site.gateway.url}
    with connect(address, additional_headers=cookie) as socket:
        assert ANNA in str(socket.recv(timeout=10))
        leave(site, anna)
        with pytest.raises(ConnectionClosed):
            socket.recv(timeout=10)


def test_who_is_revoked_in_the_middle_cannot_log_in(site: Site) -> None:
    site.landscape.faults.switch_on(Fault.REVOKED_USER, "anna")
    answer = site.person().login("anna")
    assert (answer.status_code, answer.headers["x-error-origin"]) == (400, "session")


def test_no_secret_and_no_token_is_in_the_log(site: Site) -> None:
    site.person("anna").get("/onpremise" + WHO_AM_I)
    log = site.gateway.log
    assert site.landscape.identity_instances.app.secret not in log
    assert "eyJ" not in log
    assert ANNA not in log


def test_a_service_shows_a_users_token_of_the_identity_service(site: Site) -> None:
    token = user_token(site)
    headers = {"x-approuter-authorization": f"Bearer {token}"}
    answer = site.person().get("/user-api/currentUser", headers=headers)
    assert answer.json()["email"] == ANNA
    assert answer.json()["scopes"]
    assert site.person().get("/forwarded/", headers=headers).text == f"Bearer {token}"


def user_token(site: Site) -> str:
    """An id token of anna's for our application, obtained by somebody else with a login of hers."""
    service, app = site.landscape.identity_service, site.landscape.identity_instances.app
    person = Person(site.gateway.url)
    query = {
        "client_id": app.client_id, "redirect_uri": "http://localhost:1/", "response_type": "code",
        "scope": "openid", "state": "s", "app_tid": tenant_id(site),
    }  # fmt: skip
    page = person.get(f"{service.url}/oauth2/authorize", params=query)
    name = page.text.partition('name="request" value="')[2].partition('"')[0]
    form = {"request": name, "user": "anna"}
    back = person.post(f"{service.url}/login.do", data=form, allow_redirects=False)
    code = parse_qs(urlsplit(back.headers["location"]).query)["code"][0]
    grant = {
        "grant_type": "authorization_code", "code": code, "redirect_uri": "http://localhost:1/",
        "client_id": app.client_id, "client_secret": app.secret, "app_tid": tenant_id(site),
    }  # fmt: skip
    return str(person.post(f"{service.url}/oauth2/token", data=grant).json()["id_token"])


def test_x509_clients_log_users_in_and_end_their_sessions(tmp_path: Path) -> None:
    with identity_site(tmp_path, Landscape(ias=True, x509=True)) as site:
        anna = Person(site.gateway.url)
        anna.verify = str(tmp_path / "authority.pem")
        assert anna.login("anna").status_code == 200
        assert anna.get("/onpremise" + WHO_AM_I).json()["user"] == ANNA
        leave(site, anna)
        assert not is_logged_in(anna)


def test_without_xsuaa_the_token_is_the_identity_services(tmp_path: Path) -> None:
    without = ("xsuaa", "destination", "connectivity")
    routes: list[dict[str, Any]] = [
        {"source": "^/user-api/(.*)$", "target": "/$1", "service": "sap-approuter-userapi"},
        {"source": "^/admin/(.*)$", "target": "/$1", "localDir": "public", "scope": "$XSAPPNAME.Admin"},
    ]
    landscape = Landscape(ias=True)
    environment = {"destinations": json.dumps([{"name": name, "url": "http://127.0.0.1:1"} for name in NAMES])}
    with identity_site(tmp_path, landscape, environment, routes, without) as site:
        anna = site.person("anna")
        user = anna.get("/user-api/currentUser").json()
        assert (user["firstname"], user["lastname"], user["email"]) == ("Anna", "Arnold", ANNA)
        assert user["scopes"] == []
        assert anna.get("/admin/logged-out.html").status_code == 403
        leave(site, anna)
        assert not is_logged_in(anna)
