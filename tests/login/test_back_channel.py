"""Back-channel logout: which tokens end which sessions (OpenID Connect Back-Channel Logout 1.0)."""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import Any
from urllib.parse import urlencode

import pytest
from joserfc import jwt

from app.answer import Answer
from app.errors import Failure, GatewayError
from app.login.back_channel import BackChannelLogout
from app.principal import UserCaller
from app.request_head import RequestHead
from app.sessions.cookie import OwnCookies
from app.sessions.manager import SessionManager
from app.sessions.memory_store import MemorySessionStore
from app.sessions.refresh import TokenRefresher
from app.sessions.session import Session
from app.sessions.store import Lifetime
from app.tokens.identity_provider import Login
from tests.identity_service.identity_server import EVENT, KID, IdentityServer, identity_server, sign
from tests.identity_service.parts import Parts, use
from tests.tokens.token_server import FOREIGN_KEY

NOW = int(time.time())
PATH = "/report/logout"


class Store(MemorySessionStore):
    """A store that can be full: it takes nothing more."""

    is_full = False

    async def end_login(self, name: bytes) -> None:
        if self.is_full:
            raise GatewayError(Failure.STORE_UNAVAILABLE)
        await super().end_login(name)


class Reports:
    """The endpoint, with sessions opened by logins at the identity service."""

    def __init__(self, parts: Parts, server: IdentityServer) -> None:
        self.parts = parts
        self.server = server
        self.store = Store(Lifetime())
        refresher = TokenRefresher(parts.provider.renew, self.store)
        self.sessions = SessionManager(self.store, OwnCookies(), refresher)
        self.endpoint = BackChannelLogout(PATH, parts.verifier, self.sessions)

    async def log_in(self, sub: str, sid: str) -> tuple[Session, RequestHead]:
        """A session and a request of its browser."""
        login = await self.parts.verifier.verify_login(self.server.token(sub=sub, sid=sid))
        session, session_id = await self.sessions.open(Login(UserCaller(login.token, login.token), names=login.names))
        return session, RequestHead("GET", "/", [(b"cookie", f"JSESSIONID={session_id}".encode())])

    async def report(self, body: bytes | str, method: str = "POST") -> tuple[Answer, list[Session]]:
        """A call of the endpoint with a body, or with a token."""
        data = urlencode({"logout_token": body}).encode() if isinstance(body, str) else body

        async def receive() -> MutableMapping[str, Any]:
            return {"type": "http.request", "body": data, "more_body": False}

        return await self.endpoint.handle(RequestHead(method, PATH, []), receive)


@pytest.fixture
def server() -> Iterator[IdentityServer]:
    with identity_server() as running:
        yield running


def reports(server: IdentityServer, work: Callable[[Reports], Awaitable[None]]) -> None:
    use(server.credentials(), lambda parts: work(Reports(parts, server)))


def test_a_logout_by_session_ends_this_session_alone(server: IdentityServer) -> None:
    async def work(reports: Reports) -> None:
        ended, head = await reports.log_in("alice", "s-1")
        _, other = await reports.log_in("alice", "s-2")
        closed: list[str] = []
        ended.watch(lambda: closed.append("web socket"))
        answer, sessions = await reports.report(server.logout_token(sub="alice", sid="s-1"))
        assert (answer.status, answer.headers, answer.body) == (200, ((b"cache-control", b"no-store"),), b"")
        assert sessions == [ended]
        assert closed == ["web socket"]
        assert await reports.sessions.current(head) is None
        assert await reports.sessions.current(other) is not None

    reports(server, work)


def test_a_logout_by_user_ends_all_of_the_users_sessions(server: IdentityServer) -> None:
    async def work(reports: Reports) -> None:
        mine = [(await reports.log_in("alice", f"s-{number}"))[0] for number in range(3)]
        _, other = await reports.log_in("bob", "s-9")
        _, sessions = await reports.report(server.logout_token(sub="alice", sid=None))
        assert {session.key for session in sessions} == {session.key for session in mine}
        assert await reports.sessions.current(other) is not None

    reports(server, work)


def test_a_session_of_another_user_is_not_meant(server: IdentityServer) -> None:
    async def work(reports: Reports) -> None:
        await reports.log_in("alice", "s-1")
        answer, sessions = await reports.report(server.logout_token(sub="bob", sid="s-1"))
        assert (answer.status, sessions) == (200, [])
        _, sessions = await reports.report(server.logout_token(sub=None, sid="s-1"))
        assert len(sessions) == 1

    reports(server, work)


@pytest.mark.parametrize("sub", ["alice", None])
def test_a_report_that_comes_before_the_session_is_opened_is_not_missed(
    server: IdentityServer, sub: str | None
) -> None:
    async def work(reports: Reports) -> None:
        answer, sessions = await reports.report(server.logout_token(sub=sub, sid="s-1"))
        assert (answer.status, sessions) == (200, [])
        with pytest.raises(GatewayError) as caught:
            await reports.log_in("alice", "s-1")
        assert caught.value.failure is Failure.LOGIN_FAILED
        assert len(reports.store) == 0
        await reports.log_in("alice", "s-2")

    reports(server, work)


