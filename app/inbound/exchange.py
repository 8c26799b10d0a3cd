"""One request and its answer on a client connection: the `receive` and `send` of ASGI, written for a proxy.

Differs from uvicorn's own in what a proxy needs: a client that leaves is noticed by a callback instead of a waiting
task, an answer can be aborted visibly, HTTP/1.0 clients get bodies that end with the connection.
"""

from __future__ import annotations

import asyncio
import http
import logging
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any, Protocol

from app.errors import GatewayError
from app.inbound.answer_headers import framed_by_us
from app.inbound.upgrade import ClientSocket
from app.inbound.writing import reset

log = logging.getLogger("gangway.inbound")

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
AsgiApp = Callable[[Scope, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]]

EXTENSION = "gangway.exchange"
"""Key of the ASGI scope under which the exchange itself is found."""

HIGH_WATER = 128 * 1024
_COLON = b": "

STATUS_LINES = {
    status: b"HTTP/1.1 %d %b"
    % (status, http.HTTPStatus(status).phrase.encode() if status in {s.value for s in http.HTTPStatus} else b"")
    for status in range(100, 600)
}


class AbortExchange(Exception):
    """Raised by the application: the answer cannot be completed, and the client must see that."""


class Connection(Protocol):
    """What an exchange needs of its client connection."""

    transport: asyncio.Transport
    stopping: bool

    def exchange_done(self, exchange: Exchange) -> None: ...
    async def drain(self) -> None: ...
    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...


