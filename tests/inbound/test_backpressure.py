"""Clients that ask for more than they take: what waits for them is bounded in size and in time (case 74)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from uvicorn.server import ServerState

from app.inbound.limits import MAX_CHUNKS, InboundLimits
from tests.support.mini_gateway import inbound_server
from tests.support.raw_client import RawClient, raw_client
from tests.support.running import eventually, run, settled
from tests.support.small_buffers import narrow_client

GET = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
BODY = b"x" * 60_000
"""A page that alone would not fill the write buffer."""

REQUESTS = 400
MUCH = 1024 * 1024


async def page(_scope: Any, _receive: Any, send: Any) -> None:
    headers = [(b"content-length", b"%d" % len(BODY))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": BODY})


async def ask(client: RawClient) -> None:
    """Ask for one page after another, without looking at what comes."""
    for _ in range(REQUESTS):
        client.writer.write(GET)
        await settled()


def waiting(state: ServerState) -> int:
    """Bytes that wait for clients."""
    return sum(connection.transport.get_write_buffer_size() for connection in state.connections)


async def stagnates(counter: Callable[[], int]) -> int:
    """Wait until nothing is counted any more, and return the count."""
    before = -1
    while counter() != before:
        before = counter()
        await asyncio.sleep(0.05)
    return before


def test_a_client_that_asks_on_and_on_without_reading_is_not_answered_on_and_on() -> None:
    async def test() -> None:
        state = ServerState()
        async with inbound_server(page, InboundLimits(), state) as port, narrow_client(port) as client:
            await ask(client)
            served = await stagnates(lambda: state.total_requests)
            assert served < REQUESTS
            assert waiting(state) < MUCH
            for _ in range(served + 1):  # when it reads, it is served on
                assert (await client.answer()).body == BODY

    run(test())


def test_a_client_that_asks_without_reading_is_left_after_its_time() -> None:
    async def test() -> None:
        state = ServerState()
        limits = InboundLimits(stalled=0.05)
        async with inbound_server(page, limits, state) as port, narrow_client(port) as client:
            await eventually(lambda: len(state.connections) == 1)
            await ask(client)
            await eventually(lambda: not state.connections and not state.tasks)

    run(test())


def test_an_application_may_give_up_waiting_for_a_client() -> None:
    """Its next piece waits like any other, instead of being cancelled with the one before."""
    gave_up = asyncio.Event()

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        piece = {"type": "http.response.body", "body": BODY, "more_body": True}
        while not gave_up.is_set():
            try:
                await asyncio.wait_for(send(piece), 0.01)
            except TimeoutError:
                gave_up.set()
        await send(piece)
        await send({"type": "http.response.body", "body": b"end"})

    async def test() -> None:
        async with inbound_server(app, InboundLimits()) as port, narrow_client(port) as client:
            await client.send(GET)
            await gave_up.wait()
            assert (await client.answer()).body.endswith(b"end")

    run(test())


@pytest.mark.parametrize("chunks", [MAX_CHUNKS // 10, 2 * MAX_CHUNKS])
def test_a_flood_of_tiny_chunks_is_read_with_rests(chunks: int) -> None:
    """Case 77: each costs others time; nothing of it is lost."""
    reads: list[bool] = []
    state = ServerState()

    async def app(_scope: Any, receive: Any, send: Any) -> None:
        more, size = True, 0
        while more:
            message = await receive()
            size += len(message["body"])
            more = message["more_body"]
            reads.extend(connection.transport.is_reading() for connection in state.connections)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x-size", b"%d" % size)]})
        await send({"type": "http.response.body", "body": b""})

    async def test() -> None:
        async with inbound_server(app, InboundLimits(), state) as port, raw_client(port) as client:
            head = b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"
            for _ in range(2):
                await client.send(head)
                for _ in range(5):
                    await client.send(b"1\r\na\r\n" * chunks)
                await client.send(b"0\r\n\r\n")
                answered = await client.answer("POST")
                assert answered.values(b"x-size") == [b"%d" % (5 * chunks)]
            assert all(reads) is (chunks < MAX_CHUNKS)

    run(test())
