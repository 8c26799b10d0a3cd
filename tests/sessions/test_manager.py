"""Sessions and the renewal of their tokens, against an authorization server on a socket."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.clients import PlatformClients
from app.errors import Failure, GatewayError
from app.principal import Tenant, UserCaller, UserPrincipal, UserToken
from app.request_head import RequestHead
from app.sessions.cookie import OwnCookies, session_key
from app.sessions.manager import SessionManager
from app.sessions.memory_store import MemorySessionStore
from app.sessions.observer import End
from app.sessions.refresh import TokenRefresher, attention_time
from app.sessions.session import Session
from app.sessions.store import Lifetime
from app.tokens.grants import Grants
from app.tokens.identity_provider import Login
from app.tokens.jwks import KeyStore
from app.tokens.verifier import Verifier
from app.tokens.xsuaa_provider import XsuaaProvider
from tests.sessions.store_contract import Clock
from tests.tokens.token_server import ZONE, TokenServer, token_server

ALICE = UserPrincipal(Tenant(ZONE, "acme"), "sap.default", "alice-id")
TOKEN_LIFE = 600.0


@dataclass
class Parts:
    manager: SessionManager
    refresher: TokenRefresher
    clock: Clock
    server: TokenServer

    async def open(self, refresh_token: str = "refresh-1") -> tuple[Session, RequestHead]:
        token = UserToken(ALICE, "old", frozenset(), int(self.clock.now + TOKEN_LIFE))
        session, session_id = await self.manager.open(Login(UserCaller(token), refresh_token))
        return session, RequestHead("GET", "/", [(b"cookie", f"JSESSIONID={session_id}".encode())])

    def renewals(self) -> int:
        return len(self.server.forms("refresh_token"))


@pytest.fixture
def server() -> Iterator[TokenServer]:
    with token_server() as running:
        yield running


def use(server: TokenServer, work: Callable[[Parts], Awaitable[None]], window: float = 300.0) -> None:
    async def run() -> None:
        clock, clients, binding = Clock(), PlatformClients(timeout=5), server.binding()
        clock.now = time.time()
        keys = KeyStore(clients, binding.verificationkey)
        provider = XsuaaProvider(binding, Grants(clients), Verifier(binding, keys), keys)
        store = MemorySessionStore(Lifetime(idle=5000, absolute=50_000), clock=clock)
        refresher = TokenRefresher(provider.renew, store, window, clock)
        manager = SessionManager(store, OwnCookies(), refresher, clock)
        await work(Parts(manager, refresher, clock, server))
        await manager.aclose()
        await clients.aclose()

    asyncio.run(run())


def test_a_session_is_found_by_its_cookie(server: TokenServer) -> None:
    async def work(parts: Parts) -> None:
        session, head = await parts.open()
        assert await parts.manager.current(head) is session
        assert await parts.manager.current(RequestHead("GET", "/", [])) is None

    use(server, work)
    assert not server.asked


def test_attack_58_ours_wins_among_cookies_of_the_same_name(server: TokenServer) -> None:
    async def work(parts: Parts) -> None:
        session, head = await parts.open()
        tossed = b"JSESSIONID=" + b"x" * 43 + b"; " + next(value for _, value in head.headers)
        assert await parts.manager.current(RequestHead("GET", "/", [(b"cookie", tossed)])) is session

    use(server, work)


def test_the_id_is_not_the_key(server: TokenServer) -> None:
    async def work(parts: Parts) -> None:
        token = UserToken(ALICE, "old", frozenset(), int(parts.clock.now + TOKEN_LIFE))
        session, session_id = await parts.manager.open(Login(UserCaller(token)))
        assert session.key == session_key(session_id)
        assert session_id.encode() not in session.key

    use(server, work)


def test_attack_61_a_closed_session_is_gone(server: TokenServer) -> None:
    async def work(parts: Parts) -> None:
        session, head = await parts.open()
        await parts.manager.close(session)
        assert session.ended
        assert await parts.manager.current(head) is None

    use(server, work)


def test_sessions_that_ended_by_time_are_told_so(server: TokenServer) -> None:
    async def work(parts: Parts) -> None:
        session, _ = await parts.open()
        parts.clock.now += 5000
        assert await parts.manager.expire() == [session]
        assert session.ended

    use(server, work)


class Ends:
    """Notes the ends of sessions as observers are told of them."""

    def __init__(self) -> None:
        self.seen: list[tuple[Session, End]] = []

    def opened(self, session: Session) -> None:
        """Not of interest here."""

    def ended(self, session: Session, reason: End) -> None:
        self.seen.append((session, reason))


@pytest.mark.parametrize("reason", [End.REPLACED, End.TIMEOUT])
def test_backends_are_told_of_every_end_that_is_no_logout_and_once(server: TokenServer, reason: End) -> None:
    async def work(parts: Parts) -> None:
        ended, _ = await parts.open()
        logged_out, _ = await parts.open()
        assert await parts.manager.close(ended, reason)
        assert await parts.manager.close(logged_out)
        assert await parts.manager.expire() == [ended]
        assert await parts.manager.expire() == []

    use(server, work)


def test_a_session_whose_token_cannot_be_renewed_ends_once_however_many_requests_notice(server: TokenServer) -> None:
    async def work(parts: Parts) -> None:
        parts.manager.observers.append(ends := Ends())
        session, head = await parts.open(refresh_token="")
        parts.clock.now += TOKEN_LIFE + 1
        await asyncio.gather(*(parts.manager.current(head) for _ in range(5)))
        assert await parts.manager.expire() == [session]
        assert ends.seen == [(session, End.TIMEOUT)]

    use(server, work)


def test_a_session_that_ends_in_two_ways_at_once_is_told_once(server: TokenServer) -> None:
    async def work(parts: Parts) -> None:
        parts.manager.observers.append(ends := Ends())
        session, head = await parts.open()
        parts.clock.now += 5000
        assert await parts.manager.found(head) == []  # its backends will be told of the end by time
        assert await parts.manager.close(session)
        assert not await parts.manager.close(session, End.REPLACED)
        assert await parts.manager.expire() == []
        assert ends.seen == [(session, End.LOGOUT)]

    use(server, work)


def test_what_is_to_be_ended_is_found_without_the_authorization_server(server: TokenServer) -> None:
    async def work(parts: Parts) -> None:
        session, head = await parts.open()
        other, other_head = await parts.open()
        parts.clock.now += TOKEN_LIFE + 1
        both = RequestHead("GET", "/", [*head.headers, *other_head.headers, *head.headers])
        assert await parts.manager.found(both) == [session, other]
        assert await parts.manager.found(RequestHead("GET", "/", [])) == []

    use(server, work)
    assert not server.asked


def test_a_token_is_renewed_in_the_background_before_it_ends(server: TokenServer) -> None:
    async def work(parts: Parts) -> None:
        session, head = await parts.open()
        parts.clock.now += TOKEN_LIFE - 301
        await parts.manager.current(head)
        assert parts.renewals() == 0
        parts.clock.now += 2
        assert await parts.manager.current(head) is session
        assert session.token.value == "old"
        await parts.refresher.drain()
        assert session.token.value != "old"
        assert session.refresh_token == "refresh-2"
        assert session.token.principal == ALICE

    use(server, work)
    assert server.forms("refresh_token")[0]["refresh_token"] == "refresh-1"


@pytest.mark.parametrize("after", [TOKEN_LIFE - 1, TOKEN_LIFE + 1], ids=["just before", "just after"])
def test_attack_59_parallel_requests_at_expiry_cause_one_renewal(server: TokenServer, after: float) -> None:
    server.delay = 0.05

    async def work(parts: Parts) -> None:
        session, head = await parts.open()
        parts.clock.now += after
        found = await asyncio.gather(*(parts.manager.current(head) for _ in range(50)))
        assert all(one is session for one in found)
        await parts.refresher.drain()
        assert parts.renewals() == 1

    use(server, work)


def test_attack_60_a_refused_refresh_token_ends_only_its_session_and_only_with_its_token(server: TokenServer) -> None:
    async def work(parts: Parts) -> None:
        session, head = await parts.open()
        other, other_head = await parts.open()
        server.script.append((401, {"error": "invalid_grant"}, {}))
        parts.clock.now += TOKEN_LIFE - 10
        assert await parts.manager.current(head) is session
        await parts.refresher.drain()
        assert session.refresh_token == ""
        assert await parts.manager.current(head) is session
        parts.clock.now += 10
        assert await parts.manager.current(head) is None
        assert session.ended
        assert await parts.manager.current(other_head) is other
        assert parts.renewals() == 2

    use(server, work)


def test_a_wrong_secret_of_ours_costs_no_session_its_refresh_token(server: TokenServer) -> None:
    async def work(parts: Parts) -> None:
        session, head = await parts.open()
        server.script.append((401, {"error": "unauthorized", "error_description": "Bad credentials"}, {}))
        parts.clock.now += TOKEN_LIFE - 10
        assert await parts.manager.current(head) is session
        await parts.refresher.drain()
        assert session.refresh_token

    use(server, work)


def test_trouble_keeps_the_old_token_while_it_lives(server: TokenServer) -> None:
    async def work(parts: Parts) -> None:
        session, head = await parts.open()
        server.script.extend([(500, b"", {})] * 2)
        parts.clock.now += TOKEN_LIFE - 100
        assert await parts.manager.current(head) is session
        await parts.refresher.drain()
        assert await parts.manager.current(head) is session
        assert parts.renewals() == 1  # a pause follows a failure
        parts.clock.now += 101
        with pytest.raises(GatewayError) as caught:
            await parts.manager.current(head)
        assert caught.value.failure is Failure.XSUAA_UNAVAILABLE
        assert await parts.manager.current(head) is session
        assert session.token.value != "old"

    use(server, work)


def test_a_renewed_token_of_somebody_else_is_refused(server: TokenServer) -> None:
    server.overrides["user_id"] = "mallory-id"

    async def work(parts: Parts) -> None:
        session, head = await parts.open()
        parts.clock.now += TOKEN_LIFE + 1
        assert await parts.manager.current(head) is None
        assert session.token.value == "old"

    use(server, work)


def test_without_refresh_token_a_session_ends_with_its_token(server: TokenServer) -> None:
    async def work(parts: Parts) -> None:
        session, head = await parts.open(refresh_token="")
        parts.clock.now += TOKEN_LIFE - 1
        assert await parts.manager.current(head) is session
        parts.clock.now += 2
        assert await parts.manager.current(head) is None

    use(server, work)
    assert not server.asked


def test_renewal_can_be_switched_off(server: TokenServer) -> None:
    async def work(parts: Parts) -> None:
        _, head = await parts.open()
        parts.clock.now += TOKEN_LIFE + 1
        assert await parts.manager.current(head) is None

    use(server, work, window=0)
    assert not server.asked


def test_a_logout_during_a_renewal_stays_a_logout(server: TokenServer) -> None:
    server.delay = 0.05

    async def work(parts: Parts) -> None:
        session, head = await parts.open()
        parts.clock.now += TOKEN_LIFE - 10
        await parts.manager.current(head)
        await parts.manager.close(session)
        await parts.refresher.drain()
        assert await parts.manager.current(head) is None

    use(server, work)


@given(life=st.integers(1, 100_000), window=st.floats(0, 10_000), refresh_token=st.sampled_from(["", "r"]))
def test_attention_is_due_between_now_and_the_tokens_end(life: int, window: float, refresh_token: str) -> None:
    token = UserToken(ALICE, "t", frozenset(), 1000 + life)
    due = attention_time(Login(UserCaller(token), refresh_token), window, 1000.0)
    assert 1000 < due <= 1000 + life
    if not refresh_token or window == 0:
        assert due == 1000 + life
