"""Bodies pass as they come, at the pace of the slower side, and whole."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from typing import cast

import pytest

from tests.support.proxied import proxied
from tests.support.raw_backend import Link, answer
from tests.support.running import eventually, run

PIECE = bytes(range(256)) * 256
PIECES = 200
WHOLE = hashlib.sha256(PIECE * PIECES).hexdigest()
TOO_MUCH = 48 * 1024 * 1024
"""More than all buffers on the way can hold together."""

GET = b"GET / HTTP/1.1\r\nhost: gateway\r\n\r\n"
CHUNKED_POST = b"POST / HTTP/1.1\r\nhost: gateway\r\ntransfer-encoding: chunked\r\n\r\n"
OK_CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


async def digest(pieces: AsyncIterator[bytes]) -> str:
    sha = hashlib.sha256()
    async for piece in pieces:
        sha.update(piece)
    return sha.hexdigest()


async def stagnates(counter: Callable[[], int]) -> int:
    """Wait until nothing is counted any more, and return the count."""
    before = -1
    while counter() != before:
        before = counter()
        await asyncio.sleep(0.05)
    return before


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
def test_a_large_download_arrives_whole(framing: str) -> None:
    heads = {
        "length": b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (len(PIECE) * PIECES),
        "chunked": OK_CHUNKED,
        "close": b"HTTP/1.1 200 OK\r\n\r\n",
    }

    async def script(link: Link) -> None:
        await link.request()
        await link.send(heads[framing])
        for _ in range(PIECES):
            await link.send(chunk(PIECE) if framing == "chunked" else PIECE)
        await link.send(b"0\r\n\r\n" if framing == "chunked" else b"")

    async def test() -> None:
        async with proxied(script) as (_, gateway, client):
            await client.send(GET)
            assert (await client.head()).status == 200
            assert await digest(client.pieces()) == WHOLE
            assert gateway.failures == []

    run(test())


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_large_upload_arrives_whole(framing: str) -> None:
    async def script(link: Link) -> None:
        while True:
            await link.head()
            await link.send(answer((await digest(link.pieces())).encode()))

    async def test() -> None:
        async with proxied(script) as (backend, gateway, client):
            for _ in range(2):
                if framing == "chunked":
                    await client.send(CHUNKED_POST)
                else:
                    size = len(PIECE) * PIECES
                    await client.send(b"POST / HTTP/1.1\r\nhost: gateway\r\ncontent-length: %d\r\n\r\n" % size)
                for _ in range(PIECES):
                    await client.send(chunk(PIECE) if framing == "chunked" else PIECE)
                await client.send(b"0\r\n\r\n" if framing == "chunked" else b"")
                assert (await client.answer()).body == WHOLE.encode()
            assert (backend.connections, gateway.failures) == (1, [])

    run(test())


def test_events_pass_one_by_one() -> None:
    """Server-sent events: the backend sends the next one only when the client has got the last one."""

    async def test() -> None:
        got = asyncio.Semaphore(1)

        async def script(link: Link) -> None:
            await link.request()
            await link.send(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
            for number in range(20):
                await got.acquire()
                await link.send(chunk(b"data: %d\n\n" % number))
            await link.send(b"0\r\n\r\n")

        async with proxied(script) as (_, _gateway, client):
            await client.send(GET)
            await client.head()
            events = []
            async for event in client.pieces():
                events.append(event)
                got.release()
            assert events == [b"data: %d\n\n" % number for number in range(20)]

    run(test())


def test_a_head_does_not_wait_for_its_body() -> None:
    async def script(link: Link) -> None:
        await link.request()
        await link.send(OK_CHUNKED)
        await link.gone()

    async def test() -> None:
        async with proxied(script) as (_, _gateway, client):
            await client.send(GET)
            assert (await client.head()).status == 200

    run(test())


def test_an_upload_passes_piece_by_piece() -> None:
    """The client sends the next piece only when the backend has got the last one."""

    async def test() -> None:
        got: list[bytes] = []

        async def script(link: Link) -> None:
            await link.head()
            async for piece in link.pieces():
                got.append(piece)  # noqa: PERF401 - seen while it arrives
            await link.send(answer())

        async with proxied(script) as (_, _gateway, client):
            await client.send(CHUNKED_POST)
            for number in range(10):
                await client.send(chunk(b"piece %d" % number))
                await eventually(lambda wanted=number: b"".join(got).endswith(b"piece %d" % wanted))  # type: ignore[misc]
            await client.send(b"0\r\n\r\n")
            assert (await client.answer()).status == 200

    run(test())


def test_both_directions_may_flow_at_once() -> None:
    async def script(link: Link) -> None:
        await link.head()
        await link.send(OK_CHUNKED)
        async for piece in link.pieces():
            await link.send(chunk(piece))
        await link.send(b"0\r\n\r\n")

    async def test() -> None:
        async with proxied(script) as (_, _gateway, client):
            await client.send(CHUNKED_POST)
            await client.head("POST")
            pieces = client.pieces()
            for number in range(10):
                await client.send(chunk(b"piece %d" % number))
                assert await anext(pieces) == b"piece %d" % number
            await client.send(b"0\r\n\r\n")
            assert [piece async for piece in pieces] == []

    run(test())


def test_a_client_that_reads_nothing_stops_the_backend() -> None:
    """Case 74: memory is bounded; and when the client reads on, the rest arrives."""

    async def test() -> None:
        sent = 0

        async def script(link: Link) -> None:
            nonlocal sent
            await link.request()
            await link.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % TOO_MUCH)
            while sent < TOO_MUCH:
                await link.send(PIECE)
                sent += len(PIECE)

        async with proxied(script) as (_, gateway, client):
            transport = cast(asyncio.Transport, client.writer.transport)
            await client.send(GET)
            await client.head()
            transport.pause_reading()
            assert await stagnates(lambda: sent) < TOO_MUCH
            for connection in gateway.connections:
                assert connection.transport.get_write_buffer_size() < 1024 * 1024
            transport.resume_reading()
            assert sum([len(piece) async for piece in client.pieces()]) == TOO_MUCH

    run(test())


def test_a_backend_that_reads_nothing_stops_the_client() -> None:
    async def test() -> None:
        read_on = asyncio.Event()
        sent = 0

        async def script(link: Link) -> None:
            await link.head()
            await read_on.wait()
            await link.send(answer(b"%d" % sum([len(piece) async for piece in link.pieces()])))

        async with proxied(script) as (_, _gateway, client):

            async def upload() -> None:
                nonlocal sent
                await client.send(b"POST / HTTP/1.1\r\nhost: gateway\r\ncontent-length: %d\r\n\r\n" % TOO_MUCH)
                while sent < TOO_MUCH:
                    await client.send(PIECE)
                    sent += len(PIECE)

            uploading = asyncio.create_task(upload())
            assert await stagnates(lambda: sent) < TOO_MUCH
            read_on.set()
            await uploading
            assert (await client.answer()).body == b"%d" % TOO_MUCH

    run(test())
