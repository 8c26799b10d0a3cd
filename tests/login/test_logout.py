from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from app.errors import Failure, GatewayError
from app.login.logout import BackendLogout, LogoutOptions, LogoutOutcome
from app.routing.reference import DestinationReference
from tests.login.gateway_parts import HOST, Browser, Parts, header, query_of, run
from tests.tokens.token_server import CLIENT_ID, TokenServer, token_server

CALLS = (BackendLogout(DestinationReference("one"), "GET", "/bye"),)
WITH_PAGE = LogoutOptions("/do/logout", page="/web/page.html", backends=CALLS)
WITH_POST = LogoutOptions("/do/logout", page="http://employees.portal", method="POST", backends=CALLS)


@pytest.fixture
def server() -> Iterator[TokenServer]:
    with token_server() as running:
        yield running


async def log_out(
    parts: Parts, browser: Browser, query: str = "", method: str = "GET", **headers: str
) -> LogoutOutcome:
    head = browser.head(f"/do/logout{query}", method, **headers)
    outcome = await parts.logout.handle(head, parts.tenants.own, await parts.sessions.current(head))
    browser.keep(outcome.answer)
    return outcome


def test_attack_61_the_session_ends_here_at_the_backends_and_at_the_authorization_server(server: TokenServer) -> None:
    async def work(parts: Parts) -> None:
        browser = Browser()
        await parts.log_in(browser)
        old = browser.head("/")
        outcome = await log_out(parts, browser)
        address = header(outcome.answer, b"location")
        assert outcome.answer.status == 302
        assert urlsplit(address).path == "/logout.do"
        assert query_of(address) == {"client_id": CLIENT_ID, "redirect": f"http://{HOST}/web/page.html"}
        assert outcome.calls == CALLS
        assert outcome.ended is not None
        assert outcome.ended.ended
        assert await parts.sessions.current(old) is None
        assert browser.jar == {}

    run(Parts(server, logout_options=WITH_PAGE), work)


def test_without_session_the_browser_is_sent_on_all_the_same(server: TokenServer) -> None:
    async def work(parts: Parts) -> None:
        outcome = await log_out(parts, Browser())
        assert outcome.answer.status == 302
        assert (outcome.ended, outcome.calls) == (None, ())

    run(Parts(server, logout_options=WITH_PAGE), work)


@pytest.mark.parametrize(
    ("page", "query", "expected"),
    [
        ("/web/page.html", "?siteId=3", f"http://{HOST}/web/page.html?siteId=3"),
        ("/web/page.html?a=b", "?c=d&e=%20", f"http://{HOST}/web/page.html?a=b&c=d&e=%20"),
        ("web/page.html", "", f"http://{HOST}/web/page.html"),
        ("http://employees.portal", "?x=1", "http://employees.portal?x=1"),
        ("//evil.example", "", f"http://{HOST}/"),
        ("", "?x=1", None),
    ],
)
def test_the_page_after_the_logout(server: TokenServer, page: str, query: str, expected: str | None) -> None:
    async def work(parts: Parts) -> None:
        outcome = await log_out(parts, Browser(), query)
        assert query_of(header(outcome.answer, b"location")).get("redirect") == expected

    run(Parts(server, logout_options=LogoutOptions("/do/logout", page=page)), work)


@pytest.mark.parametrize("query", ["?skip-redirect", "?skip-redirect=true", "?a=b&skip-redirect"])
def test_the_identity_provider_can_ask_for_no_redirect(server: TokenServer, query: str) -> None:
    async def work(parts: Parts) -> None:
        browser = Browser()
        await parts.log_in(browser)
        outcome = await log_out(parts, browser, query)
        assert outcome.answer.status == 200
        assert header(outcome.answer, b"location") == ""
        assert len(parts.store) == 0

    run(Parts(server, logout_options=WITH_PAGE), work)


def test_with_post_the_address_is_the_answers_text(server: TokenServer) -> None:
    async def work(parts: Parts) -> None:
        browser = Browser()
        await parts.log_in(browser)
        outcome = await log_out(parts, browser, method="POST")
        assert outcome.answer.status == 200
        assert query_of(outcome.answer.body.decode())["redirect"] == "http://employees.portal"
        assert len(parts.store) == 0

    run(Parts(server, logout_options=WITH_POST), work)


def test_with_post_a_get_only_fetches_a_csrf_token(server: TokenServer) -> None:
    async def work(parts: Parts) -> None:
        browser = Browser()
        await parts.log_in(browser)
        with pytest.raises(GatewayError) as caught:
            await log_out(parts, browser)
        assert caught.value.failure is Failure.METHOD_NOT_ALLOWED
        assert caught.value.headers == ((b"allow", b"POST"),)
        assert (await log_out(parts, browser, x_csrf_token="fetch")).answer.status == 200
        assert len(parts.store) == 1
        with pytest.raises(GatewayError) as caught:
            await log_out(parts, Browser(), x_csrf_token="fetch")
        assert caught.value.failure is Failure.LOGIN_REQUIRED

    run(Parts(server, logout_options=WITH_POST), work)


def test_only_posted_logouts_are_protected() -> None:
    assert WITH_POST.needs_csrf
    assert not WITH_PAGE.needs_csrf
    assert not LogoutOptions("/x", method="POST", csrf_protection=False).needs_csrf
