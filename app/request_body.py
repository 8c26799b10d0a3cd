"""The body of a request to one of our own addresses: small, and read as a whole."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from app.errors import Failure, GatewayError

MAX_BYTES = 64 * 1024

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


async def read_body(receive: Receive, limit: int = MAX_BYTES) -> bytes:
    """The whole body. Raises `BAD_REQUEST` for more than `limit` bytes, `CLIENT_GONE`."""
    body = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise GatewayError(Failure.CLIENT_GONE)
        piece: bytes = message.get("body", b"")
        body += piece
        if len(body) > limit:
            raise GatewayError(Failure.BAD_REQUEST, "the body is too long")
        if not message.get("more_body", False):
            return body
