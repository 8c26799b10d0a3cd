"""HTML5 applications from the repository, and data and applications of a business service."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from app.landscape.faults import Fault
from app.landscape.html5_apps import COUNTRY_HOST, COUNTRY_SERVICE, SHOP_HOST, HostedApp
from app.landscape.journal import Entry, Station
from app.landscape.landscape import Landscape
from app.landscape.running import running_landscape
from app.landscape.users import ACME, GLOBEX
from tests.journeys.conftest import NO_SCRIPTS, Site
from tests.journeys.gateway import running_gateway
from tests.journeys.person import TIMEOUT, Person
from tests.support.ports import free_port

ANNA, BOB = "anna.arnold@acme.example", "bob.berger@acme.example"
REPOSITORY = "html5-apps-repo-rt"
OPEN = "com.landscape.open"
XS_APP: dict[str, Any] = {
    "welcomeFile": "/shop/",
    "routes": [
        {"source": "^/countries/(.*)$", "target": "/$1", "service": COUNTRY_SERVICE, "endpoint": "api"},
        {"source": "^/open-countries/", "service": "country", "endpoint": "api", "authenticationType": "none"},
        {
            "source": "^/technical/(.*)$",
            "target": "/$1",
            "service": OPEN,
            "endpoint": "api",
            "authenticationType": "none",
        },
        {"source": "^/user-api(.*)", "target": "$1", "service": "sap-approuter-userapi"},
        {"source": "^/central/(.*)$", "target": "/$1", "destination": "microservice"},
    ],
    "logout": {"logoutEndpoint": "/do/logout"},
    "services": {COUNTRY_SERVICE: {"endpoint": "api", "logoutPath": "/echo", "logoutMethod": "POST"}},
}
AJAX = {"x-requested-with": "XMLHttpRequest"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder, port = tmp_path_factory.mktemp("router"), free_port()
    (folder / "xs-app.json").write_text(json.dumps(XS_APP))
    (folder / "resources").mkdir()
    with running_landscape(Landscape(html5=True)) as landscape:
        environment = landscape.environment(f"http://localhost:{port}") | NO_SCRIPTS
        environment |= with_open_service(environment)
        environment |= {"DIRECT_ROUTING_URI_PATTERNS": '["^central$"]', "OWN_SAP_CLOUD_SERVICE": '["my.solution"]'}
        with running_gateway(folder, environment, port=port, health="ready") as gateway:
            yield Site(landscape, gateway)


def with_open_service(environment: dict[str, str]) -> dict[str, str]:
    """The country service bound once more, under another name: for applications that call for themselves."""
    services = json.loads(environment["VCAP_SERVICES"])
    [country] = services["country"]
    credentials = {**country["credentials"], "sap.cloud.service": OPEN, "grant_type": "client_credentials"}
    del credentials["sap.cloud.service.alias"]
    services["country"].append({**country, "name": "demo-open", "credentials": credentials})
    return {"VCAP_SERVICES": json.dumps(services)}


def person(site: Site, user: str = "") -> Person:
    somebody = Person(site.gateway.url)
    if user:
        assert somebody.login(user, "/shop/index.html").status_code == 200
    return somebody


def seen_by_repository(site: Site, since: int) -> list[Entry]:
    return site.landscape.journal.entries(since=since, station=Station.HTML5_REPOSITORY)


def now(site: Site) -> int:
    return max((entry.sequence for entry in site.landscape.journal.entries()), default=0)


def status_of_raw_path(site: Site, path: str) -> int:
    """As it stands: other clients tidy paths up."""
    connection = HTTPConnection("localhost", site.gateway.port, timeout=TIMEOUT)
    connection.request("GET", path)
    return connection.getresponse().status


def deploy(site: Site, name: str, document: object, **files: bytes) -> None:
    """A public application with this xs-app.json, or without one."""
    content = {f"/{path.replace('_', '.')}": body for path, body in files.items()} | {"/manifest.json": b"{}"}
    if document is not None:
        content["/xs-app.json"] = document if isinstance(document, bytes) else json.dumps(document).encode()
    site.landscape.html5_repository.deploy(HostedApp(name, "1.0.0", SHOP_HOST, content, public=True))


def test_the_way_to_an_application_leads_over_the_login_to_its_welcome_page(site: Site) -> None:
    page = person(site).login("anna", "/")
    assert page.url == f"{site.gateway.url}/shop/index.html"
    assert "shop 1.1.0" in page.text


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/", "/shop/"),
        ("/shop", "./shop/"),
        ("/shop?a=b", "./shop/?a=b"),
        ("/shop/", "/shop/index.html"),
        ("/shop/?a=b", "/shop/index.html?a=b"),
        ("/shop-1.0.0/~1712345678~/", "/shop-1.0.0/~1712345678~/index.html"),
    ],
)
def test_addresses_lead_to_the_welcome_page(site: Site, path: str, location: str) -> None:
    answer = person(site).get(path, allow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (302, location)


def test_versions_are_told_apart_by_the_address(site: Site) -> None:
    anna = person(site, "anna")
    assert "shop 1.1.0" in anna.get("/shop/Component.js").text
    assert "shop 1.0.0" in anna.get("/shop-1.0.0/Component.js").text
    assert anna.get("/shop-2.0.0/Component.js").status_code == 404
    assert "shop 1.1.0" in anna.get("/mysolution.shop/Component.js").text
    assert "shop 1.1.0" in anna.get(f"/{SHOP_HOST}.mysolution.shop/Component.js").text


def test_applications_of_others_are_not_found_by_their_app_host(site: Site) -> None:
    anna, before = person(site, "anna"), now(site)
    for address in (f"/{COUNTRY_HOST}.mysolution.countrylist/index.html", f"/{COUNTRY_HOST}.country.countrylist/"):
        assert anna.get(address).status_code == 404
    assert {entry.detail["app_hosts"] for entry in seen_by_repository(site, before)} == {""}


def test_the_repository_sees_the_application_not_the_user(site: Site) -> None:
    anna, before = person(site, "anna"), now(site)
    assert anna.get("/shop/Component.js", headers={"x-app-host-id": COUNTRY_HOST}).status_code == 200
    [entry] = seen_by_repository(site, before)
    assert entry.principal == site.landscape.instances.html5_repository.client.client_id
    assert (entry.detail["path"], entry.detail["app_hosts"]) == ("/shop/Component.js", "")


def test_files_are_compared_by_their_tags(site: Site) -> None:
    anna = person(site, "anna")
    first = anna.get("/shop/Component.js", headers={"accept-encoding": "identity"})
    again = anna.get("/shop/Component.js", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]


def test_a_cache_buster_lets_browsers_keep_good_answers_of_the_repository(site: Site) -> None:
    anna = person(site, "anna")
    busted = anna.get("/shop/~1712345678~/Component.js")
    assert (busted.status_code, busted.headers["cache-control"]) == (200, "public, max-age=31536000")
    assert anna.get("/shop/Component.js").headers["cache-control"] == "private"
    missing = anna.get("/shop/~1712345678~/none.js")
    assert (missing.status_code, missing.headers.get("cache-control")) == (404, "private")
    data = anna.get("/shop/~1712345678~/service/whoami")
    assert (data.json()["user"], data.headers.get("cache-control")) == (ANNA, "private")


def test_public_files_need_no_login_and_have_the_routes_cache_control(site: Site) -> None:
    answer = person(site).get("/shop/public/hello.txt")
    assert (answer.text, answer.headers["cache-control"]) == ("hello from shop 1.1.0", "no-cache")
    assert person(site).get("/shop/Component.js", headers=AJAX).status_code == 401


def test_the_applications_own_routes_lead_to_destinations_and_services(site: Site) -> None:
    bob = person(site, "bob")
    assert bob.get("/shop/service/whoami").json()["user"] == BOB
    seen = bob.get("/shop/countries/whoami").json()
    assert (seen["user"], seen["cid"]) == (BOB, site.landscape.instances.country.client.client_id)


def test_guards_hold_for_the_routes_of_applications(site: Site) -> None:
    bob = person(site, "bob")
    assert bob.post("/shop/service/echo", data=b"x").status_code == 403
    token = bob.get("/shop/Component.js", headers={"x-csrf-token": "fetch"}).headers["x-csrf-token"]
    assert bob.post("/shop/service/echo", data=b"x", headers={"x-csrf-token": token}).content == b"x"
    for path in ("/shop//Component.js", "/shop/%2e%2e/xs-app.json", "/shop/~1~//Component.js"):
        assert status_of_raw_path(site, path) == 400


def test_applications_of_a_business_service_are_found_by_its_name_and_its_alias(site: Site) -> None:
    bob, before = person(site, "bob"), now(site)
    for prefix in ("comlandscapecountry", "country"):
        assert "countries" in bob.get(f"/{prefix}.countrylist/Component.js").text
        assert bob.get(f"/{prefix}.countrylist/api/whoami").json()["user"] == BOB
    assert {entry.detail["app_hosts"] for entry in seen_by_repository(site, before)} == {COUNTRY_HOST}
    assert bob.get("/countrylist/index.html").status_code == 404
    assert bob.get("/nobody.countrylist/index.html").status_code == 404


def test_data_of_a_business_service_are_read_with_the_exchanged_token(site: Site) -> None:
    country = site.landscape.instances.country.client.client_id
    people = {ANNA: person(site, "anna"), BOB: person(site, "bob")}
    for _ in range(3):
        for email, somebody in people.items():
            seen = somebody.get("/countries/whoami").json()
            assert (seen["user"], seen["cid"]) == (email, country)
    exchanges = site.landscape.journal.entries(station=Station.XSUAA)
    assert people[ANNA].get("/countries/whoami").status_code == 200
    assert site.landscape.journal.entries(station=Station.XSUAA) == exchanges


def test_a_business_service_serves_nobody_on_a_public_route(site: Site) -> None:
    answer = person(site).get("/open-countries/whoami")
    assert (answer.status_code, answer.headers["x-error-origin"]) == (401, "session")


def test_a_business_service_for_applications_serves_everybody_on_a_public_route(site: Site) -> None:
    client = site.landscape.instances.country.client.client_id
    for caller in (person(site), person(site, "anna")):
        seen = caller.get("/technical/whoami").json()
        assert (seen["user"], seen["cid"]) == (client, client)


def test_a_business_service_is_told_of_the_logout(site: Site) -> None:
    anna, before = person(site, "anna"), now(site)
    anna.get("/do/logout", allow_redirects=False)
    [call] = site.landscape.journal.entries(since=before, station=Station.MICROSERVICE)
    assert (call.principal, call.detail["method"], call.detail["path"]) == (ANNA, "POST", "/echo")


def test_an_application_inherits_the_logout(site: Site) -> None:
    anna = person(site, "anna")
    answer = anna.get("/shop/do/logout", allow_redirects=False)
    assert (answer.status_code, "/logout.do" in answer.headers["location"]) == (302, True)
    assert anna.get("/countries/whoami", headers=AJAX).status_code == 401


def test_addresses_of_the_application_router_itself_are_not_looked_up(site: Site) -> None:
    anna, before = person(site, "anna"), now(site)
    assert anna.get("/central/whoami").json()["user"] == ANNA
    assert anna.get("/favicon.ico").status_code == 404
    assert seen_by_repository(site, before) == []
    assert anna.get("/user-api/currentUser").json()["email"] == ANNA


def test_a_new_xs_app_json_counts_after_a_minute_or_when_asked_for(site: Site) -> None:
    files = {"hello_txt": b"hello"}
    public = {"source": "^(.*)$", "service": REPOSITORY, "authenticationType": "none"}
    deploy(site, "fresh", {"routes": [public]}, **files)
    assert person(site).get("/fresh/hello.txt").text == "hello"
    deploy(site, "fresh", {"routes": [{**public, "authenticationType": "xsuaa"}]}, **files)
    assert person(site).get("/fresh/hello.txt").text == "hello"
    assert person(site).get("/fresh/hello.txt?skipXSAppJsonCache=true", headers=AJAX).status_code == 401
    assert person(site).get("/fresh/hello.txt", headers=AJAX).status_code == 401


def test_what_is_only_for_us_is_not_seen_by_routes(site: Site) -> None:
    deploy(site, "strict", {"routes": [{"source": r"^/x\?a=1$", "target": "/public", "service": REPOSITORY}]})
    anna = person(site, "anna")
    before = now(site)
    assert anna.get("/strict/x?skipXSAppJsonCache=true&a=1").status_code == 404
    assert [entry.detail["path"] for entry in seen_by_repository(site, before)][-1] == "/strict/public"


@pytest.mark.parametrize(
    ("name", "document", "reason"),
    [
        ("none", None, "it has no xs-app.json"),
        ("broken", b"{", "valid JSON"),
        ("typo", {"routes": [{"source": "^/", "destinaton": "x"}]}, "$.routes[0]"),
        ("ias", {"routes": [{"source": "^/", "destination": "x", "authenticationType": "ias"}]}, "identity"),
    ],
)
def test_an_application_that_cannot_be_served_says_why(site: Site, name: str, document: object, reason: str) -> None:
    deploy(site, name, document)
    answer = person(site).get(f"/{name}/index.html")
    assert (answer.status_code, answer.headers["x-error-origin"]) == (502, "html5-repository")
    assert reason in answer.json()["detail"]


def test_an_application_has_no_folders_of_ours(site: Site) -> None:
    deploy(site, "folder", {"routes": [{"source": "^/(.*)$", "localDir": ".", "authenticationType": "none"}]})
    assert person(site).get("/folder/xs-app.json").status_code == 404
    deploy(site, "empty", {})
    assert person(site).get("/empty/index.html").status_code == 404


def test_error_pages_of_an_application_are_its_own(site: Site) -> None:
    pages = [{"status": 404, "path": "lost.html"}, {"status": 401, "file": "xs-app.json"}]
    deploy(site, "errors", {"errorPage": pages, "routes": [{"source": "^/x", "service": REPOSITORY}]})
    lost = person(site).get("/errors/none", headers={"accept": "text/html"}, allow_redirects=False)
    assert lost.headers.get("location") == "/errors/lost.html"
    assert "routes" not in person(site).get("/errors/x", headers=AJAX).text


def test_headers_of_an_application_are_on_its_answers_only(site: Site) -> None:
    header = {"name": "X-App", "value": "yes"}
    route = {"source": "^(.*)$", "service": REPOSITORY, "authenticationType": "none"}
    deploy(site, "headed", {"responseHeaders": [header], "routes": [route]}, a_txt=b"a")
    somebody = person(site)
    assert somebody.get("/headed/a.txt").headers["x-app"] == "yes"
    assert somebody.get("/headed/none.txt").headers["x-app"] == "yes"
    assert "x-app" not in somebody.get("/shop/public/hello.txt").headers


def test_unbound_services_are_named(site: Site) -> None:
    deploy(site, "unbound", {"routes": [{"source": "^/", "service": "com.nobody"}]})
    answer = person(site, "anna").get("/unbound/x")
    assert (answer.status_code, "com.nobody" in answer.json()["detail"]) == (502, True)


def test_while_the_repository_is_down_known_addresses_live(site: Site) -> None:
    anna = person(site, "anna")
    assert anna.get("/shop/service/whoami").status_code == 200
    site.landscape.faults.switch_on(Fault.SERVER_ERROR, Station.HTML5_REPOSITORY)
    assert anna.get("/shop/service/whoami?skipXSAppJsonCache=true").json()["user"] == ANNA
    assert anna.get("/central/whoami").json()["user"] == ANNA
    assert anna.get("/shop/Component.js").status_code == 503
    site.landscape.faults.clear()
    assert anna.get("/shop/Component.js").status_code == 200


@pytest.mark.parametrize(
    ("subscribed", "zone"), [({ACME.subdomain, GLOBEX.subdomain}, GLOBEX.zone_id), ({ACME.subdomain}, ACME.zone_id)]
)
def test_a_tenant_reads_with_its_own_token_or_else_with_the_providers(
    tmp_path: Path, subscribed: set[str], zone: str
) -> None:
    (tmp_path / "xs-app.json").write_text(json.dumps({"authenticationMethod": "none", "routes": []}))
    (tmp_path / "resources").mkdir()
    landscape, port = Landscape(html5=True, shared=True), free_port()
    runtime = landscape.instances.html5_repository
    client = replace(runtime.client, zones=frozenset(subscribed))
    landscape.instances = replace(landscape.instances, html5_repository=replace(runtime, client=client))
    with running_landscape(landscape):
        environment = landscape.environment(f"http://localhost:{port}")
        environment |= {"TENANT_HOST_PATTERN": r"^(.*)\.localhost"}
        with running_gateway(tmp_path, environment, port=port) as gateway:
            answer = Person(f"http://{GLOBEX.subdomain}.localhost:{port}").get("/shop/public/hello.txt")
            assert (answer.status_code, answer.text) == (200, "hello from shop 1.1.0"), gateway.last_lines
    assert {entry.detail["zone"] for entry in landscape.journal.entries(station=Station.HTML5_REPOSITORY)} == {zone}
