"""The gateway under ASGI servers that are not our own: what their parsers let through is checked again, as far as it
can still be seen in a scope.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from app.errors import Failure
from app.inbound.exchange import AsgiApp, Message, Scope
from app.inbound.foreign_exchange import run_foreign
from app.inbound.refusal import refuse
from app.inbound.request_check import Rejected, check_headers, origin_form
from app.observability.access_log import AccessLog

Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

WEBSOCKETS = "web sockets need the gateway's own server"


async def serve_foreign(
    app: AsgiApp, scope: Scope, receive: Receive, send: Send, access_log: AccessLog | None = None
) -> None:
    """Serve a request of another server. Raises AbortExchange to have an answer cut visibly."""
    headers = [(bytes(name).lower(), bytes(value)) for name, value in scope["headers"]]
    query = scope["query_string"]
    path = scope.get("raw_path") or b""
    try:
        target = origin_form(path + b"?" + query if query else path, headers)
        fields = check_headers(scope["method"].encode("latin-1"), "1.1", headers)
        _refuse_handshake(fields)
    except Rejected as rejected:
        return await refuse(rejected, {**scope, "raw_path": path, "headers": headers}, send, access_log)
    raw_path, _, query_string = target.partition(b"?")
    own = {**scope, "headers": headers, "raw_path": raw_path, "query_string": query_string}
    await run_foreign(app, own, receive, send, has_body=b"content-length" in fields or b"transfer-encoding" in fields)


async def refuse_websocket(receive: Receive, send: Send) -> None:
    """Web sockets pass as bytes, which other servers do not hand out: refused before the handshake is answered."""
    await receive()
    await send({"type": "websocket.close", "code": 1011, "reason": WEBSOCKETS})


def _refuse_handshake(fields: Mapping[bytes, bytes]) -> None:
    """A server that knows no web sockets passes their handshakes on as requests; for a backend they would be some."""
    upgrades = b"upgrade" in fields.get(b"connection", b"").lower()
    if upgrades and fields.get(b"upgrade", b"").lower() == b"websocket":
        raise Rejected(Failure.NO_WEB_SOCKETS, WEBSOCKETS, advice="Serve with python -m app.")
