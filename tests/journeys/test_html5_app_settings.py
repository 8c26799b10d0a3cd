"""An HTML5 application's own xs-app.json beside its routes: origins, and how a login that began there ends."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from app.landscape.html5_apps import SHOP_HOST, HostedApp
from app.landscape.landscape import Landscape
from app.landscape.running import running_landscape
from tests.journeys.conftest import NO_SCRIPTS, Site
from tests.journeys.gateway import running_gateway
from tests.journeys.person import HTML, Person
from tests.support.ports import free_port

CENTRAL, APP, VARIABLE = "https://central.example", "https://app.example", "https://env.example"
ROUTES = [
    {"source": "^/open/(.*)$", "target": "/$1", "service": "html5-apps-repo-rt", "authenticationType": "none"},
    {"source": "^(.*)$", "service": "html5-apps-repo-rt"},
]
ALLOW = "access-control-allow-origin"


def cors(origin: str, pattern: str = "^/") -> list[dict[str, Any]]:
    return [{"uriPattern": pattern, "allowedOrigin": [{"host": origin.removeprefix("https://"), "protocol": "https"}]}]


def deploy(site: Site, name: str, document: Mapping[str, Any]) -> None:
    files = {"/manifest.json": b"{}", "/hello.txt": b"hello", "/xs-app.json": json.dumps(document).encode()}
    site.landscape.html5_repository.deploy(HostedApp(name, "1.0.0", SHOP_HOST, files, public=True))


@contextmanager
def running_site(folder: Path, document: Mapping[str, Any], **variables: str) -> Iterator[Site]:
    (folder / "xs-app.json").write_text(json.dumps(document))
    (folder / "resources").mkdir(exist_ok=True)
    port = free_port()
    with running_landscape(Landscape(html5=True)) as landscape:
        environment = landscape.environment(f"http://localhost:{port}") | NO_SCRIPTS | variables
        with running_gateway(folder, environment, port=port, health="ready") as gateway:
            yield Site(landscape, gateway)


def allowed(site: Site, path: str) -> set[str]:
    """Which of the origins may call an address, by its answers and by those to preflights alike."""
    found: list[set[str]] = []
    for method in ("GET", "OPTIONS"):
        answers = {origin: asked(site, path, method, origin) for origin in (CENTRAL, APP, VARIABLE)}
        found.append({origin for origin, answer in answers.items() if answer.headers.get(ALLOW) == origin})
        assert {answer.status_code for origin, answer in answers.items() if origin not in found[-1]} <= {403}
    assert found[0] == found[1]
    return found[0]


def asked(site: Site, path: str, method: str, origin: str) -> requests.Response:
    headers = {"origin": origin, "access-control-request-method": "GET"}
    return Person(site.gateway.url).request(method, path, headers=headers, allow_redirects=False)


@pytest.mark.parametrize(
    ("central", "variable", "own", "with_own", "without"),
    [
        (True, True, {CENTRAL}, {APP}, {VARIABLE}),
        (False, True, {VARIABLE}, {APP}, {VARIABLE}),
    ],
)
def test_origins_are_those_of_the_application_and_else_of_the_variable_never_ours(
    tmp_path: Path, central: bool, variable: bool, own: set[str], with_own: set[str], without: set[str]
) -> None:
    document = {"routes": [], "logout": {"logoutEndpoint": "/do/logout"}} | ({"cors": cors(CENTRAL)} if central else {})
    with running_site(tmp_path, document, CORS=json.dumps(cors(VARIABLE))) as site:
        deploy(site, "strict", {"routes": ROUTES, "cors": cors(APP, "^/strict/open/")})
        deploy(site, "plain", {"routes": ROUTES})
        assert allowed(site, "/strict/open/hello.txt") == with_own
        assert allowed(site, "/plain/open/hello.txt") == without
        for path in ("/nowhere/x", "/login/callback", "/do/logout"):
            assert allowed(site, path) == own


def test_an_application_with_origins_of_its_own_does_not_need_any_of_ours(tmp_path: Path) -> None:
    with running_site(tmp_path, {"routes": [], "cors": cors(CENTRAL)}) as site:
        deploy(site, "plain", {"routes": ROUTES})
        answer = asked(site, "/plain/open/hello.txt", "GET", CENTRAL)
        assert (answer.status_code, answer.headers.get(ALLOW)) == (200, None)


@pytest.mark.parametrize("switched_on", ["true", "false"])
def test_a_login_can_end_with_the_headers_and_error_pages_of_the_application_it_began_in(
    tmp_path: Path, switched_on: str
) -> None:
    by_app = switched_on == "true"
    pages = [{"status": [400, 401, 403], "path": "lost.html"}]
    header = [{"name": "X-App", "value": "shop"}]
    with running_site(tmp_path, {"routes": []}, USE_HTML5_APP_XS_APPJSON_IN_LOGIN_CALLBACK=switched_on) as site:
        deploy(site, "headed", {"routes": ROUTES, "errorPage": pages, "responseHeaders": header})
        anna = Person(site.gateway.url)
        page = anna.login("anna", "/headed/hello.txt")
        back = page.history[-1]
        assert (page.text, back.url.partition("?")[0]) == ("hello", f"{site.gateway.url}/login/callback")
        assert back.headers.get("x-app") == ("shop" if by_app else None)

        replayed = Person(site.gateway.url).get(back.url, headers=HTML, allow_redirects=False)
        assert replayed.headers.get("location") == ("/headed/lost.html" if by_app else None)
        assert (replayed.status_code, "set-cookie" in replayed.headers) == (302 if by_app else 400, False)
        elsewhere = Person(site.gateway.url).get("/login/callback?state=none&code=x", headers=HTML)
        assert (elsewhere.status_code, "x-app" in elsewhere.headers) == (400, False)
