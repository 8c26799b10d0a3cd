"""Renewal of tokens by several instances that share a store: refresh tokens that rotate are redeemed once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from secrets import token_hex

import pytest

from app.clients import PlatformClients
from app.principal import Tenant, UserCaller, UserPrincipal, UserToken
from app.request_head import RequestHead
from app.sessions.cookie import OwnCookies
from app.sessions.external_store import ExternalSessionStore
from app.sessions.manager import SessionManager
from app.sessions.refresh import TokenRefresher
from app.sessions.session import Session
from app.sessions.store import Lifetime
from app.tokens.grants import Grants
from app.tokens.identity_provider import Login
from app.tokens.jwks import KeyStore
from app.tokens.verifier import Verifier
from app.tokens.xsuaa_provider import XsuaaProvider
from tests.sessions.instances import Shared
from tests.sessions.store_contract import Clock
from tests.support.redis_servers import RedisServer
from tests.tokens.token_server import ZONE, TokenServer, token_server

ALICE = UserPrincipal(Tenant(ZONE, "acme"), "sap.default", "alice-id")
TOKEN_LIFE = 600.0


@dataclass
class Serving:
    """One instance that serves requests."""

    manager: SessionManager
    refresher: TokenRefresher
    store: ExternalSessionStore
    clients: PlatformClients

    async def served(self, head: RequestHead) -> Session:
        session = await self.manager.current(head)
        assert session is not None
        return session


@dataclass
class Site:
    """Two instances, and the authorization server."""

    one: Serving
    two: Serving
    clock: Clock
    server: TokenServer

    async def open(self, refresh_token: str = "refresh-1") -> RequestHead:
        token = UserToken(ALICE, "old", frozenset(), int(self.clock.now + TOKEN_LIFE))
        _, session_id = await self.one.manager.open(Login(UserCaller(token), refresh_token))
        return RequestHead("GET", "/", [(b"cookie", f"JSESSIONID={session_id}".encode())])

    async def drain(self) -> None:
        await asyncio.gather(self.one.refresher.drain(), self.two.refresher.drain())

    def redeemed(self) -> list[str]:
        return [form["refresh_token"] for form in self.server.forms("refresh_token")]


@pytest.fixture
def server() -> Iterator[TokenServer]:
    with token_server() as running:
        yield running


def serving(shared: Shared, server: TokenServer) -> Serving:
    clients, binding = PlatformClients(timeout=5), server.binding()
    keys = KeyStore(clients, binding.verificationkey)
    provider = XsuaaProvider(binding, Grants(clients), Verifier(binding, keys), keys)
    store = shared.instance(Lifetime(idle=5000, absolute=50_000)).store
    refresher = TokenRefresher(provider.renew, store, 300.0, shared.clock)
    return Serving(SessionManager(store, OwnCookies(), refresher, shared.clock), refresher, store, clients)


def use(redis_store: RedisServer, server: TokenServer, work: Callable[[Site], Awaitable[None]]) -> None:
    async def run() -> None:
        shared = Shared(redis_store, token_hex(32), Clock())
        shared.clock.now = time.time()
        one, two = serving(shared, server), serving(shared, server)
        await work(Site(one, two, shared.clock, server))
        for each in (one, two):
            await each.manager.aclose()
            await each.clients.aclose()

    asyncio.run(run())


@pytest.mark.parametrize("after", [TOKEN_LIFE - 1, TOKEN_LIFE + 1], ids=["just before", "just after"])
def test_attack_59_parallel_requests_on_two_instances_cause_one_renewal(
    redis_store: RedisServer, server: TokenServer, after: float
) -> None:
    """Case 59: 50 parallel requests at expiry."""
    server.delay = 0.1

    async def work(site: Site) -> None:
        head = await site.open()
        site.clock.now += after
        turns = [site.one, site.two] * 25
        await asyncio.gather(*(each.served(head) for each in turns))
        await site.drain()
        assert site.redeemed() == ["refresh-1"]
        first, second = await site.one.served(head), await site.two.served(head)
        assert first.token == second.token
        assert first.token.value != "old"
        assert (first.refresh_token, second.refresh_token) == ("refresh-2", "refresh-2")

    use(redis_store, server, work)


def test_attack_60_a_refused_refresh_token_is_tried_by_one_instance_and_ends_one_session(
    redis_store: RedisServer, server: TokenServer
) -> None:
    """Case 60."""
    server.script.append((401, {"error": "invalid_grant"}, {}))

    async def work(site: Site) -> None:
        head, other = await site.open(), await site.open("refresh-other")
        site.clock.now += TOKEN_LIFE - 10
        await site.one.served(head)
        await site.drain()
        await site.two.served(head)
        await site.drain()
        assert site.redeemed() == ["refresh-1"]
        site.clock.now += 11
        assert await site.two.manager.current(head) is None
        assert await site.one.manager.current(head) is None
        await site.two.served(other)

    use(redis_store, server, work)


def test_a_passing_trouble_keeps_the_old_token_on_all_instances(redis_store: RedisServer, server: TokenServer) -> None:
    server.script.append((500, {}, {}))

    async def work(site: Site) -> None:
        head = await site.open()
        site.clock.now += TOKEN_LIFE - 10
        assert (await site.one.served(head)).token.value == "old"
        await site.drain()
        assert (await site.one.served(head)).token.value == "old"
        await site.two.served(head)
        await site.drain()
        assert (await site.one.served(head)).token.value != "old"

    use(redis_store, server, work)


def test_the_lock_of_an_instance_that_died_lapses(
    redis_store: RedisServer, server: TokenServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.sessions.external_store.LOCK_SECONDS", 0.3)

    async def work(site: Site) -> None:
        head = await site.open()
        session = await site.one.served(head)
        assert await site.one.store._table.claim(session.key, b"somebody who died", 0.3)
        site.clock.now += TOKEN_LIFE + 1
        assert (await site.two.served(head)).token.value != "old"

    use(redis_store, server, work)


def test_the_lock_is_kept_while_a_renewal_takes_long(
    redis_store: RedisServer, server: TokenServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.sessions.external_store.LOCK_SECONDS", 0.3)
    server.delay = 1.0

    async def work(site: Site) -> None:
        head = await site.open()
        site.clock.now += TOKEN_LIFE + 1
        await asyncio.gather(site.one.served(head), site.two.served(head))
        assert site.redeemed() == ["refresh-1"]

    use(redis_store, server, work)


def test_a_logout_on_another_instance_during_a_renewal_stays_a_logout(
    redis_store: RedisServer, server: TokenServer
) -> None:
    server.delay = 0.2

    async def work(site: Site) -> None:
        head = await site.open()
        session = await site.two.served(head)
        site.clock.now += TOKEN_LIFE - 10
        await site.one.served(head)
        await site.two.manager.close(session)
        await site.drain()
        assert await site.one.manager.current(head) is None
        assert await site.two.manager.current(head) is None

    use(redis_store, server, work)
