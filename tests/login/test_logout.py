from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from app.answer import Answer
from app.errors import Failure, GatewayError
from app.login.logout import BackendLogout, LogoutOptions
from app.login.tenant import TenantOptions
from app.principal import UserCaller
from app.routing.reference import DestinationReference
from app.sessions.session import Session
from tests.login.gateway_parts import HOST, Browser, Parts, header, query_of, run
from tests.tokens.token_server import CLIENT_ID, TokenServer, token_server

CALLS = (BackendLogout(DestinationReference("one"), "GET", "/bye"),)
WITH_PAGE = LogoutOptions("/do/logout", page="/web/page.html", backends=CALLS)
WITH_POST = LogoutOptions("/do/logout", page="http://employees.portal", method="POST", backends=CALLS)


@pytest.fixture
def server() -> Iterator[TokenServer]:
    with token_server() as running:
        yield running


async def log_out(parts: Parts, browser: Browser, query: str = "", method: str = "GET", **headers: str) -> Answer:
    head = browser.head(f"/do/logout{query}", method, **headers)
    answer = await parts.sign_in.endpoint(head, parts.tenants.own)
    assert answer is not None
    return browser.keep(answer)


def test_attack_61_the_session_ends_here_at_the_backends_and_at_the_authorization_server(server: TokenServer) -> None:
    async def work(parts: Parts) -> None:
        browser = Browser()
        await parts.log_in(browser)
        old = browser.head("/")
        [session] = await parts.sessions.found(old)
        answer = await log_out(parts, browser)
        address = header(answer, b"location")
        assert answer.status == 302
        assert urlsplit(address).path == "/logout.do"
        assert query_of(address) == {"client_id": CLIENT_ID, "redirect": f"http://{HOST}/web/page.html"}
        assert parts.told == [(session, CALLS[0], True)]
        assert session.ended
        assert await parts.sessions.current(old) is None
        assert browser.jar == {}

    run(Parts(server, logout_options=WITH_PAGE), work)


def test_without_session_the_browser_is_sent_on_all_the_same(server: TokenServer) -> None:
    async def work(parts: Parts) -> None:
        answer = await log_out(parts, Browser())
        assert answer.status == 302
        assert parts.told == []

    run(Parts(server, logout_options=WITH_PAGE), work)


async def two_sessions(parts: Parts) -> tuple[Browser, list[Session]]:
    """A browser that shows two sessions, one of them twice."""
    browsers = [Browser(), Browser()]
    for each in browsers:
        await parts.log_in(each)
    one, two = (f"JSESSIONID={each.jar['JSESSIONID']}" for each in browsers)
    browser = Browser(headers=((b"cookie", f"{one}; {two}; {one}".encode()),))
    sessions = await parts.sessions.found(browser.head("/"))
    assert len(sessions) == 2
    return browser, sessions


@pytest.mark.parametrize("options", [WITH_PAGE, WITH_POST], ids=["GET", "POST"])
def test_every_session_that_the_browser_shows_ends_and_is_told_once(
    server: TokenServer, options: LogoutOptions
) -> None:
    async def work(parts: Parts) -> None:
        browser, sessions = await two_sessions(parts)
        await log_out(parts, browser, method=options.method, x_csrf_token=sessions[0].make_csrf_token())
        await parts.sign_in.expire()
        assert parts.told == [(session, CALLS[0], True) for session in sessions]
        assert len(parts.store) == 0

    run(Parts(server, logout_options=options), work)


def ended_token(session: Session) -> None:
    """From now on the session's token has to be renewed before it is of any use."""
    session.caller = UserCaller(replace(session.token, expires_at=int(time.time()) - 1))
    session.attention_at = 0


def test_a_session_ends_though_the_authorization_server_is_away(server: TokenServer) -> None:
    async def work(parts: Parts) -> None:
        browser = Browser()
        await parts.log_in(browser)
        [session] = await parts.sessions.found(browser.head("/"))
        ended_token(session)
        server.script.extend([(500, b"", {})] * 2)
        answer = await log_out(parts, browser)
        assert answer.status == 302
        assert parts.told == [(session, CALLS[0], True)]
        assert len(parts.store) == 0

    run(Parts(server, logout_options=WITH_PAGE), work)


