"""HTTP/2 (HTTP2_SUPPORT): uvicorn's `zttp` speaks it, we check what it is told and pass it on as HTTP/1.1.

Cleartext with prior knowledge, as the platform's router does it for routes with `protocol: http2`, and ALPN with TLS.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar, cast

import zttp
from uvicorn.config import Config
from uvicorn.protocols.http.zttp_h2_impl import RequestResponseCycle, ZttpH2Protocol
from uvicorn.server import ServerState

from app.errors import Failure
from app.inbound.exchange import AbortExchange, AsgiApp, Message, Scope
from app.inbound.foreign_exchange import run_foreign
from app.inbound.protocol import InboundProtocol
from app.inbound.refusal import refuse
from app.inbound.request_check import Rejected, check_headers, origin_form
from app.observability.access_log import AccessLog

log = logging.getLogger("gangway.inbound")

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_CONNECTION_HEADERS = frozenset(b"connection keep-alive proxy-connection transfer-encoding upgrade".split())


class Http2Protocol(ZttpH2Protocol):
    """An HTTP/2 client connection."""

    refusals: AccessLog | None = None

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._gateway = cast(AsgiApp, config.loaded_app)
        self.app = self._serve

    def handle_request(self, event: zttp.Request) -> None:
        """A request whose head ends its stream has no body; zttp reports no further end for it."""
        super().handle_request(event)
        if event.end_stream:
            self.cycles[event.stream_id].more_body = False

    async def _serve(
        self, scope: Scope, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
    ) -> None:
        cycle: RequestResponseCycle = receive.__self__  # type: ignore[attr-defined]
        try:
            has_body = _as_http1(scope, has_body=cycle.more_body or bool(cycle.body))
        except Rejected as rejected:
            await refuse(rejected, scope, send, self.refusals)
            return
        try:
            await run_foreign(self._gateway, scope, receive, send, has_body=has_body)
        except (AbortExchange, asyncio.CancelledError):  # cancelled where the server stops: nothing comes after this
            cycle.abort_stream()


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
        protocol = Http2Protocol(*self._arguments)
        protocol.refusals = self.access_log
        self.transport.set_protocol(protocol)
        protocol.connection_made(self.transport)
        if first:
            protocol.data_received(first)
