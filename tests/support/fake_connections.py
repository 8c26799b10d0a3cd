"""Sockets without a network, for the pool: an opener that counts, and connections that a test ends as it likes."""

from __future__ import annotations

import asyncio

from app.errors import Failure, GatewayError
from app.transport.connection import Connection, Timeouts
from app.transport.deadlines import Deadlines
from app.transport.pool_key import PoolKey


class FakeConnection(Connection):
    """A connection that was opened for `key`; `clean` tells whether its exchange ended well."""

    def __init__(self, key: PoolKey, opener: FakeOpener) -> None:
        loop = asyncio.get_running_loop()
        super().__init__(loop, Deadlines(loop), Timeouts(idle=1.0))
        self.key = key
        self.clean = True
        self._opener = opener
        opener.open_now += 1

    @property
    def reusable(self) -> bool:
        return self.clean and not self.closed

    def close(self) -> None:
        self.gone()

    def gone(self) -> None:
        """The socket is closed, by us or by the backend."""
        if not self.closed:
            self.closed = True
            self._opener.open_now -= 1


class FakeOpener:
    """Opens at once, or only when `release` is called, or never. `open_now`: connections that are not closed."""

    def __init__(self) -> None:
        self.open_now = 0
        self.opened: list[FakeConnection] = []
        self.failing = False
        self.held: list[asyncio.Future[None]] = []
        self.holding = False

    async def open(self, key: PoolKey) -> Connection:
        if self.holding:
            hold: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self.held.append(hold)
            await hold
        if self.failing:
            raise GatewayError(Failure.BACKEND_UNREACHABLE)
        connection = FakeConnection(key, self)
        self.opened.append(connection)
        return connection

    def release(self) -> None:
        """Let those that are being opened go on."""
        held, self.held = self.held, []
        for hold in held:
            if not hold.done():
                hold.set_result(None)


def mine(connection: Connection) -> FakeConnection:
    assert isinstance(connection, FakeConnection)
    return connection
