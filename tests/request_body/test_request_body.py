from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from app.errors import Failure, GatewayError
from app.request_body import read_body


def messages(*pieces: bytes | None) -> Callable[[], Awaitable[dict[str, Any]]]:
    """What a client sends; None is its leaving."""
    left = list(pieces)

    async def receive() -> dict[str, Any]:
        piece = left.pop(0)
        if piece is None:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": piece, "more_body": bool(left)}

    return receive


def test_pieces_are_joined() -> None:
    assert asyncio.run(read_body(messages(b"ab", b"", b"cd"))) == b"abcd"
    assert asyncio.run(read_body(messages(b""))) == b""
    assert asyncio.run(read_body(messages(b"x" * 10), limit=10)) == b"x" * 10


@pytest.mark.parametrize(
    ("pieces", "failure"),
    [
        ((b"x" * 11,), Failure.BAD_REQUEST),
        ((b"x" * 6, b"x" * 5, b"y"), Failure.BAD_REQUEST),
        ((b"x", None), Failure.CLIENT_GONE),
    ],
)
def test_too_much_is_refused_and_a_client_that_leaves_is_noticed(
    pieces: tuple[bytes | None, ...], failure: Failure
) -> None:
    with pytest.raises(GatewayError) as caught:
        asyncio.run(read_body(messages(*pieces), limit=10))
    assert caught.value.failure is failure
