"""Web socket requests: the upgrade is forwarded like any request; once the backend agrees, the sockets are joined."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable

from app.backends.backend import Backend
from app.errors import Failure, GatewayError
from app.forwarding.gate import Gate
from app.forwarding.headers import HeaderList
from app.forwarding.relay import Forward, Shape, pass_on
from app.forwarding.tunnel import Tunnel
from app.inbound.exchange import Exchange
from app.observability.trace import note
from app.transport.connection import Connection
from app.transport.pool import Pool

UPGRADE: tuple[tuple[bytes, bytes], ...] = ((b"connection", b"Upgrade"), (b"upgrade", b"websocket"))
GOING_AWAY = 1001
MAX_OPEN = 5000

Watch = Callable[[Callable[[], None]], None]


class WebSocketRelay:
    """Opens web sockets at backends and holds them until one side leaves, or takes nothing for `stalled` seconds."""

    def __init__(self, pool: Pool, gate: Gate, limit: int = MAX_OPEN, stalled: float = math.inf) -> None:
        self._pool = pool
        self._gate = gate
        self._limit = limit
        self._stalled = stalled
        self._loop = asyncio.get_running_loop()
        self.open = 0

    async def forward(
        self, forward: Forward, backend: Backend, shape: Shape, client: Exchange, on_open: Callable[[Tunnel], None]
    ) -> None:
        """Forward an upgrade request and stay until the web socket has ended.

        A backend that refuses is answered through. `on_open` gets the tunnel, to end it when its session ends.
        Raises GatewayError while nothing has been sent to the client; OVERLOADED when too many are open.
        """
        if self.open >= self._limit:
            raise GatewayError(Failure.OVERLOADED, f"{self.open} web sockets are open", ((b"retry-after", b"10"),))
        lane = self._gate.enter(backend.lane, self._loop.time())
        failure: Failure | None = Failure.CLIENT_GONE
        try:
            tunnel = await self._open(forward, backend, shape, client)
            failure = None
        except GatewayError as error:
            failure = error.failure
            raise
        finally:
            self._gate.leave(lane, failure, self._loop.time())
        if tunnel is not None:
            on_open(tunnel)
            await self._hold(tunnel)

    async def _hold(self, tunnel: Tunnel) -> None:
        """Open web sockets live long and are counted by themselves, not among the requests under way."""
        self.open += 1
        try:
            await tunnel.done
        finally:
            self.open -= 1

    async def _open(self, forward: Forward, backend: Backend, shape: Shape, client: Exchange) -> Tunnel | None:
        connection = await self._pool.take(backend.key, fresh=True)
        try:
            client.on_disconnect = connection.client_gone
            connection.start(forward.head, forward.method, backend.timeout, has_body=False, upgrade=True)
            await connection.wait_head()
            note("answered the upgrade with %d", connection.parser.status)
            if connection.parser.status != 101:
                if client.upgrade is not None:
                    client.upgrade.refuse()
                await pass_on(connection, backend, shape, client)
                return None
            return self._join(connection, client, await shape(101, connection.parser.headers))
        finally:
            client.on_disconnect = None
            if connection.pool is not None:
                self._pool.give(connection, keep=not forward.last_of_socket)

    def _join(self, connection: Connection, client: Exchange, headers: HeaderList) -> Tunnel:
        """From here on bytes pass untouched, beginning with those that came along with the handshakes."""
        socket = client.upgrade
        if socket is None or client.disconnected:
            raise GatewayError(Failure.CLIENT_GONE)
        if connection.closed:  # nobody would tell the tunnel
            raise GatewayError(Failure.BACKEND_CLOSED, "closed after the handshake")
        self._pool.detach(connection)
        backend, from_backend = connection.release_transport()
        tunnel = Tunnel(socket.transport, backend, self._stalled)
        client.switch_protocols([*headers, *UPGRADE])
        # The ends first: who takes too little of the first bytes has to be told to the tunnel, too.
        backend.set_protocol(tunnel.backend)
        socket.join(tunnel.client)
        tunnel.client.data_received(socket.rest)
        tunnel.backend.data_received(from_backend)
        socket.on_shutdown = lambda: tunnel.end(GOING_AWAY)
        tunnel.done.add_done_callback(lambda _: socket.left())
        return tunnel
