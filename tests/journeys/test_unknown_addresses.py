"""`REQUIRE_AUTH_FOR_UNKNOWN_ROUTES`: who is not logged in does not learn which addresses have a route."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from app.landscape.running import running_landscape
from tests.journeys.conftest import NO_SCRIPTS, Site
from tests.journeys.gateway import running_gateway
from tests.journeys.person import HTML
from tests.support.ports import free_port

PAGES = {"source": "^/pages/", "localDir": "."}
OPEN = {"source": "^/open/", "localDir": ".", "authenticationType": "none"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("unknown")
    (folder / "xs-app.json").write_text(json.dumps({"routes": [PAGES, OPEN]}))
    port = free_port()
    with running_landscape() as landscape:
        own = NO_SCRIPTS | {"REQUIRE_AUTH_FOR_UNKNOWN_ROUTES": "true"}
        environment = landscape.environment(f"http://localhost:{port}") | own
        with running_gateway(folder, environment, port=port) as gateway:
            yield Site(landscape, gateway)


def test_a_browser_is_sent_to_the_login_and_learns_after_it_that_there_is_nothing(site: Site) -> None:
    anna = site.person()
    found = anna.login("anna", "/unknown?a=1")
    assert (found.status_code, found.url) == (404, f"{site.gateway.url}/unknown?a=1")
    again = anna.get("/unknown", headers=HTML, allow_redirects=False)
    assert again.status_code == 404
    assert anna.post("/unknown").status_code == 404


def test_known_and_unknown_addresses_look_the_same_from_outside(site: Site) -> None:
    for path in ("/pages/x", "/unknown"):
        nobody = site.person()
        assert nobody.get(path, headers=HTML, allow_redirects=False).status_code == 302
        assert nobody.get(path, headers={"x-requested-with": "XMLHttpRequest"}).status_code == 401
        assert nobody.post(path).status_code == 401


def test_public_routes_stay_public(site: Site) -> None:
    assert site.person().get("/open/none", headers=HTML, allow_redirects=False).status_code == 404