class Exchange:
    """Created when a request head is complete; dies with the answer's last byte.

    `refused` is why the connection has refused the rest of the request and answered in the application's place, under
    the same `correlation_id`.
    `from_extensions`: the answer may come from code that is not ours, whose headers are made fit to be sent.
    """

    __slots__ = (
        "_body", "_buffered", "_chunked", "_connection", "_continue", "_end_given", "_head_only", "_left", "_legacy",
        "_pending", "_waiter", "body_complete", "bytes_sent", "complete", "content_type", "correlation_id",
        "disconnected", "from_extensions", "keep_alive", "on_disconnect", "refused", "scope", "started", "status",
        "upgrade",
    )  # fmt: skip

    def __init__(self, connection: Connection, scope: Scope, *, keep_alive: bool, expects_continue: bool) -> None:
        self._connection = connection
        self.scope = scope
        self.keep_alive = keep_alive
        self._continue = expects_continue
        self._head_only = scope["method"] == "HEAD"
        self._legacy = scope["http_version"] == "1.0"
        self._body: list[bytes] = []
        self._buffered = 0
        self._chunked = self._end_given = False
        self._left = 0
        self.status = self.bytes_sent = 0
        self.content_type = b""
        self._pending = b""
        self._waiter: asyncio.Future[None] | None = None
        self.body_complete = self.started = self.complete = self.disconnected = False
        self.on_disconnect: Callable[[], None] | None = None
        self.upgrade: ClientSocket | None = None
        self.from_extensions = False
        self.correlation_id = ""
        self.refused: GatewayError | None = None

    async def run(self, app: AsgiApp) -> None:
        """Run the application for this request; whatever it does not finish is cut visibly."""
        try:
            await app(self.scope, self.receive, self.send)
        except AbortExchange:
            self.abort()
        except BaseException:
            self.abort()
            raise
        else:
            if not self.complete and not self.disconnected:
                log.error("the application left an answer incomplete")
                self.abort()
        finally:
            self.scope.pop(EXTENSION, None)  # a circle, which would wait for the garbage collector

    def abort(self) -> None:
        """Reset the client connection, so that no cut answer can look complete."""
        self.disconnect()
        self.complete = True
        transport = self._connection.transport
        if transport.is_closing():  # perhaps lost already
            transport.abort()
        else:
            reset(transport)

    # -- told by the connection
    def feed(self, data: bytes) -> None:
        """A piece of the request body has arrived."""
        if self.complete:
            return
        self._body.append(data)
        self._buffered += len(data)
        if self._buffered > HIGH_WATER:
            self._connection.pause_reading()
        self._wake()

    def feed_end(self) -> None:
        """The request body is complete."""
        self.body_complete = True
        self._wake()

    def disconnect(self) -> None:
        """The client has gone."""
        self.disconnected = True
        self._pending = b""
        self._wake()
        if self.on_disconnect is not None and not self.complete:
            self.on_disconnect()

    # -- ASGI
    async def receive(self) -> Message:
        """The next piece of the body, or `http.disconnect`."""
        if self._continue:
            self._continue = False
            if not (self.started or self._body or self.disconnected):
                self._connection.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        while not (self._body or self.body_complete or self.disconnected or self.complete):
            self._connection.resume_reading()
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        if self.disconnected or self.complete:
            return {"type": "http.disconnect"}
        if self._end_given:
            await self._until_disconnect()
            return {"type": "http.disconnect"}
        body = b"".join(self._body)
        self._body.clear()
        self._buffered = 0
        self._end_given = self.body_complete
        return {"type": "http.request", "body": body, "more_body": not self.body_complete}

    async def send(self, message: Message) -> None:
        """Head first, then pieces of the body; waits while the client takes no more, but not for the last piece.

        The head goes out with the first piece, which may be empty (as ASGI has it): one system call for both.
        """
        if self.disconnected:
            return
        if not self.started:
            self._send_head(message["status"], message.get("headers", ()))
            return
        self._send_body(message.get("body", b""), message.get("more_body", False))
        if not self.complete:
            await self._connection.drain()

    def send_hints(self, headers: Sequence[tuple[bytes, bytes]]) -> None:
        """Pass early hints on (103, RFC 8297): links only, to clients that can tell them from the answer."""
        links = [pair for pair in headers if pair[0] == b"link"]
        if links and not (self._legacy or self.started or self.disconnected):
            self._connection.transport.write(b"\r\n".join((STATUS_LINES[103], *map(_COLON.join, links), b"", b"")))

    def switch_protocols(self, headers: list[tuple[bytes, bytes]]) -> None:
        """Send 101 with these headers. The exchange is over; the socket belongs to the tunnel."""
        self.started = self.complete = True
        self.status = 101
        self._connection.transport.write(b"\r\n".join((STATUS_LINES[101], *map(_COLON.join, headers), b"", b"")))

    async def _until_disconnect(self) -> None:
        while not (self.disconnected or self.complete):
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter

    def _send_head(self, status: int, headers: Sequence[tuple[bytes, bytes]]) -> None:
        if self.from_extensions:
            headers = framed_by_us(headers)
        self.started = True
        self.status = status
        fields = dict(headers)
        if b"connection" in fields:
            self.keep_alive = self.keep_alive and b"close" not in fields[b"connection"].lower()
            headers = [pair for pair in headers if pair[0] != b"connection"]
        lines = [*map(_COLON.join, headers)]
        self.content_type = fields.get(b"content-type", b"")
        length = fields.get(b"content-length")
        bodyless = self._head_only or status in (204, 304)
        self._left = 0 if bodyless else -1 if length is None else int(length)
        if self._left < 0:
            self._unknown_length(lines)
        if self._connection.stopping or not self.keep_alive or not self.body_complete:
            self.keep_alive = False  # also where the client still sends: it is told now, not by a closed connection
            lines.append(b"connection: close")
        data = b"\r\n".join((STATUS_LINES[status], *lines, b"", b""))
        if data.count(b"\n") != len(lines) + 2:
            raise ValueError("line break in a response header")
        self._pending = data

    def _write(self, data: bytes) -> None:
        """Write to the client, behind a head that still waits."""
        if self._pending:
            data, self._pending = self._pending + data, b""
        self._connection.transport.write(data)

    def _unknown_length(self, lines: list[bytes]) -> None:
        if self._legacy:
            self.keep_alive = False
        else:
            self._chunked = True
            lines.append(b"transfer-encoding: chunked")

    def _send_body(self, data: bytes, more: bool) -> None:
        if self.complete:
            raise RuntimeError("body after the end of the answer")
        if self._chunked:
            self._write_chunk(data, last=not more)
        elif data and not self._head_only:
            self._write_piece(data)
        if not more and self._left > 0:
            raise AbortExchange("body shorter than its Content-Length")
        if self._pending:
            self._write(b"")
        if more:
            return
        self.complete = True
        self._wake()
        self._connection.exchange_done(self)

    def _write_chunk(self, data: bytes, *, last: bool) -> None:
        """A piece of a body of unknown length, with the end of the body where it is the last one."""
        self.bytes_sent += len(data)
        piece = b"%x\r\n%b\r\n" % (len(data), data) if data else b""
        if last:
            piece += b"0\r\n\r\n"
        if piece:
            self._write(piece)

    def _write_piece(self, data: bytes) -> None:
        self.bytes_sent += len(data)
        if self._left >= 0:
            self._left -= len(data)
            if self._left < 0:
                raise AbortExchange("body longer than its Content-Length")
        self._write(data)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
