"""A request of an ASGI application read whole, and its answer sent: for stations whose bodies are small."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

MAX_BODY = 8 * 1024 * 1024


class BodyTooLarge(Exception):
    """More than `MAX_BODY` bytes came."""


class ClientGone(Exception):
    """The client left before its request was complete."""


@dataclass(frozen=True, slots=True)
class WebRequest:
    """A request with its body; path decoded, header names in lower case (the first of each counts)."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def host(self) -> str:
        """The host the client named."""
        return self.headers.get("host", "")


async def read_request(scope: Scope, receive: Receive) -> WebRequest:
    """The whole request. Raises BodyTooLarge, ClientGone."""
    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        headers.setdefault(name.decode("latin-1"), value.decode("latin-1"))
    return WebRequest(
        method=scope["method"],
        path=scope["path"],
        query=dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)),
        headers=headers,
        body=await _read_body(receive),
    )


async def _read_body(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        body += message.get("body", b"")
        if len(body) > MAX_BODY:
            raise BodyTooLarge
        if not message.get("more_body", False):
            return bytes(body)


async def send_answer(
    send: Send, status: int, headers: Iterable[tuple[str, str]], body: bytes, *, to_head: bool = False
) -> None:
    """A whole answer with its length; `to_head` leaves the body out."""
    pairs = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    if status != 204:
        pairs.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": b"" if to_head else body})


async def send_json(send: Send, status: int, data: Any, headers: Iterable[tuple[str, str]] = ()) -> None:
    """An answer with a JSON body."""
    body = json.dumps(data, ensure_ascii=False).encode()
    await send_answer(send, status, [("content-type", "application/json"), *headers], body)
