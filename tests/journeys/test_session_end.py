"""What scripts are told when their session ends, and before: the contract of docs/ui5-session-end.md."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import pytest

from app.landscape.command import DEMO_FOLDER
from app.landscape.running import running_landscape
from tests.journeys.conftest import NO_SCRIPTS, Site
from tests.journeys.gateway import running_gateway
from tests.support.ports import free_port

SCRIPT = {"sec-fetch-dest": "empty", "sec-fetch-mode": "cors"}
PLACE = "/public/logged-out.html?a=b#/orders/7"
LOGIN = f"/.gangway/login?return={quote(PLACE, safe='')}"


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    port = free_port()
    with running_landscape() as landscape:
        own = NO_SCRIPTS | {"GATEWAY_SESSION_SECONDS": "true", "SESSION_TIMEOUT": "2"}
        environment = landscape.environment(f"http://localhost:{port}") | own
        with running_gateway(DEMO_FOLDER, environment, port=port, health="ready") as gateway:
            yield Site(landscape, gateway)


def test_a_script_without_a_session_is_told_where_to_log_in(site: Site) -> None:
    for headers in (SCRIPT, {"x-requested-with": "XMLHttpRequest"}):
        answer = site.person().get("/user-api/currentUser", headers=headers, allow_redirects=False)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == 'Session realm="login"'
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["login"] == "/.gangway/login"


def test_the_login_it_is_sent_to_returns_to_the_very_place(site: Site) -> None:
    person = site.person()
    page = person.login("anna", LOGIN)
    assert page.history[-1].headers["location"] == PLACE
    assert page.url == site.gateway.url + PLACE


def test_where_another_tab_was_faster_the_browser_is_sent_straight_back(site: Site) -> None:
    back = site.person("anna").get(LOGIN, allow_redirects=False)
    assert (back.status_code, back.headers["location"]) == (302, PLACE)


def test_scripts_are_told_how_long_their_session_lives(site: Site) -> None:
    anna = site.person("anna")
    assert 118 <= int(anna.get("/user-api/currentUser", headers=SCRIPT).headers["x-session-seconds"]) <= 120
    assert 118 <= int(anna.get("/service/whoami", headers=SCRIPT).headers["x-session-seconds"]) <= 120
    assert "x-session-seconds" not in anna.open("/index.html").headers
    assert "x-session-seconds" not in site.person().get("/public/logged-out.html", headers=SCRIPT).headers


def test_the_login_address_is_for_navigation(site: Site) -> None:
    answer = site.person().post("/.gangway/login")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")