def test_sessions_end_also_where_the_end_of_the_login_cannot_be_noted(server: IdentityServer) -> None:
    """A driver of one's own that takes keys of rows only, or a store that is full: the service may try again."""

    async def work(reports: Reports) -> None:
        session, _ = await reports.log_in("alice", "s-1")
        _, other = await reports.log_in("alice", "s-2")
        reports.store.is_full = True
        with pytest.raises(GatewayError) as caught:
            await reports.report(server.logout_token(sub="alice", sid="s-1"))
        assert caught.value.failure is Failure.STORE_UNAVAILABLE
        assert session.ended
        assert await reports.sessions.expire() == [session]
        assert await reports.sessions.current(other) is not None

    reports(server, work)


def test_after_a_logout_by_user_the_user_can_log_in_again(server: IdentityServer) -> None:
    async def work(reports: Reports) -> None:
        await reports.report(server.logout_token(sub="alice", sid=None))
        await reports.log_in("alice", "s-1")

    reports(server, work)


@pytest.mark.parametrize(
    "overrides",
    [
        {"events": None},
        {"events": {}},
        {"events": {"http://other": {}}},
        {"events": {EVENT: True}},
        {"events": [EVENT]},
        {"nonce": "n"},
        {"sub": None, "sid": None},
        {"jti": None},
        {"aud": "other"},
        {"iss": "https://evil.example"},
        {"iat": None},
        {"iat": NOW - 400},
        {"iat": NOW + 86_400},
        {"exp": NOW - 100},
        {"sid": 7},
    ],
)
def test_invalid_tokens_end_nothing(server: IdentityServer, overrides: dict[str, Any]) -> None:
    async def work(reports: Reports) -> None:
        session, _ = await reports.log_in("alice-sub", "s-1")
        answer, sessions = await reports.report(server.logout_token(**overrides))
        assert (answer.status, sessions) == (400, [])
        assert (b"cache-control", b"no-store") in answer.headers
        assert json.loads(answer.body)["error"] == "invalid_request"
        assert not session.ended

    reports(server, work)


def test_forged_tokens_and_tokens_of_logins_end_nothing(server: IdentityServer) -> None:
    logout = server.claims(events={EVENT: {}})
    forged = [
        jwt.encode({"alg": "RS256", "kid": KID}, logout, FOREIGN_KEY, algorithms=["RS256"]),
        sign(logout)[:-6] + "AAAAAA",
        server.token(),
        "",
        "x",
    ]

    async def work(reports: Reports) -> None:
        await reports.log_in("alice-sub", "s-1")
        for token in forged:
            answer, sessions = await reports.report(token)
            assert (answer.status, sessions) == (400, [])

    reports(server, work)


def test_a_token_counts_once(server: IdentityServer) -> None:
    async def work(reports: Reports) -> None:
        token = server.logout_token(sub="alice", sid=None)
        await reports.log_in("alice", "s-1")
        assert len((await reports.report(token))[1]) == 1
        await reports.log_in("alice", "s-2")
        answer, sessions = await reports.report(token)
        assert (answer.status, sessions) == (400, [])
        assert "before" in json.loads(answer.body)["error_description"]

    reports(server, work)


@pytest.mark.parametrize(
    "body",
    [b"", b"logout_token=", b"\xff\xfe", b"a=1&" * 20, b"x" * 40_000, b"logout_token=a&logout_token=b"],
)
def test_other_bodies_are_refused(server: IdentityServer, body: bytes) -> None:
    async def work(reports: Reports) -> None:
        answer, sessions = await reports.report(body)
        assert (answer.status, sessions) == (400, [])

    reports(server, work)


def test_other_methods_are_refused(server: IdentityServer) -> None:
    async def work(reports: Reports) -> None:
        with pytest.raises(GatewayError) as caught:
            await reports.report(b"", "GET")
        assert caught.value.failure is Failure.METHOD_NOT_ALLOWED
        assert caught.value.headers == ((b"allow", b"POST"),)

    reports(server, work)


def test_a_service_whose_keys_cannot_be_had_may_try_again(server: IdentityServer) -> None:
    async def work(reports: Reports) -> None:
        token = server.logout_token()
        server.script.extend([(503, {}, {})] * 2)
        with pytest.raises(GatewayError) as caught:
            await reports.report(token)
        assert caught.value.failure is Failure.IDENTITY_UNAVAILABLE

    reports(server, work)


def test_a_logout_token_is_no_proof_of_a_caller(server: IdentityServer) -> None:
    async def work(reports: Reports) -> None:
        with pytest.raises(GatewayError) as caught:
            await reports.parts.verifier.verify_again(server.logout_token(azp="c", app_tid=None))
        assert caught.value.failure is Failure.TOKEN_REFUSED

    reports(server, work)
