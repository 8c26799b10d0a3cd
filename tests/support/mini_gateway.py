"""The least that makes a proxy of inbound, forwarding and transport: no routes, no sessions, one backend."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from uvicorn.server import ServerState

from app.answer import Headers
from app.backends.backend import Backend
from app.errors import Failure, GatewayError
from app.forwarding.client_response import shape_headers
from app.forwarding.gate import Gate, GateLimits
from app.forwarding.headers import HeaderList
from app.forwarding.outbound_request import Outbound, build_head
from app.forwarding.relay import BrokenOff, Forward, Relay
from app.forwarding.tunnel import Tunnel
from app.forwarding.websocket import MAX_OPEN, UPGRADE, WebSocketRelay
from app.inbound.exchange import EXTENSION, AbortExchange, AsgiApp, Exchange
from app.inbound.protocol import InboundLimits, InboundProtocol
from app.inbound.server import protocol_class
from app.observability.access_log import AccessLog
from app.request_head import RequestHead
from app.transport.connection import Timeouts
from app.transport.connector import Connector
from app.transport.deadlines import Deadlines
from app.transport.pool import Pool, PoolLimits
from app.transport.pool_key import DirectKey
from app.transport.tls import TlsContexts
from tests.support.running import eventually

SWEEP_SECONDS = 0.01


@dataclass(frozen=True)
class Limits:
    """Limits of all parts, in seconds where it is time."""

    inbound: InboundLimits = field(default_factory=InboundLimits)
    pool: PoolLimits = field(default_factory=PoolLimits)
    gate: GateLimits = field(default_factory=GateLimits)
    first_byte: float = 30.0
    connect: float = 5.0
    idle: float = 30.0
    total: float = math.inf
    strict_connections: bool = False
    websockets: int = MAX_OPEN


@dataclass
class MiniGateway:
    """A running proxy. `failures` are those of the forwarded requests, in order."""

    pool: Pool
    gate: Gate
    backend: Backend
    max_websockets: int = MAX_OPEN
    stalled: float = math.inf
    tunnels: list[Tunnel] = field(default_factory=list)
    state: ServerState = field(default_factory=ServerState)
    failures: list[Failure] = field(default_factory=list)
    port: int = 0

    def __post_init__(self) -> None:
        self.relay = Relay(self.pool, self.gate)
        self.websockets = WebSocketRelay(self.pool, self.gate, self.max_websockets, self.stalled)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        client: Exchange = scope[EXTENSION]
        head = RequestHead.from_scope(scope)
        try:
            forward = _forward(head, self.backend, upgrade=client.upgrade is not None)
            if client.upgrade is not None:
                await self.websockets.forward(forward, self.backend, _shape, client, self.tunnels.append)
            else:
                await self.relay.forward(forward, self.backend, _shape, client)
        except GatewayError as error:
            self.failures.append(error.failure)
            await _answer_failure(error, client)
        except BrokenOff as broken:
            self.failures.append(broken.error.failure)
            raise AbortExchange("broken off") from broken

    @property
    def connections(self) -> set[InboundProtocol]:
        return self.state.connections  # type: ignore[return-value]

    async def quiet(self) -> None:
        """Return once every gauge is back to zero; hangs (and fails the test) when one never is."""
        await eventually(
            lambda: self.pool.busy == self.gate.in_flight == self.websockets.open == 0 and not self.state.tasks
        )


def _forward(head: RequestHead, backend: Backend, *, upgrade: bool) -> Forward:
    chunked = b"transfer-encoding" in head.first
    extra: Headers = ((b"transfer-encoding", b"chunked"),) if chunked else UPGRADE if upgrade else ()
    return Forward(
        head.method,
        build_head(head, head.target, backend, Outbound(extra=extra)),
        has_body=chunked or head.first.get(b"content-length", b"0").strip(b"0") != b"",
        chunked=chunked,
        expects_continue=b"expect" in head.first,
    )


async def _shape(status: int, headers: HeaderList) -> HeaderList:
    return shape_headers(status, headers, dict(headers), ())


async def _answer_failure(error: GatewayError, client: Exchange) -> None:
    body = error.failure.name.encode()
    headers = [(b"content-length", b"%d" % len(body)), *error.headers]
    await client.send({"type": "http.response.start", "status": error.row.status, "headers": headers})
    await client.send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def mini_gateway(backend_port: int, limits: Limits | None = None) -> AsyncIterator[MiniGateway]:
    """A proxy on loopback in front of the backend; at its end nothing of it is left open."""
    limits = limits or Limits()
    deadlines = Deadlines(asyncio.get_running_loop(), SWEEP_SECONDS)
    connector = Connector(deadlines, TlsContexts(), Timeouts(limits.connect, limits.idle, limits.total))
    pool, gate = Pool(connector, limits.pool), Gate(limits.gate)
    key = DirectKey("127.0.0.1", backend_port)
    backend = Backend(
        "erp", key, b"erp.internal", timeout=limits.first_byte, strict_connections=limits.strict_connections
    )
    gateway = MiniGateway(pool, gate, backend, limits.websockets, limits.inbound.stalled)
    async with inbound_server(gateway, limits.inbound, gateway.state) as gateway.port:
        yield gateway
    pool.close()
    deadlines.close()


@asynccontextmanager
async def inbound_server(
    app: AsgiApp, limits: InboundLimits, state: ServerState | None = None, access_log: AccessLog | None = None
) -> AsyncIterator[int]:
    """Our client protocol in front of any application; yields the port."""
    loop = asyncio.get_running_loop()
    state = state or ServerState()
    deadlines = Deadlines(loop, SWEEP_SECONDS)
    config = uvicorn.Config(app, lifespan="off", log_config=None, proxy_headers=False)
    config.load()
    protocol = protocol_class(limits, deadlines, access_log)
    server = await loop.create_server(lambda: protocol(config, state, {}), "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for connection in list(state.connections):
            connection.transport.abort()
        for task in list(state.tasks):
            task.cancel()
        deadlines.close()
