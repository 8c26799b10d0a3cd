"""The client's side of a connection: uvicorn's place in the stack, hardened.

Based on httptools without any leniency. One request after another; a refused request ends the connection and nothing
behind it is read. Time limits cost no timer per request: a connection holds its deadline and one sweep watches all.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from typing import Any, cast

import httptools
from uvicorn.config import Config
from uvicorn.server import ServerState

from app.errors import Failure
from app.inbound.exchange import EXTENSION, AsgiApp, Exchange, Scope
from app.inbound.limits import CHUNK_SECONDS, MAX_AT_ONCE, MAX_CHUNKS, MAX_PIPELINED
from app.inbound.limits import InboundLimits as InboundLimits
from app.inbound.refusal import head_of, known_head, refusal
from app.inbound.request_check import (
    MAX_HEAD_BYTES,
    Rejected,
    check_headers,
    framing,
    malformed,
    origin_form,
    too_large,
)
from app.inbound.scope import http_scope
from app.inbound.upgrade import ClientSocket
from app.inbound.writing import WritingProtocol, reset
from app.observability.access_log import AccessLog
from app.observability.correlation import correlation_id
from app.observability.platform_fields import UNKNOWN
from app.request_head import RequestHead

_CLOSING = Rejected(Failure.BAD_REQUEST, "closing")


class InboundProtocol(WritingProtocol):
    """An HTTP/1.x client connection. Created by uvicorn's server for each socket it accepts."""

    access_log: AccessLog | None = None

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(_loop or asyncio.get_running_loop())
        self._app = cast(AsgiApp, config.loaded_app)
        self._state = server_state
        self._parser = httptools.HttpRequestParser(self)
        self._pipeline: deque[Exchange] = deque()
        self._exchange: Exchange | None = None
        self._held = False
        self._deaf = False
        self._in_head = False
        self._head_bytes = self._chunks = 0
        self._rejected: Rejected | None = None
        self._refusal: Rejected | None = None
        self._arriving: Scope | None = None
        self._framing: tuple[bytes, bytes] | None = None
        self._body_only = False
        self._upgraded: ClientSocket | None = None
        self.stopping = False

    # -- asyncio.Protocol
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self._state.connections.add(self)  # type: ignore[arg-type]
        peer, server = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
        self._client = (str(peer[0]), int(peer[1])) if peer else None
        self._server = (str(server[0]), int(server[1])) if server else None
        self._scheme = "https" if transport.get_extra_info("sslcontext") else "http"
        self.deadline = self._loop.time() + self.limits.keep_alive
        self.deadlines.watch(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._closed = True
        self._state.connections.discard(self)
        self.deadlines.forget(self)
        self.resume_writing()
        for exchange in (self._exchange, *self._pipeline):
            if exchange is not None and not exchange.complete:
                exchange.disconnect()

    def data_received(self, data: bytes) -> None:
        if self._deaf or self._rejected is not None:
            return
        self._head_bytes += len(data)
        self._chunks = 0
        while data:
            try:
                self._parser.feed_data(data)
                break
            except httptools.HttpParserUpgrade as upgrade:
                data = self._upgrade(data[upgrade.args[0] :])
            except httptools.HttpParserError as error:
                cause = error.__context__
                self._reject(cause if isinstance(cause, Rejected) else malformed(data))
                return
        if self._head_bytes > MAX_HEAD_BYTES:  # also chunk extensions and trailers
            self._reject(too_large())
        if self._chunks > MAX_CHUNKS:
            self.rest(self._chunks * CHUNK_SECONDS)

    def eof_received(self) -> None:
        """A client that has closed its sending side is taken for gone: nothing tells the two apart in time."""
        if self._exchange is not None and self._rejected is None:
            self._exchange.abort()

    def pause_writing(self) -> None:
        self._drained = self._drained or self._loop.create_future()
        if self._is_answering():
            self._limit_taking()

    def resume_writing(self) -> None:
        if self._is_answering():
            self.deadline = math.inf
        drained, self._drained = self._drained, None
        if drained is not None and not drained.done():
            drained.set_result(None)
        if self._held and not (self._closed or self.transport.is_closing()):
            self._held = False
            self._next()

    def on_deadline(self) -> None:
        """Too slow: a request that is being received gets 408, an answer that is not taken is cut, idling ends."""
        if self._held or self.transport.is_closing():
            if not self._is_taking():
                reset(self.transport)
        elif self._is_answering() and self._exchange is not None:
            if not self._is_taking():
                self._exchange.abort()
        elif self._rejected is None and (self._in_head or self._exchange is not None):
            self._reject(Rejected(Failure.REQUEST_TIMEOUT))
        else:
            self._close()

    def shutdown(self) -> None:
        """Called by the server when it stops: idle connections close now, busy ones after their answer."""
        self.stopping = True
        if self._upgraded is not None and self._upgraded.on_shutdown is not None:
            self._upgraded.on_shutdown()
        elif self._exchange is None:
            self.transport.close()

    # -- httptools
    def on_message_begin(self) -> None:
        self._url = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._size = 0
        self._in_head = True
        self._upgrading = False
        if self._exchange is None:
            self.deadline = self._loop.time() + self.limits.head

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:  # afterwards: trailers, dropped
            self._size += len(name) + len(value)
            self._headers.append((name.lower(), value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        self._head_bytes = 0
        if self._body_only:
            self._in_head = self._body_only = False
            return
        version, method = self._parser.get_http_version(), self._parser.get_method()
        if self._size > MAX_HEAD_BYTES:
            raise too_large()
        fields = check_headers(method, version, self._headers)
        target = origin_form(self._url, self._headers)
        self._in_head = False
        scope = http_scope(method.decode("ascii"), target, version, self._headers)
        scope["scheme"], scope["client"], scope["server"] = self._scheme, self._client, self._server
        self._arriving = scope
        if self._parser.should_upgrade():
            self._upgrading = version == "1.1" and _is_websocket(self._headers)
            self._framing = None if self._upgrading else framing(self._headers)
        expects = version == "1.1" and b"expect" in fields
        keep_alive = version == "1.1" and not self._upgrading and self._parser.should_keep_alive()
        exchange = Exchange(self, scope, keep_alive=keep_alive, expects_continue=expects)
        scope[EXTENSION] = exchange
        if self._upgrading:
            self._hold(exchange)
        elif self._exchange is None:
            self._start(exchange)
        elif len(self._pipeline) < MAX_AT_ONCE:
            self._pipeline.append(exchange)
            if len(self._pipeline) >= MAX_PIPELINED:
                self.pause_reading()
        else:
            raise Rejected(Failure.BAD_REQUEST, "too many pipelined requests")

    def on_body(self, body: bytes) -> None:
        self._head_bytes = 0
        self._chunks += 1
        self._current.feed(body)

    def on_message_complete(self) -> None:
        if self._framing is not None:  # not before its body has been read
            return
        self._arriving = None
        if not self._upgrading:
            self._current.feed_end()
        if not self._pipeline:
            self.deadline = math.inf
            if self._drained is not None:
                self._limit_taking()

    # -- told by the exchange
    def exchange_done(self, exchange: Exchange) -> None:
        """The answer is complete: keep the connection, or close it."""
        self._state.total_requests += 1
        if not exchange.keep_alive or not exchange.body_complete or self.stopping:
            # Also when the client still sends: what follows cannot be told from a request (attack 20).
            self._exchange = None
            self._linger(exchange.body_complete)
            return
        self._exchange = None
        if self._drained is None:
            self._next()
        else:  # the client takes less than it asks for: no more is asked of us before it has taken that (attack 74)
            self._held = True
            self.pause_reading()
            self._limit_taking()

    # -- inside
    @property
    def _current(self) -> Exchange:
        """The exchange whose body is being received."""
        exchange = self._pipeline[-1] if self._pipeline else self._exchange
        assert exchange is not None
        return exchange

    def _is_answering(self) -> bool:
        """Whether a request has been received and its answer is under way."""
        return self._exchange is not None and self._exchange.body_complete and self._rejected is None

    def _next(self) -> None:
        """Serve the next request, or wait for it."""
        if self._pipeline:
            self._start(self._pipeline.popleft())
        elif self._refusal is not None:
            self._reject(self._refusal)
        else:
            limit = self.limits.head if self._in_head else self.limits.keep_alive
            self.deadline = self._loop.time() + limit
        if self._reading_paused and len(self._pipeline) < MAX_PIPELINED:
            self.resume_reading()

    def _start(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self.deadline = math.inf if exchange.body_complete else self._loop.time() + self.limits.request
        task = self._loop.create_task(exchange.run(self._app))
        self._state.tasks.add(task)
        task.add_done_callback(self._state.tasks.discard)

    def _reject(self, rejected: Rejected) -> None:
        """Refuse what is being received, when those before it have been answered (RFC 9112, 9.3.2)."""
        if self._pipeline and not self._pipeline[-1].body_complete:
            self._pipeline.pop()
        if self._exchange is not None and self._exchange.body_complete:
            self._deaf, self._refusal = True, rejected
            return
        self._rejected = rejected
        self.deadline = math.inf
        identifier, exchange = self._record(rejected), self._exchange
        if exchange is not None and exchange.started:
            exchange.abort()
            return
        self.transport.write(refusal(rejected, identifier))
        if exchange is not None:
            exchange.disconnect()
        self._linger(all_read=False)

    def _record(self, rejected: Rejected) -> str:
        """Have a refusal written, by the gateway where it has a request that this ends; the correlation id."""
        exchange = self._exchange
        if exchange is not None:
            exchange.refused = rejected
            exchange.correlation_id = exchange.correlation_id or correlation_id(exchange.scope["headers"])
            return exchange.correlation_id
        head, version = self._known_head()
        identifier = correlation_id(head.headers)
        if self.access_log is not None:
            self.access_log.refused(head, rejected, identifier, version)
        return identifier

    def _known_head(self) -> tuple[RequestHead, str]:
        """What is known of the request that is being received, and its version of HTTP."""
        if self._arriving is not None and not self._in_head:
            return head_of(self._arriving), self._arriving["http_version"]
        url, headers = (self._url, self._headers) if self._in_head else (b"", [])
        method = self._parser.get_method().decode("ascii") if url else ""  # before, it is that of the last request
        version = self._parser.get_http_version() if url else UNKNOWN
        return known_head(method, url, headers, self._client, self._scheme), version

    def _linger(self, all_read: bool) -> None:
        """Close. With bytes on the way that we do not want, a plain close would reset the connection under the answer,
        so they are read and thrown away for a moment (RFC 9112, 9.6)."""
        self._rejected = self._rejected or _CLOSING
        if all_read or not self.transport.can_write_eof():
            self._close()
            return
        self.transport.write_eof()
        self.resume_reading()
        self.deadline = self._loop.time() + self.limits.linger
        self.deadlines.watch(self)

    def _hold(self, exchange: Exchange) -> None:
        """A web socket starts when llhttp has handed over what follows the head; a body is not read in between."""
        if self._exchange is not None or framing(self._headers) is not None:
            raise Rejected(Failure.BAD_REQUEST, "upgrade with a body or behind another request")
        exchange.scope["type"] = "websocket"
        self._exchange = exchange

    def _upgrade(self, rest: bytes) -> bytes:
        """Hand a web socket's bare socket to the application. Another upgrade is served as if nobody had asked for it
        (RFC 9110, 7.8): what is still to be read of `rest`.
        """
        if self._upgrading and self._exchange is not None:
            self._deaf = True
            self._exchange.feed_end()
            self.pause_reading()
            self._exchange.upgrade = self._upgraded = ClientSocket(self, rest)
            self._start(self._exchange)
            return b""
        if self._framing is not None:  # which httptools leaves to whoever speaks the other protocol
            name_and_length, self._framing = self._framing, None
            self._parser = httptools.HttpRequestParser(self)
            self._body_only = True
            self._parser.feed_data(b"POST / HTTP/1.1\r\n%b: %b\r\n\r\n" % name_and_length)
        return rest


def _is_websocket(headers: list[tuple[bytes, bytes]]) -> bool:
    return any(name == b"upgrade" and value.lower() == b"websocket" for name, value in headers)
