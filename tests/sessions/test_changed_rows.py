"""Rows of the store that somebody else has changed: they are absent or end in time, and harm no other session."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from secrets import token_hex

import pytest
import redis

from app.errors import GatewayError
from app.principal import KnownCaller, Tenant, UserCaller, UserPrincipal, UserToken
from app.request_head import RequestHead
from app.sessions.service_sessions import ServiceSessionOptions, ServiceSessions
from app.sessions.session import Session
from tests.sessions.instances import Instance, Shared, use
from tests.sessions.store_contract import LIFETIME
from tests.support.redis_servers import RedisServer

Change = Callable[[redis.Redis, bytes], object]


def another_kind(client: redis.Redis, key: bytes) -> None:
    client.delete(key)
    client.set(key, "text")


def member(name: str, value: str) -> Change:
    return lambda client, row: client.hset(row, name, value)


UNREADABLE = pytest.mark.parametrize(
    "change",
    [
        another_kind,
        member("version", "x"),
        member("version", ""),
        member("version", "9" * 5000),
        member("ends", "soon"),
        member("ends", "nan"),
        lambda client, row: client.hdel(row, "ends"),
    ],
    ids=["another kind", "no number", "empty", "too large", "no time", "not a number", "no end"],
)


def changed(shared: Shared, change: Change, session: Session) -> None:
    """Change the row of a session."""
    with shared.server.client() as client:
        (row,) = (key for key in client.scan_iter() if key.endswith(session.key.hex().encode()))
        change(client, row)


@UNREADABLE
@pytest.mark.parametrize("held", [False, True], ids=["unknown here", "held here"])
def test_a_row_that_cannot_be_read_is_absent_and_no_other_session_notices(
    redis_store: RedisServer, change: Change, held: bool
) -> None:
    async def work(shared: Shared, one: Instance) -> None:
        session, other = shared.new_session(), shared.new_session()
        for each in (session, other):
            await one.store.add(each)
            if held:
                await one.loaded(each.key)
        changed(shared, change, session)
        found = await asyncio.gather(*(one.store.load(each.key) for each in (session, other)))
        assert [each.key if each is not None else None for each in found] == [None, other.key]
        assert await one.loaded(other.key)

    use(redis_store, 1, work)


@UNREADABLE
def test_a_changed_row_can_be_written_prolonged_and_deleted_without_harm(
    redis_store: RedisServer, change: Change
) -> None:
    async def work(shared: Shared, one: Instance) -> None:
        session, other = shared.new_session(), shared.new_session()
        await one.store.add(session)
        await one.store.add(other)
        held = await one.loaded(session.key)
        changed(shared, change, session)
        held.make_csrf_token()
        await one.store.update(held)
        await one.table.prolong(session.key, shared.clock.now + 1, 1)
        assert await one.loaded(other.key)
        await one.store.delete(session.key)
        assert len(shared.rows()) == 1

    use(redis_store, 1, work)


@UNREADABLE
def test_the_ends_of_other_sessions_are_reported_beside_a_row_that_cannot_be_read(
    redis_store: RedisServer, change: Change
) -> None:
    async def work(shared: Shared, one: Instance) -> None:
        session, other = shared.new_session(), shared.new_session()
        await one.store.add(session)
        await one.store.add(other)
        (await one.loaded(session.key)).watch(lambda: None)
        changed(shared, change, session)
        shared.clock.now += LIFETIME.idle
        assert [ended.key for ended in await one.store.expire()] == [other.key]

    use(redis_store, 1, work)


@pytest.mark.parametrize("key", [b"ends", b"lock:", b"name:"])
def test_other_keys_of_another_kind_are_no_outage(redis_store: RedisServer, key: bytes) -> None:
    async def work(shared: Shared, one: Instance) -> None:
        session = shared.new_session()
        session.login_names = (b"sid-1",)
        await one.store.add(session)
        async with one.store.alone(session):
            with shared.server.client() as client:
                for found in list(client.scan_iter()):
                    if key in found:
                        client.delete(found)
                        client.hset(found, "a", "b")
        await one.store.of_login(b"sid-1")
        await one.store.expire()
        await one.store.add(shared.new_session())
        assert not await one.table.claim(session.key, b"me", 1) or key != b"lock:"
        assert await one.loaded(session.key)

    use(redis_store, 1, work)


def test_a_session_of_a_service_takes_the_place_of_a_key_of_another_kind(redis_store: RedisServer) -> None:
    async def work(shared: Shared, one: Instance) -> None:
        principal = UserPrincipal(Tenant("zone", "acme"), "sap.default", "alice")
        caller: KnownCaller = UserCaller(UserToken(principal, "token", frozenset(), 2**40))
        sessions = ServiceSessions(one.table, token_hex(32), ServiceSessionOptions(keeps_csrf=True), shared.clock)
        visitor = await sessions.visitor(RequestHead("GET", "/", []), caller)
        token = await sessions.csrf_token(visitor)
        with shared.server.client() as client:
            (row,) = shared.rows()
            another_kind(client, row)
        again = await sessions.visitor(RequestHead("GET", "/", []), caller)
        assert again.csrf_token == ""
        token = await sessions.csrf_token(again)
        assert (await sessions.visitor(RequestHead("GET", "/", []), caller)).csrf_token == token

    use(redis_store, 1, work)


def test_what_redis_itself_refuses_is_an_outage_all_the_same(redis_store: RedisServer) -> None:
    async def work(shared: Shared, one: Instance) -> None:
        await one.store.add(session := shared.new_session())
        with shared.server.client() as client:
            client.config_set("maxmemory", 1)
            try:
                with pytest.raises(GatewayError):
                    await one.store.add(shared.new_session())
            finally:
                client.config_set("maxmemory", 0)
        await asyncio.sleep(0.6)
        assert await one.loaded(session.key)

    use(redis_store, 1, work)


FAR = repr(1e18)


def forever(client: redis.Redis, row: bytes) -> None:
    client.hset(row, "ends", FAR)
    client.persist(row)


@pytest.mark.parametrize("held", [False, True], ids=["unknown here", "held here"])
def test_no_end_in_the_store_prolongs_a_session_beyond_its_sealed_limit(redis_store: RedisServer, held: bool) -> None:
    async def work(shared: Shared, one: Instance, two: Instance) -> None:
        await one.store.add(session := shared.new_session())
        if held:
            await two.loaded(session.key)
        changed(shared, forever, session)
        shared.clock.now += LIFETIME.absolute - 1
        assert await two.loaded(session.key)
        shared.clock.now += 1
        assert await two.store.load(session.key) is None

    use(redis_store, 2, work)


def test_a_session_whose_end_was_changed_is_reaped_at_its_limit(redis_store: RedisServer) -> None:
    async def work(shared: Shared, one: Instance) -> None:
        await one.store.add(session := shared.new_session())
        changed(shared, forever, session)
        shared.clock.now += LIFETIME.idle
        assert await one.store.expire() == []
        assert await one.loaded(session.key)
        shared.clock.now += LIFETIME.absolute - LIFETIME.idle
        assert [ended.key for ended in await one.store.expire()] == [session.key]
        assert shared.rows() == []

    use(redis_store, 1, work)


def test_web_sockets_close_at_the_sealed_limit_whatever_the_store_says(redis_store: RedisServer) -> None:
    async def work(shared: Shared, one: Instance) -> None:
        await one.store.add(session := shared.new_session())
        closed: list[bool] = []
        copy = await one.loaded(session.key)
        copy.watch(lambda: closed.append(True))
        changed(shared, forever, session)
        with shared.server.client() as client:
            client.delete(*(key for key in client.scan_iter() if key.endswith(b":ends")))
        shared.clock.now += LIFETIME.absolute - 1
        await one.store.expire()
        assert closed == []
        shared.clock.now += 1
        await one.store.expire()
        assert closed == [True]

    use(redis_store, 1, work)


def test_a_changed_end_of_a_row_that_cannot_be_opened_is_no_outage(redis_store: RedisServer) -> None:
    async def work(shared: Shared, one: Instance) -> None:
        await one.store.add(session := shared.new_session())
        changed(shared, forever, session)
        changed(shared, member("token", "nonsense"), session)
        shared.clock.now += LIFETIME.idle
        assert await one.store.expire() == []
        shared.clock.now += LIFETIME.absolute
        assert await one.store.expire() == []
        assert await one.store.load(session.key) is None

    use(redis_store, 1, work)


def test_a_key_of_another_kind_is_told_of_once_in_a_while(
    redis_store: RedisServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def told() -> int:
        return sum("another kind" in record.getMessage() for record in caplog.records)

    async def work(shared: Shared, one: Instance) -> None:
        await one.store.add(session := shared.new_session())
        changed(shared, another_kind, session)
        for _ in range(10):
            assert await one.store.load(session.key) is None
        assert told() == 1
        monkeypatch.setattr(one.table, "_quiet_until", 0.0)
        for _ in range(10):
            assert await one.store.load(session.key) is None
        assert told() == 2

    use(redis_store, 1, work)
