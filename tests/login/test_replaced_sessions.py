"""What becomes of the sessions of a browser that logs in again."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import pytest

from app.login.logout import BackendLogout, LogoutOptions
from app.principal import UserCaller
from app.request_head import RequestHead
from app.routing.reference import DestinationReference
from app.sessions.session import Session
from tests.login.gateway_parts import Browser, Parts, run
from tests.support.running import eventually
from tests.tokens.token_server import TokenServer, token_server

CALL = BackendLogout(DestinationReference("one"), "GET", "/bye")


@pytest.fixture
def server() -> Iterator[TokenServer]:
    with token_server() as running:
        yield running


def test_every_session_that_the_browser_shows_is_replaced_by_a_login_and_its_backends_are_told(
    server: TokenServer,
) -> None:
    async def work(parts: Parts) -> None:
        others = [Browser(), Browser()]
        for each in others:
            await parts.log_in(each)
        line = "; ".join(f"JSESSIONID={each.jar['JSESSIONID']}" for each in others)
        browser = Browser(headers=((b"cookie", line.encode()),))
        before = await parts.sessions.found(browser.head("/"))
        await parts.log_in(browser)
        assert [session.ended for session in before] == [True, True]
        assert len(parts.store) == 1
        await parts.sign_in.expire()
        await eventually(lambda: len(parts.told) == 2)
        assert parts.told == [(session, CALL, False) for session in before]

    run(Parts(server, logout_options=LogoutOptions("/logout", backends=(CALL,))), work)


def test_a_login_replaces_a_session_whose_token_cannot_be_renewed_now(server: TokenServer) -> None:
    async def work(parts: Parts) -> None:
        browser = Browser()
        await parts.log_in(browser)
        [before] = await parts.sessions.found(browser.head("/"))
        before.caller = UserCaller(replace(before.token, expires_at=1))
        before.attention_at = 0
        renewals = len(server.forms("refresh_token"))
        assert (await parts.log_in(browser)).status == 302
        assert before.ended
        assert len(server.forms("refresh_token")) == renewals

    run(Parts(server), work)


def test_slow_backends_hold_up_nothing_else(server: TokenServer) -> None:
    async def work(parts: Parts) -> None:
        browser, hold = Browser(), asyncio.Event()

        async def slow(session: Session, call: BackendLogout, asked: RequestHead | None) -> None:
            await hold.wait()
            parts.told.append((session, call, asked is not None))

        parts.sign_in.call_backend = slow
        for _ in range(3):
            await parts.log_in(browser)
        await parts.sign_in.expire()
        assert parts.told == []
        hold.set()
        await eventually(lambda: len(parts.told) == 2)

    run(Parts(server, logout_options=LogoutOptions("/logout", backends=(CALL,))), work)
