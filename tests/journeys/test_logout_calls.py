"""Backends are told of a logout: as the user, with the cookies they know the session by, whatever led to it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from app.landscape.html5_apps import SHOP_HOST, HostedApp
from app.landscape.landscape import Landscape
from app.landscape.running import running_landscape
from tests.journeys.conftest import NO_SCRIPTS, Site
from tests.journeys.echo import Echo, Request, running_echo
from tests.journeys.gateway import running_gateway
from tests.journeys.person import Person
from tests.support.ports import free_port

PATIENCE = 30.0
XS_APP = {
    "routes": [
        {"source": "^/back/(.*)$", "target": "/$1", "destination": "back"},
        {"source": "^/other/(.*)$", "target": "/$1", "destination": "other"},
    ],
    "logout": {"logoutEndpoint": "/do/logout"},
    "destinations": {"back": {"logoutPath": "bye?x=1", "logoutMethod": "GET"}},
}
SHOP = {
    "routes": [{"source": "^/(.*)$", "target": "/$1", "destination": "other"}],
    "destinations": {"other": {"logoutPath": "/shop-bye"}},
}


@pytest.fixture(scope="module")
def echo() -> Iterator[Echo]:
    with running_echo() as backend:
        yield backend


@pytest.fixture(autouse=True)
def fresh(echo: Echo) -> Iterator[None]:
    echo.reset()
    yield
    echo.reset()


@pytest.fixture(scope="module")
def site(echo: Echo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder, port = tmp_path_factory.mktemp("router"), free_port()
    (folder / "xs-app.json").write_text(json.dumps(XS_APP))
    (folder / "resources").mkdir()
    named = [{"name": name, "url": echo.url, "forwardAuthToken": True} for name in ("back", "other")]
    with running_landscape(Landscape(html5=True)) as landscape:
        files = {"/manifest.json": b"{}", "/xs-app.json": json.dumps(SHOP).encode()}
        for name in ("seller", "unused"):
            landscape.html5_repository.deploy(HostedApp(name, "1.0.0", SHOP_HOST, files, public=True))
        environment = landscape.environment(f"http://localhost:{port}") | NO_SCRIPTS
        environment |= {"destinations": json.dumps(named)}
        with running_gateway(folder, environment, port=port, health="ready") as gateway:
            yield Site(landscape, gateway)


def anna_with_a_backend_session(site: Site, echo: Echo) -> Person:
    anna = Person(site.gateway.url)
    echo.answer = (200, {"set-cookie": "BSESSION=s1; Path=/"})
    assert anna.login("anna", "/back/x").text == "ok"
    echo.answer = (200, {})
    echo.seen.clear()
    return anna


def calls(echo: Echo, count: int = 1) -> dict[str, Request]:
    """The logout calls by address, once there are so many."""
    deadline = time.monotonic() + PATIENCE
    while len(echo.seen) < count:
        assert time.monotonic() < deadline, echo.seen
        time.sleep(0.01)
    return {request.target: request for request in echo.seen}


def test_the_call_carries_the_backends_cookies_the_users_token_and_where_the_logout_came_from(
    site: Site, echo: Echo
) -> None:
    anna = anna_with_a_backend_session(site, echo)
    anna.get("/do/logout?a=b", allow_redirects=False, headers={"x-correlationid": "bye-1"})
    call = calls(echo)["/bye?x=1"]
    assert (call.method, call.values("cookie")) == ("GET", ["BSESSION=s1"])
    assert call.values("authorization")[0].startswith("Bearer ey")
    assert (call.values("x-forwarded-host"), call.values("x-forwarded-path")) == (
        [f"localhost:{site.gateway.port}"], ["/do/logout"],
    )  # fmt: skip
    assert call.values("x-correlationid") == ["bye-1"]
    assert len(echo.seen) == 1


def test_a_slow_backend_does_not_hold_up_the_logout_and_is_told_all_the_same(site: Site, echo: Echo) -> None:
    anna = anna_with_a_backend_session(site, echo)
    echo.gate.clear()
    answer = anna.get("/do/logout", allow_redirects=False)
    assert (answer.status_code, "/logout.do" in answer.headers["location"]) == (302, True)
    assert calls(echo).keys() == {"/bye?x=1"}


@pytest.mark.parametrize("endpoint", ["/do/logout", "/seller/do/logout"])
def test_what_an_application_wants_told_is_told_at_any_logout_of_a_session_that_used_it(
    site: Site, echo: Echo, endpoint: str
) -> None:
    anna = anna_with_a_backend_session(site, echo)
    assert anna.get("/seller/x").text == "ok"
    echo.seen.clear()
    anna.get(endpoint, allow_redirects=False)
    assert calls(echo, 2).keys() == {"/bye?x=1", "/shop-bye"}
    assert len(echo.seen) == 2


def test_a_session_that_another_login_in_the_same_browser_replaces_is_told_too(site: Site, echo: Echo) -> None:
    anna = anna_with_a_backend_session(site, echo)
    session_cookies = {name: anna.cookies.pop(name) for name in ("JSESSIONID", "UAA-SESSION")}
    asked = anna.open("/back/x")  # led here by another site: SameSite=strict has kept the cookie back
    anna.cookies.set("JSESSIONID", session_cookies["JSESSIONID"], domain="localhost.local", path="/")
    assert anna.choose("bob", asked).text == "ok"
    told = calls(echo, 2)
    assert told.keys() == {"/x", "/bye?x=1"}
    assert (told["/x"].values("cookie"), told["/bye?x=1"].values("cookie")) == ([], ["BSESSION=s1"])
