from __future__ import annotations

import asyncio

from app.sessions.memory_store import MemorySessionStore
from app.sessions.store import LOGIN_SECONDS, SessionStore
from tests.sessions.store_contract import LIFETIME, Clock, StoreContract, new_session


class TestMemorySessionStore(StoreContract):
    def make(self, clock: Clock) -> SessionStore:
        return MemorySessionStore(LIFETIME, clock=clock)


def test_the_session_unused_for_longest_makes_room() -> None:
    async def run() -> None:
        clock = Clock()
        store = MemorySessionStore(LIFETIME, limit=2, clock=clock)
        first, second, third = (new_session(clock) for _ in range(3))
        await store.add(first)
        await store.add(second)
        assert await store.load(first.key) is first
        await store.add(third)
        assert len(store) == 2
        assert await store.load(second.key) is None
        assert await store.expire() == [second]

    asyncio.run(run())


def test_the_end_of_a_login_is_forgotten_after_a_minute() -> None:
    async def test() -> None:
        clock = Clock()
        store = MemorySessionStore(LIFETIME, clock=clock)
        await store.end_login(b"sid-1")
        clock.now += LOGIN_SECONDS - 1
        assert await store.has_ended(b"sid-1")
        clock.now += 1
        assert not await store.has_ended(b"sid-1")

    asyncio.run(test())
