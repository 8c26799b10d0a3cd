"""The exchange with a backend: send the request, pass the answer on chunk by chunk, at the pace of the slower side.

Nothing is collected, and however the exchange ends, its socket is given back or dropped.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, Protocol

from app.backends.backend import Backend
from app.backends.proxy_errors import SUSPECT, proxy_failure
from app.compression.answer_compression import AnswerCompression, encoded
from app.compression.encoders import Encoder
from app.errors import Failure, GatewayError
from app.forwarding.gate import Gate
from app.forwarding.headers import HeaderList
from app.observability.trace import note
from app.transport.connection import Connection
from app.transport.pool import Pool
from app.transport.pool_key import OnPremiseKey

Shape = Callable[[int, HeaderList], Awaitable[HeaderList]]

REPEATABLE = frozenset(("GET", "HEAD", "OPTIONS", "PUT", "DELETE"))
"""Idempotent methods (RFC 9110, 9.2.2): without a body, a request that met a stale socket is sent once more."""

CONTINUE_SECONDS = 1.0
"""How long to wait for 100 Continue before the body is sent anyway (RFC 9110, 10.1.1)."""


class ClientExchange(Protocol):
    """The client's side: ASGI's two channels, and a callback for a client that leaves."""

    @property
    def body_complete(self) -> bool: ...
    @property
    def disconnected(self) -> bool: ...

    on_disconnect: Callable[[], None] | None

    async def receive(self) -> Any: ...
    async def send(self, message: Any) -> None: ...
    def send_hints(self, headers: HeaderList) -> None: ...


class BrokenOff(Exception):
    """The answer had begun when `error` happened; the client has to see a broken connection."""

    def __init__(self, error: GatewayError) -> None:
        super().__init__(str(error))
        self.error = error


class Forward(NamedTuple):
    """One request, ready to go: its head as bytes, what is known of its body, and what may become of the answer's.

    `last_of_socket`: whoever used the socket afterwards could be taken for the one who sent this.
    """

    method: str
    head: bytes
    has_body: bool = False
    chunked: bool = False
    expects_continue: bool = False
    compression: AnswerCompression | None = None
    last_of_socket: bool = False


class Relay:
    """Forwards requests over the pool, under the protection of the gate."""

    def __init__(self, pool: Pool, gate: Gate) -> None:
        self._pool = pool
        self._gate = gate
        self._loop = asyncio.get_running_loop()

    async def forward(self, forward: Forward, backend: Backend, shape: Shape, client: ClientExchange) -> None:
        """Forward a request and stream its answer.

        `shape` makes the client's headers from status and headers of the backend. Raises GatewayError while nothing
        has been sent to the client, BrokenOff afterwards.
        """
        lane = self._gate.enter(backend.lane, self._loop.time())
        failure: Failure | None = Failure.CLIENT_GONE
        try:
            await self._exchange(forward, backend, shape, client)
            failure = None
        except GatewayError as error:
            failure = error.failure
            raise
        except BrokenOff:
            failure = None  # it did answer: a stream that falls silent says nothing against the backend as a whole
            raise
        finally:
            self._gate.leave(lane, failure, self._loop.time())

    async def call(self, forward: Forward, backend: Backend) -> int:
        """Make a request of our own, without a body; returns the status, the answer's body is dropped."""
        connection = await self._pool.take(backend.key)
        try:
            connection.start(forward.head, forward.method, backend.timeout, has_body=False)
            await connection.wait_head()
            return connection.parser.status
        finally:
            self._pool.give(connection)

    async def _exchange(self, forward: Forward, backend: Backend, shape: Shape, client: ClientExchange) -> None:
        reused = self._pool.take_idle(backend.key)
        connection = reused or await self._pool.take(backend.key)
        note("sends the request")
        upload: asyncio.Task[None] | None = None
        try:
            upload = await _start(forward, backend, connection, client)
            try:
                await connection.wait_head()
            except GatewayError:
                if reused is None or not _may_repeat(forward, connection):
                    raise
                note("the socket was stale: once more")
                self._pool.give(connection)
                connection = await self._pool.take(backend.key, fresh=True)
                await _start(forward, backend, connection, client)
                await connection.wait_head()
            await pass_on(connection, backend, shape, client, forward.compression)
        finally:
            client.on_disconnect = None
            if upload is not None:
                upload.cancel()
            self._pool.give(connection, keep=not (backend.strict_connections or forward.last_of_socket))


