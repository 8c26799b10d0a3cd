"""Clients that take an answer slowly get all of it; those that stop taking get a reset, and no end that looks whole."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from uvicorn.server import ServerState

from app.inbound.exchange import AsgiApp
from app.inbound.limits import InboundLimits
from tests.support.mini_gateway import inbound_server
from tests.support.raw_client import RawClient
from tests.support.running import eventually, run
from tests.support.small_buffers import TAKEN, narrow_client, small_send_buffers

BODY = b"x" * 300_000
STALLED = 0.5
PAUSE = 0.02
"""After each piece of `TAKEN` bytes or so: the whole takes several times as long as nothing may be taken."""

KEPT = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
LAST = b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"


async def stream(_scope: Any, _receive: Any, send: Any) -> None:
    """An answer that is under way until its only piece has been taken."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": BODY, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def page(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(BODY))]})
    await send({"type": "http.response.body", "body": BODY})


async def taken_slowly(client: RawClient) -> int:
    """The size of the next answer's body."""
    await client.head()
    size = 0
    async for piece in client.pieces():
        size += len(piece)
        await asyncio.sleep(PAUSE * len(piece) / TAKEN)
    return size


@pytest.mark.parametrize(
    ("app", "request_"),
    [
        (stream, KEPT),
        (page, KEPT + KEPT),
        (page, LAST),
    ],
    ids=["answer under way", "answer before the next request", "end of the connection"],
)
def test_a_slow_client_that_takes_something_all_the_time_gets_all(app: AsgiApp, request_: bytes) -> None:
    async def test() -> None:
        limits = InboundLimits(stalled=STALLED)
        async with inbound_server(app, limits) as port, narrow_client(port) as client:
            await client.send(request_)
            loop = asyncio.get_running_loop()
            begun = loop.time()
            assert await taken_slowly(client) == len(BODY)
            assert loop.time() - begun > 2 * STALLED

    with small_send_buffers():
        run(test())


async def whole(_scope: Any, _receive: Any, send: Any) -> None:
    """An answer without a length, given in one piece."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": BODY})


def test_an_answer_that_is_cut_does_not_look_complete_to_an_old_client() -> None:
    """For HTTP/1.0 an orderly end of the connection is the end of the body."""

    async def test() -> None:
        state = ServerState()
        limits = InboundLimits(stalled=0.05)
        async with inbound_server(whole, limits, state) as port, narrow_client(port) as client:
            await client.send(b"GET / HTTP/1.0\r\n\r\n")
            await eventually(lambda: state.total_requests == 1)
            await eventually(lambda: not state.connections)
            with pytest.raises(ConnectionResetError):
                await client.reader.read(-1)

    with small_send_buffers():
        run(test())