def test_a_session_ends_in_a_moment_though_the_authorization_server_is_silent(server: TokenServer) -> None:
    async def work(parts: Parts) -> None:
        browser = Browser()
        await parts.log_in(browser)
        ended_token((await parts.sessions.found(browser.head("/")))[0])
        server.delay = 4
        async with asyncio.timeout(3):
            assert (await log_out(parts, browser)).status == 302
        assert len(parts.store) == 0

    run(Parts(server, logout_options=WITH_PAGE), work)


def test_backends_are_told_with_a_token_that_lives(server: TokenServer) -> None:
    async def work(parts: Parts) -> None:
        browser = Browser()
        await parts.log_in(browser)
        ended_token((await parts.sessions.found(browser.head("/")))[0])
        await log_out(parts, browser)
        [(told, _, _)] = parts.told
        assert told.token.expires_at > time.time()

    run(Parts(server, logout_options=WITH_PAGE), work)


def test_without_a_backend_to_tell_no_token_is_renewed(server: TokenServer) -> None:
    async def work(parts: Parts) -> None:
        browser = Browser()
        await parts.log_in(browser)
        ended_token((await parts.sessions.found(browser.head("/")))[0])
        await log_out(parts, browser)
        assert not server.forms("refresh_token")
        assert len(parts.store) == 0

    run(Parts(server, logout_options=LogoutOptions("/do/logout")), work)


def test_a_session_ends_though_nobody_knows_where_to_go_next(server: TokenServer) -> None:
    async def work(parts: Parts) -> None:
        browser = Browser()
        await parts.log_in(browser)
        browser.host = "evil.example"
        with pytest.raises(GatewayError) as caught:
            await log_out(parts, browser)
        assert caught.value.failure is Failure.BAD_REQUEST
        assert len(parts.told) == 1
        assert len(parts.store) == 0

    run(Parts(server, logout_options=WITH_PAGE, tenant_options=TenantOptions(public_hosts=(HOST,))), work)


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
        answer = await log_out(parts, Browser(), query)
        assert query_of(header(answer, b"location")).get("redirect") == expected

    run(Parts(server, logout_options=LogoutOptions("/do/logout", page=page)), work)


@pytest.mark.parametrize("query", ["?skip-redirect", "?skip-redirect=true", "?a=b&skip-redirect"])
def test_the_identity_provider_can_ask_for_no_redirect(server: TokenServer, query: str) -> None:
    async def work(parts: Parts) -> None:
        browser = Browser()
        await parts.log_in(browser)
        answer = await log_out(parts, browser, query)
        assert answer.status == 200
        assert header(answer, b"location") == ""
        assert len(parts.store) == 0

    run(Parts(server, logout_options=WITH_PAGE), work)


def test_with_post_the_address_is_the_answers_text(server: TokenServer) -> None:
    async def work(parts: Parts) -> None:
        browser = Browser()
        await parts.log_in(browser)
        token = header(await log_out(parts, browser, x_csrf_token="fetch"), b"x-csrf-token")
        answer = await log_out(parts, browser, method="POST", x_csrf_token=token)
        assert answer.status == 200
        assert query_of(answer.body.decode())["redirect"] == "http://employees.portal"
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
        answer = await log_out(parts, browser, x_csrf_token="fetch")
        assert (answer.status, len(parts.store)) == (200, 1)
        with pytest.raises(GatewayError) as caught:
            await log_out(parts, Browser(), x_csrf_token="fetch")
        assert caught.value.failure is Failure.LOGIN_REQUIRED
        with pytest.raises(GatewayError) as caught:
            await log_out(parts, browser, method="POST")
        assert (caught.value.failure, len(parts.store)) == (Failure.CSRF_REQUIRED, 1)

    run(Parts(server, logout_options=WITH_POST), work)


def test_only_posted_logouts_are_protected() -> None:
    assert WITH_POST.needs_csrf
    assert not WITH_PAGE.needs_csrf
    assert not LogoutOptions("/x", method="POST", csrf_protection=False).needs_csrf