async def _start(
    forward: Forward, backend: Backend, connection: Connection, client: ClientExchange
) -> asyncio.Task[None] | None:
    """Send the request; a body that is still arriving is sent by a task, so that an early answer is seen."""
    if client.disconnected:
        raise GatewayError(Failure.CLIENT_GONE)
    client.on_disconnect = connection.client_gone
    connection.on_hints = client.send_hints
    connection.start(forward.head, forward.method, backend.timeout, has_body=forward.has_body)
    if not forward.has_body:
        return None
    if client.body_complete:
        await _upload(forward, connection, client)
        return None
    return asyncio.get_running_loop().create_task(_upload(forward, connection, client))


async def _upload(forward: Forward, connection: Connection, client: ClientExchange) -> None:
    """Pass the body on. Failures show at the connection, where the one who waits for the answer meets them."""
    try:
        wait = forward.expects_continue and not client.body_complete
        if wait and not await connection.wait_continue(CONTINUE_SECONDS):
            return
        more = True
        while more:
            message = await client.receive()
            if message["type"] == "http.disconnect":
                connection.client_gone()
                return
            more = message.get("more_body", False)
            await connection.write(_framed(message.get("body", b""), forward.chunked, more), last=not more)
    except GatewayError:
        return


def _framed(data: bytes, chunked: bool, more: bool) -> bytes:
    if not chunked:
        return data
    piece = b"%x\r\n%b\r\n" % (len(data), data) if data else b""
    return piece if more else piece + b"0\r\n\r\n"


def _may_repeat(forward: Forward, connection: Connection) -> bool:
    """A socket that died while it waited has answered nothing; only what changes nothing is sent twice."""
    stale = connection.failure is Failure.BACKEND_CLOSED and not connection.answered
    return stale and forward.method in REPEATABLE and not forward.has_body


async def pass_on(
    connection: Connection, backend: Backend, shape: Shape, client: ClientExchange,
    compression: AnswerCompression | None = None,
) -> None:  # fmt: skip
    """Stream the answer whose head is there. Raises GatewayError before, BrokenOff after anything was sent."""
    parser = connection.parser
    status = parser.status
    note("answered %d", status)
    first, encoder = b"", None
    if status == 407 or (status in SUSPECT and isinstance(backend.key, OnPremiseKey)):
        first = await connection.read()
        _raise_for_proxy(status, connection, first, backend)
    headers = await shape(status, parser.headers)
    if compression is not None:
        read = connection.read if first or parser.chunks or parser.complete else None
        encoder, first = await compression.begin(status, headers, first, read)
    if not connection.request_sent:
        headers.append((b"connection", b"close"))
    await client.send({"type": "http.response.start", "status": status, "headers": headers})
    try:
        if not (first or parser.chunks or parser.complete):  # the head goes out before a body that is not there yet
            await client.send({"type": "http.response.body", "body": b"", "more_body": True})
        await _stream(connection, client, first, encoder)
    except GatewayError as error:
        raise BrokenOff(error) from error


async def _stream(connection: Connection, client: ClientExchange, data: bytes, encoder: Encoder | None) -> None:
    parser = connection.parser
    more = True
    while more:
        data = data or await connection.read()
        more = not parser.complete or bool(parser.chunks)
        if encoder is not None:
            data = await encoded(encoder, data, not more)
        await client.send({"type": "http.response.body", "body": data, "more_body": more})
        data = b""


def _raise_for_proxy(status: int, connection: Connection, start: bytes, backend: Backend) -> None:
    if not isinstance(backend.key, OnPremiseKey):
        # A browser would take a 407 for its own proxy's and ask for credentials (attack 72).
        raise GatewayError(Failure.BACKEND_INVALID, f"destination {backend.destination} answered 407")
    failure = proxy_failure(status, tuple(connection.parser.headers), start)
    if failure is not None:
        location = f", location id {backend.key.location_id}" if backend.key.location_id else ""
        raise GatewayError(failure, f"destination {backend.destination}{location}")
