"""Instances of the gateway that share one Redis, as far as sessions go."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from secrets import token_hex

from app.principal import UserCaller
from app.sessions.cookie import new_session_id, session_key
from app.sessions.external_store import ExternalSessionStore
from app.sessions.redis_client import RedisOptions, redis_client
from app.sessions.redis_table import RedisSessionTable
from app.sessions.session import Session
from app.sessions.store import Lifetime
from tests.sessions.store_contract import LIFETIME, TOKEN, Clock
from tests.support.redis_servers import RedisServer

PATIENCE = 2.0


@dataclass(frozen=True)
class Instance:
    """One instance's store, and the table beneath it."""

    store: ExternalSessionStore
    table: RedisSessionTable

    async def loaded(self, key: bytes) -> Session:
        """A session that has to be there."""
        session = await self.store.load(key)
        assert session is not None
        return session


@dataclass(frozen=True)
class Shared:
    """What instances share."""

    server: RedisServer
    secret: str
    clock: Clock

    def instance(
        self, lifetime: Lifetime = LIFETIME, touch_every: float = 0.0, patience: float = PATIENCE, secret: str = ""
    ) -> Instance:
        """One more instance."""
        table = RedisSessionTable(
            redis_client(self.server.credentials(), RedisOptions()), "the-store", self.secret, patience
        )
        return Instance(ExternalSessionStore(table, secret or self.secret, lifetime, self.clock, touch_every), table)

    def new_session(self, refresh_token: str = "refresh-1", created_ago: float = 0.0) -> Session:
        """A session not stored yet."""
        return Session(session_key(new_session_id()), UserCaller(TOKEN), refresh_token, self.clock.now - created_ago)

    def rows(self) -> list[bytes]:
        """The keys of stored sessions, as Redis knows them."""
        with self.server.client() as client:
            return [key for key in client.scan_iter() if client.type(key) == b"hash"]


def use(server: RedisServer, count: int, work: Callable[..., Awaitable[None]]) -> None:
    """Run `work(shared, *instances)` with so many instances, on an empty server."""

    async def run() -> None:
        with server.client() as client:
            client.flushall()
        shared = Shared(server, token_hex(32), Clock())
        instances = [shared.instance() for _ in range(count)]
        await work(shared, *instances)
        for instance in instances:
            await instance.store.aclose()

    asyncio.run(run())
