"""Sockets that wait for their next request, strictly by key.

Last in, first out, so that surplus sockets age and go; bounded for each key and in total; the keys used longest ago
give up their idle sockets first.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import Protocol

from app.errors import Failure, GatewayError
from app.observability.trace import note
from app.transport.connection import Connection
from app.transport.pool_key import PoolKey


@dataclass(frozen=True, slots=True)
class PoolLimits:
    """`per_key` and `total` sockets, `idle_seconds` until an unused one is closed, `wait_seconds` for a free one."""

    per_key: int = 100
    total: int = 2000
    idle_seconds: float = 55.0
    wait_seconds: float = 30.0
    reuse: bool = True


class Opener(Protocol):
    """What opens sockets (`Connector`)."""

    async def open(self, key: PoolKey) -> Connection: ...


class KeyPool:
    """The sockets of one key."""

    __slots__ = ("_owner", "busy", "idle", "key", "waiters")

    def __init__(self, key: PoolKey, owner: Pool) -> None:
        self.key = key
        self.idle: list[Connection] = []
        self.waiters: deque[asyncio.Future[Connection | None]] = deque()
        self.busy = 0
        self._owner = owner

    def lost(self, connection: Connection) -> None:
        """Told by a socket that it was closed by the other side."""
        self._owner.lost(self, connection)


class Pool:
    """All sockets to backends. `take` and `give` are the whole life of an exchange's socket."""

    def __init__(self, opener: Opener, limits: PoolLimits) -> None:
        self._opener = opener
        self._limits = limits
        self._pools: OrderedDict[PoolKey, KeyPool] = OrderedDict()
        self._total = 0
        self._loop = asyncio.get_running_loop()
        self._sweeper: asyncio.TimerHandle | None = None
        self._closed = False

    @property
    def sockets(self) -> int:
        """Open sockets, idle and busy ones and those being opened."""
        return self._total

    @property
    def busy(self) -> int:
        """Sockets that serve an exchange or are being opened for one."""
        return sum(pool.busy for pool in self._pools.values())

    @property
    def keys(self) -> int:
        """Keys that hold at least one socket or wait for one."""
        return len(self._pools)

    def take_idle(self, key: PoolKey) -> Connection | None:
        """The most recently used idle socket of exactly this key, if there is one."""
        pool = self._pools.get(key)
        while pool is not None and pool.idle:
            connection = pool.idle.pop()
            if connection.closed:  # its connection_lost is on the way
                connection.pool = None
                self._dropped(pool)
                continue
            self._pools.move_to_end(key)
            pool.busy += 1
            return connection
        return None

    async def take(self, key: PoolKey, *, fresh: bool = False) -> Connection:
        """A socket of this key; a new one if none is idle or `fresh` is asked for.

        Waits in order when the key has all its sockets. Raises GatewayError: BACKEND_BUSY after the wait, OVERLOADED
        when all sockets of the process are busy, or what the opening raised.
        """
        if not fresh and (connection := self.take_idle(key)) is not None:
            return connection
        pool = self._pool(key)
        if pool.busy < self._limits.per_key:
            self._claim_place(pool)
        elif (handed := await self._wait_for(pool)) is not None:
            note("got the socket of another request, after a wait")
            if not (fresh or handed.closed):
                return handed
            handed.pool = None
            handed.close()
        return await self._open(pool)

    def give(self, connection: Connection, *, keep: bool = True) -> None:
        """The exchange is over: keep the socket, hand it to the first waiter, or drop it (always where not `keep`)."""
        connection.finish()
        pool = connection.pool
        if pool is None:
            connection.close()
            return
        if not (keep and connection.reusable and self._limits.reuse) or self._closed:
            self._drop(pool, connection)
            return
        while pool.waiters:
            waiter = pool.waiters.popleft()
            if not waiter.done():
                waiter.set_result(connection)
                return
        pool.busy -= 1
        connection.idle_since = self._loop.time()
        pool.idle.append(connection)
        if self._sweeper is None:
            self._sweeper = self._loop.call_later(self._limits.idle_seconds / 4, self._sweep)

    def detach(self, connection: Connection) -> None:
        """The socket has become something else (a tunnel) and is the pool's no more."""
        pool, connection.pool = connection.pool, None
        if pool is not None:
            self._release_place(pool)

    def close(self) -> None:
        """Drop every idle socket; busy ones go when their exchange ends."""
        self._closed = True
        if self._sweeper is not None:
            self._sweeper.cancel()
        for pool in list(self._pools.values()):
            while pool.idle:
                self._evict_oldest(pool)

    def lost(self, pool: KeyPool, connection: Connection) -> None:
        """A socket was closed by the other side; a busy one is accounted for when its exchange ends."""
        if connection in pool.idle:
            pool.idle.remove(connection)
            connection.pool = None
            self._dropped(pool)

    # -- inside
    def _pool(self, key: PoolKey) -> KeyPool:
        pool = self._pools.get(key)
        if pool is None:
            pool = self._pools[key] = KeyPool(key, self)
        self._pools.move_to_end(key)
        return pool

    def _claim_place(self, pool: KeyPool) -> None:
        """Take a place for one more socket, where needed at the cost of an idle one. Raises OVERLOADED."""
        pool.busy += 1  # first, so that making room cannot forget this pool
        self._total += 1
        if pool.busy + len(pool.idle) > self._limits.per_key:
            self._evict_oldest(pool)
        elif self._total > self._limits.total:
            least_used = next((known for known in self._pools.values() if known.idle), None)
            if least_used is None:
                self._release_place(pool)
                raise GatewayError(Failure.OVERLOADED, "all connections are busy")
            self._evict_oldest(least_used)

    def _release_place(self, pool: KeyPool) -> None:
        """A busy socket is gone: its place passes to the first waiter, so that nobody can overtake him, or is free."""
        while pool.waiters:
            waiter = pool.waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return
        pool.busy -= 1
        self._dropped(pool)

    async def _open(self, pool: KeyPool) -> Connection:
        """Open a socket in a place that was claimed."""
        note("opens a socket")
        try:
            connection = await self._opener.open(pool.key)
        except BaseException:
            self._release_place(pool)
            raise
        connection.pool = pool
        return connection

    async def _wait_for(self, pool: KeyPool) -> Connection | None:
        """A socket handed over by another exchange, or None: its place, to open one."""
        waiter: asyncio.Future[Connection | None] = self._loop.create_future()
        pool.waiters.append(waiter)
        try:
            async with asyncio.timeout(self._limits.wait_seconds):
                return await waiter
        except BaseException as error:
            if waiter in pool.waiters:
                pool.waiters.remove(waiter)
            elif waiter.done() and not waiter.cancelled():  # it came too late: pass it on
                connection = waiter.result()
                self._release_place(pool) if connection is None else self.give(connection)
            if isinstance(error, TimeoutError):
                raise GatewayError(Failure.BACKEND_BUSY, "no free connection in time") from None
            raise

    def _drop(self, pool: KeyPool, connection: Connection) -> None:
        connection.pool = None
        connection.close()
        self._release_place(pool)

    def _dropped(self, pool: KeyPool) -> None:
        """Account for a socket that is gone."""
        self._total -= 1
        self._forget_unused(pool)

    def _forget_unused(self, pool: KeyPool) -> None:
        """A key without sockets and waiters is forgotten: tens of thousands of principals come and go."""
        if not (pool.busy or pool.idle or pool.waiters):
            self._pools.pop(pool.key, None)

    def _evict_oldest(self, pool: KeyPool) -> None:
        connection = pool.idle.pop(0)
        connection.pool = None
        connection.close()
        self._dropped(pool)

    def _sweep(self) -> None:
        oldest = self._loop.time() - self._limits.idle_seconds
        for pool in list(self._pools.values()):
            while pool.idle and pool.idle[0].idle_since < oldest:
                self._evict_oldest(pool)
        idle = any(pool.idle for pool in self._pools.values())
        self._sweeper = self._loop.call_later(self._limits.idle_seconds / 4, self._sweep) if idle else None
