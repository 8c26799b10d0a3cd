"""The answer to a request that is refused before the gateway sees it, and what its line in the log may show.

The answer is plain text: what is not understood says nothing of what its sender understands.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence

from app.answer import Headers
from app.errors import GatewayError
from app.inbound.exchange import STATUS_LINES, Message, Scope
from app.observability.access_log import AccessLog
from app.observability.correlation import correlation_id, returned_headers
from app.observability.platform_fields import UNKNOWN
from app.request_head import RequestHead

MAX_METHOD = 32
MAX_TARGET = 1024
MAX_VALUE = 256
"""Characters of method, target and each header value that the line of a refused request may have."""

_AUTHORITY = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*|^[^/?#]*@")
"""Where a target names the host it is for, there may be a password in front of it."""


def known_head(
    method: str, target: bytes, headers: Sequence[tuple[bytes, bytes]], client: tuple[str, int] | None, scheme: str
) -> RequestHead:
    """What is known of a refused request, cut to what a log may be filled with."""
    shown = target[:MAX_TARGET].decode("latin-1")
    if not shown.startswith("/"):
        shown = _AUTHORITY.sub("", shown)
    short = [pair for pair in headers if len(pair[1]) <= MAX_VALUE]
    return RequestHead(method[:MAX_METHOD] or UNKNOWN, shown or UNKNOWN, short, client[0] if client else "", scheme)


def head_of(scope: Scope) -> RequestHead:
    """The same of a refused request whose head has been understood."""
    query = scope["query_string"]
    target = scope["raw_path"] + b"?" + query if query else scope["raw_path"]
    return known_head(scope["method"], target, scope["headers"], scope["client"], scope["scheme"])


def refusal(error: GatewayError, identifier: str) -> bytes:
    """The complete answer to a refused request over HTTP/1.1; the connection ends behind it."""
    headers, body = plain_answer(error, identifier)
    lines = b"".join(b"%b: %b\r\n" % pair for pair in headers)
    return b"%b\r\n%b\r\n%b" % (STATUS_LINES[error.row.status], lines, body)


async def refuse(
    error: GatewayError, scope: Scope, send: Callable[[Message], Awaitable[None]], access_log: AccessLog | None
) -> None:
    """Refuse a request of another server, or a stream of HTTP/2, and have its line written."""
    identifier = correlation_id(scope["headers"])
    if access_log is not None:
        access_log.refused(head_of(scope), error, identifier, scope["http_version"])
    headers, body = plain_answer(error, identifier)
    await send({"type": "http.response.start", "status": error.row.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def plain_answer(error: GatewayError, identifier: str) -> tuple[Headers, bytes]:
    """Headers and body of the answer to a refused request."""
    row = error.row
    message = f"{row.title}: {error.detail}" if error.detail else row.title
    body = f"{message}\n{error.advice}\nCorrelation id: {identifier}\n".encode("ascii")
    headers = (
        (b"content-type", b"text/plain"),
        (b"content-length", b"%d" % len(body)),
        (b"connection", b"close"),
        (b"x-error-origin", row.hop.encode()),
        (b"x-error-message", message.encode("ascii")),
        *returned_headers(identifier),
        *error.headers,
    )
    return headers, body
