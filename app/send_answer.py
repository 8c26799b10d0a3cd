"""Sends an `Answer` through ASGI."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from app.answer import Answer
from app.http_date import date_header

Send = Callable[[dict[str, Any]], Awaitable[None]]

_BODILESS = frozenset({204, 304})


async def send_answer(answer: Answer, method: str, send: Send) -> None:
    """Send a complete answer with `content-length` and `date`; HEAD gets the length but no body (RFC 9110, 8.6)."""
    headers = [*answer.headers, date_header()]
    if answer.status not in _BODILESS:
        headers.append((b"content-length", b"%d" % len(answer.body)))
    body = b"" if method == "HEAD" or answer.status in _BODILESS else answer.body
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
