"""What every session store must do. A store's test module subclasses `StoreContract` and says how to make one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from app.principal import Tenant, UserCaller, UserPrincipal, UserToken
from app.sessions.cookie import new_session_id, session_key
from app.sessions.external_store import ExternalSessionStore
from app.sessions.session import Session
from app.sessions.store import Lifetime, SessionStore

TOKEN = UserToken(
    UserPrincipal(Tenant("zone", "acme"), "sap.default", "alice"), "token-1", frozenset({"a.Read"}), 2**40
)
LIFETIME = Lifetime(idle=100, absolute=250)


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def new_session(clock: Clock, login_names: tuple[bytes, ...] = ()) -> Session:
    key = session_key(new_session_id())
    return Session(key, UserCaller(TOKEN), "refresh-1", clock.now, login_names=login_names)


class StoreContract:
    """The contract; times are those of `clock`."""

    def make(self, clock: Clock) -> SessionStore:
        """A store with `LIFETIME`."""
        raise NotImplementedError

    def use(self, work: Callable[[SessionStore, Clock], Awaitable[None]]) -> None:
        async def run() -> None:
            clock = Clock()
            store = self.make(clock)
            await work(store, clock)
            await store.aclose()

        asyncio.run(run())

    def test_a_session_is_found_under_its_key_only(self) -> None:
        async def work(store: SessionStore, clock: Clock) -> None:
            mine, other = new_session(clock), new_session(clock)
            await store.add(mine)
            found = await store.load(mine.key)
            assert found is not None
            assert (found.key, found.token, found.refresh_token) == (mine.key, TOKEN, "refresh-1")
            assert await store.load(other.key) is None

        self.use(work)

    def test_a_touched_session_lives_on_and_an_ended_one_stays_ended(self) -> None:
        async def work(store: SessionStore, clock: Clock) -> None:
            session = new_session(clock)
            await store.add(session)
            clock.now += LIFETIME.idle - 1
            await self.touched(store, session.key)
            clock.now += LIFETIME.idle - 1
            assert await store.load(session.key) is not None
            clock.now += LIFETIME.idle + 1
            await self.touched(store, session.key)
            assert await store.load(session.key) is None
            await self.touched(store, new_session(clock).key)

        self.use(work)

    async def touched(self, store: SessionStore, key: bytes) -> None:
        """Touch a session, and wait until that has been written."""
        store.touch(key)
        if isinstance(store, ExternalSessionStore):
            await store._touching.drain()

    def test_changes_are_kept(self) -> None:
        async def work(store: SessionStore, clock: Clock) -> None:
            session = new_session(clock)
            await store.add(session)
            csrf_token = session.make_csrf_token()
            await store.update(session)
            found = await store.load(session.key)
            assert found is not None
            assert found.csrf_token == csrf_token

        self.use(work)

    def test_a_deleted_session_is_gone_and_an_update_does_not_bring_it_back(self) -> None:
        async def work(store: SessionStore, clock: Clock) -> None:
            session = new_session(clock)
            await store.add(session)
            await store.delete(session.key)
            await store.update(session)
            assert await store.load(session.key) is None
            await store.delete(session.key)

        self.use(work)

    def test_attack_62_idleness_ends_a_session_and_use_prolongs_it(self) -> None:
        async def work(store: SessionStore, clock: Clock) -> None:
            used, unused = new_session(clock), new_session(clock)
            await store.add(used)
            await store.add(unused)
            clock.now += 99
            assert await store.load(used.key) is not None
            clock.now += 1
            assert await store.load(used.key) is not None
            assert await store.load(unused.key) is None

        self.use(work)

    def test_attack_62_use_does_not_prolong_a_session_beyond_the_absolute_limit(self) -> None:
        async def work(store: SessionStore, clock: Clock) -> None:
            session = new_session(clock)
            await store.add(session)
            for _ in range(4):
                clock.now += 60
                assert await store.load(session.key) is not None
            clock.now += 10
            assert await store.load(session.key) is None

        self.use(work)

    def test_the_end_of_a_login_is_remembered_by_its_name(self) -> None:
        async def work(store: SessionStore, clock: Clock) -> None:
            await store.end_login(b"sid-1")
            assert [await store.has_ended(name) for name in (b"sid-1", b"sid-2")] == [True, False]
            assert await store.of_login(b"sid-1") == []

        self.use(work)

    def test_the_end_of_a_login_is_remembered_whether_or_not_it_has_sessions(self) -> None:
        async def work(store: SessionStore, clock: Clock) -> None:
            name = b"sid-1"
            session = new_session(clock, (name, b"sub-1"))
            await store.add(session)
            await store.end_login(name)
            assert [found.key for found in await store.of_login(name)] == [session.key]
            await store.delete(session.key)
            assert await store.of_login(name) == []
            assert await store.has_ended(name)

        self.use(work)

    def test_ended_sessions_are_reported_once(self) -> None:
        async def work(store: SessionStore, clock: Clock) -> None:
            first, second, deleted = new_session(clock), new_session(clock), new_session(clock)
            for session in (first, second, deleted):
                await store.add(session)
            await store.delete(deleted.key)
            clock.now += 60
            assert await store.load(second.key) is not None
            clock.now += 40
            assert [session.key for session in await store.expire()] == [first.key]
            clock.now += 60
            assert await store.load(second.key) is None
            assert [session.key for session in await store.expire()] == [second.key]
            assert await store.expire() == []

        self.use(work)
