"""HTTP/2 (HTTP2_SUPPORT): uvicorn's `zttp` speaks it, we check what it is told and pass it on as HTTP/1.1.

Cleartext with prior knowledge, as the platform's router does it for routes with `protocol: http2`, and ALPN with TLS.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar, cast

import zttp
from uvicorn.config import Config
from uvicorn.protocols.http.zttp_h2_impl import RequestResponseCycle, ZttpH2Protocol
from uvicorn.server import ServerState

from app.errors import Failure
from app.inbound.exchange import AbortExchange, AsgiApp, Message, Scope
from app.inbound.foreign_exchange import run_foreign
from app.inbound.http2_stream import Http2Stream
from app.inbound.protocol import InboundLimits, InboundProtocol
from app.inbound.refusal import refuse
from app.inbound.request_check import Rejected, check_headers, origin_form
from app.observability.access_log import AccessLog
from app.transport.deadlines import Deadlines

log = logging.getLogger("gangway.inbound")

Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_FRAME_HEAD, _PAIR = 9, 6
_CONNECT_PROTOCOL = zttp.H2Settings.ENABLE_CONNECT_PROTOCOL.to_bytes(2, "big")
_CONNECTION_HEADERS = frozenset(b"connection keep-alive proxy-connection transfer-encoding upgrade".split())


class Http2Protocol(ZttpH2Protocol):
    """An HTTP/2 client connection. Its own deadline is for a socket which takes nothing of what was written to it."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        limits: InboundLimits,
        deadlines: Deadlines,
        access_log: AccessLog | None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._gateway = cast(AsgiApp, config.loaded_app)
        self._limits = limits
        self._deadlines = deadlines
        self._access_log = access_log
        self._streams: set[Http2Stream] = set()
        self.app = self._serve
        self.timeout_keep_alive = limits.keep_alive  # type: ignore[assignment]
        self.deadline = math.inf
        self._untaken = 0

    # -- asyncio.Protocol
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.conn.initiate_connection()
        transport.write(_without_connect_protocol(self.conn.data_to_send()))
        super().connection_made(transport)
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._deadlines.forget(self)
        self._wake_streams()
        self.app = self._gateway  # not a circle, which would wait for the garbage collector

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._wake_streams()
        if self.transport.is_closing():
            self._limit_writing()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._limit_writing()

    def resume_writing(self) -> None:
        super().resume_writing()
        if not self.transport.is_closing():
            self.deadline = math.inf

    def on_deadline(self) -> None:
        """The client has had its time; whoever has taken something gets it anew."""
        if self.transport.get_write_buffer_size() < self._untaken:
            self._limit_writing()
        else:
            self.transport.abort()

    # -- uvicorn
    def handle_request(self, event: zttp.Request) -> None:
        """A request whose head ends its stream has no body; zttp reports no further end for it.

        uvicorn takes paths for ASCII: what is not ends its stream (RFC 9113, 8.1.1).
        """
        if not event.path.isascii():
            self.conn.stream(event.stream_id).reset(zttp.H2ErrorCode.PROTOCOL_ERROR)
            return
        super().handle_request(event)
        if event.end_stream:
            self.cycles[event.stream_id].more_body = False

    def _close_connection(self) -> None:
        super()._close_connection()
        self._limit_writing()

    # -- inside
    async def _serve(self, scope: Scope, receive: Receive, _send: Send) -> None:
        cycle: RequestResponseCycle = receive.__self__  # type: ignore[attr-defined]
        stream = Http2Stream(scope, cycle, self._limits, self._deadlines)
        self._streams.add(stream)
        try:
            await self._check_and_run(cycle, scope, receive, stream.send)
        except (AbortExchange, asyncio.CancelledError):  # cancelled where the server stops: nothing comes after this
            cycle.abort_stream()
        finally:
            self._streams.discard(stream)
            stream.close()

    async def _check_and_run(self, cycle: RequestResponseCycle, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            has_body = _as_http1(scope, has_body=cycle.more_body or bool(cycle.body))
        except Rejected as rejected:
            return await refuse(rejected, scope, send, self._access_log)
        await run_foreign(self._gateway, scope, receive, send, has_body=has_body)

    def _wake_streams(self) -> None:
        for stream in self._streams:
            stream.wake()

    def _limit_writing(self) -> None:
        """What has been written, and a close behind it, may take as long as a stalled answer."""
        self._untaken = self.transport.get_write_buffer_size()
        self.deadline = self.loop.time() + self._limits.stalled
        self._deadlines.watch(self)


def _without_connect_protocol(settings: bytes) -> bytes:
    """A SETTINGS frame, and what follows it, without ENABLE_CONNECT_PROTOCOL (RFC 8441, 3).

    zttp announces it, without an option not to, and we do not serve it. Browsers that read it would open web
    sockets here, instead of on a connection with HTTP/1.1.
    """
    end = _FRAME_HEAD + int.from_bytes(settings[:3], "big")
    pairs = [settings[start : start + _PAIR] for start in range(_FRAME_HEAD, end, _PAIR)]
    kept = b"".join(pair for pair in pairs if pair[:2] != _CONNECT_PROTOCOL)
    return len(kept).to_bytes(3, "big") + settings[3:_FRAME_HEAD] + kept + settings[end:]


def _as_http1(scope: Scope, *, has_body: bool) -> bool:
    """Check a request and make its head what the same request over HTTP/1.1 would have (RFC 9113, 8.2, 8.3)."""
    headers: list[tuple[bytes, bytes]] = scope["headers"]
    names = {name for name, _ in headers}
    if names & _CONNECTION_HEADERS:
        raise Rejected(Failure.BAD_REQUEST, "connection header in HTTP/2")
    query = scope["query_string"]
    target = origin_form(scope["raw_path"] + b"?" + query if query else scope["raw_path"], headers)
    check_headers(scope["method"].encode("ascii"), "1.1", headers)
    if has_body and b"content-length" not in names:
        headers.append((b"transfer-encoding", b"chunked"))
    scope["raw_path"], _, scope["query_string"] = target.partition(b"?")
    return has_body


class AutoProtocol(InboundProtocol):
    """Looks at the first bytes (or ALPN's result) and becomes HTTP/1.1, which it is already, or HTTP/2."""

    alpn_protocols: ClassVar[list[str]] = ["h2", "http/1.1"]

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._arguments = (config, server_state, app_state, _loop)
        self._first: bytes | None = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        secured = transport.get_extra_info("ssl_object")
        if secured is not None and secured.selected_alpn_protocol() == "h2":
            self._become_http2(b"")

    def data_received(self, data: bytes) -> None:
        if self._first is None:
            super().data_received(data)
            return
        first = self._first + data
        if len(first) < len(PREFACE) and PREFACE.startswith(first):
            self._first = first
            return
        self._first = None
        if first.startswith(PREFACE):
            self._become_http2(first)
        else:
            super().data_received(first)

    def _become_http2(self, first: bytes) -> None:
        """Hand the connection over; this object is forgotten."""
        super().connection_lost(None)
        protocol = Http2Protocol(
            *self._arguments, limits=self.limits, deadlines=self.deadlines, access_log=self.access_log
        )
        self.transport.set_protocol(protocol)
        protocol.connection_made(self.transport)
        if first:
            protocol.data_received(first)
