"""What a client may cost: size, count and time."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from app.errors import Failure
from app.inbound.protocol import InboundLimits
from app.inbound.request_check import MAX_HEAD_BYTES, MAX_HEADERS, MAX_TARGET
from tests.support.mini_gateway import Limits, MiniGateway
from tests.support.proxied import proxied
from tests.support.raw_backend import Link, friendly
from tests.support.raw_client import RawClient, raw_client
from tests.support.refusal import refused
from tests.support.running import eventually, run

HOST = b"host: gateway\r\n"


def test_long_targets() -> None:
    """Case 51."""
    assert refused(b"GET /" + b"a" * MAX_TARGET + b" HTTP/1.1\r\n" + HOST + b"\r\n").status == 414


def test_many_headers() -> None:
    """Case 51."""
    lines = b"".join(b"x-%d: a\r\n" % number for number in range(MAX_HEADERS))
    assert refused(b"GET / HTTP/1.1\r\n" + HOST + lines + b"\r\n").status == 431


@pytest.mark.parametrize("line", [b"cookie: " + b"a" * MAX_HEAD_BYTES, b"x" * MAX_HEAD_BYTES + b": a"])
def test_large_heads(line: bytes) -> None:
    """Case 51."""
    assert refused(b"GET / HTTP/1.1\r\n" + HOST + line + b"\r\n\r\n").status == 431


@pytest.mark.parametrize(
    "start",
    [
        b"GET /",
        b"GET / HTTP/1.1\r\n" + HOST + b"x-a: ",
        b"POST / HTTP/1.1\r\n" + HOST + b"transfer-encoding: chunked\r\n\r\n0\r\nx-a: ",
        b"POST / HTTP/1.1\r\n" + HOST + b"transfer-encoding: chunked\r\n\r\n5;a=",
        b"POST / HTTP/1.1\r\n" + HOST + b"transfer-encoding: chunked\r\n\r\n1\r\na\r\n1;",
    ],
)
def test_heads_trailers_and_extensions_that_never_end(start: bytes) -> None:
    """Case 51: refused as soon as it is too much, however it is cut."""

    async def test() -> None:
        async with proxied(friendly) as (backend, gateway, client):
            await client.send(start)
            answer = asyncio.create_task(client.answer())
            while not answer.done():
                client.writer.write(b"a" * 1000)
                await asyncio.sleep(0.001)
            assert (await answer).status in (414, 431)
            await gateway.quiet()
            assert backend.requests == []

    run(test())


@pytest.mark.parametrize(
    "start",
    [
        b"GET / HT",
        b"GET / HTTP/1.1\r\n" + HOST + b"x-a",
        b"POST / HTTP/1.1\r\n" + HOST + b"content-length: 5\r\n\r\nabc",
        b"POST / HTTP/1.1\r\n" + HOST + b"transfer-encoding: chunked\r\n\r\n5\r\nabc",
        b"POST / HTTP/1.1\r\n" + HOST + b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nx-a",
    ],
)
def test_slow_requests(start: bytes) -> None:
    """Case 74: 408, and the connection goes although the client stays."""

    async def test() -> None:
        limits = Limits(InboundLimits(head=0.02, request=0.02, linger=0.02))
        async with proxied(friendly, limits) as (backend, gateway, client):
            await client.send(start)
            assert (await client.answer()).status == 408
            assert await client.rest() == b""
            await gateway.quiet()
            assert backend.requests == []
            await eventually(lambda: not gateway.connections)

    run(test())


def test_one_byte_now_and_then_gains_no_time() -> None:
    """Case 74: the limit is for the whole head."""

    async def test() -> None:
        limits = Limits(InboundLimits(head=0.03))
        async with proxied(friendly, limits) as (_backend, _gateway, client):
            await client.send(b"GET / HTTP/1.1\r\n" + HOST + b"x-a: ")
            answer = asyncio.create_task(client.answer())
            while not answer.done():
                client.writer.write(b"a")
                await asyncio.sleep(0.002)
            assert (await answer).status == 408

    run(test())


def test_a_head_that_begins_behind_an_answered_request_has_no_more_time() -> None:
    """Case 74."""

    async def test() -> None:
        limits = Limits(InboundLimits(head=0.05))
        async with proxied(friendly, limits) as (_, _gateway, client):
            await client.send(b"GET / HTTP/1.1\r\n" + HOST + b"\r\n" + b"GET /slow HTTP/1.1\r\nx-a: ")
            assert (await client.answer()).status == 200
            async with asyncio.timeout(5):
                assert (await client.answer()).status == 408

    run(test())


def test_idle_connections_end() -> None:
    async def test() -> None:
        limits = Limits(InboundLimits(keep_alive=0.02))
        async with proxied(friendly, limits) as (_, gateway, client), raw_client(gateway.port) as silent:
            assert (await client.get()).status == 200
            assert await client.rest() == b""
            assert await silent.rest() == b""
            await eventually(lambda: not gateway.connections)

    run(test())


def test_a_slow_backend_is_not_the_clients_fault() -> None:
    async def test() -> None:
        limits = Limits(InboundLimits(head=0.02, request=0.02, keep_alive=0.02, stalled=0.02))
        go = asyncio.Event()

        async def script(link: Link) -> None:
            await link.request()
            await go.wait()
            await link.send(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")

        async with proxied(script, limits) as (backend, _gateway, client):
            await client.send(b"GET / HTTP/1.1\r\n" + HOST + b"\r\n")
            await eventually(lambda: len(backend.requests) == 1)
            await asyncio.sleep(0.1)
            go.set()
            assert (await client.answer()).body == b"ok"

    run(test())


async def _endless(link: Link) -> None:
    await link.request()
    await link.send(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        await link.send(b"x" * 65536)


async def _streams_at_once(link: Link) -> None:
    await link.head()
    await link.send(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        await link.send(b"x" * 65536)


async def _start_and_take_nothing(
    gateway: MiniGateway, client: RawClient, request: bytes = b"GET / HTTP/1.1\r\n" + HOST + b"\r\n"
) -> None:
    cast(asyncio.Transport, client.writer.transport).pause_reading()
    await client.send(request)
    await eventually(lambda: len(gateway.connections) == 1)


def test_a_client_that_takes_nothing_of_its_answer() -> None:
    """Case 74: cut after its time; the backend's socket is free again."""

    async def test() -> None:
        limits = Limits(InboundLimits(stalled=0.05))
        async with proxied(_endless, limits) as (_backend, gateway, client):
            await _start_and_take_nothing(gateway, client)
            await eventually(lambda: gateway.failures != [])
            await gateway.quiet()
            await eventually(lambda: not gateway.connections and gateway.pool.sockets == 0)

    run(test())


def test_a_client_that_takes_nothing_of_the_end_of_its_answer() -> None:
    """Case 74: also when all has been written and only the socket is left."""

    async def test() -> None:
        limits = Limits(InboundLimits(keep_alive=0.05, stalled=0.05))

        async def script(link: Link) -> None:
            await link.request()
            size = 8_000_000
            await link.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size + b"x" * size)

        async with proxied(script, limits) as (_backend, gateway, client):
            await _start_and_take_nothing(gateway, client)
            await eventually(lambda: not gateway.connections)
            await gateway.quiet()

    run(test())


LAST = b"GET / HTTP/1.1\r\nconnection: close\r\n" + HOST + b"\r\n"


@pytest.mark.parametrize("behind", [b"GARBAGE", LAST])
def test_bytes_behind_the_last_request_gain_no_time(behind: bytes) -> None:
    """Case 74."""

    async def test() -> None:
        limits = Limits(InboundLimits(stalled=0.05))
        async with proxied(_endless, limits) as (_backend, gateway, client):
            await _start_and_take_nothing(gateway, client, LAST + behind)
            await eventually(lambda: gateway.failures != [])
            await eventually(lambda: not gateway.connections and gateway.pool.sockets == 0)

    run(test())


def test_who_leaves_after_bytes_behind_the_last_request_is_noticed() -> None:
    """Case 24."""

    async def silent(link: Link) -> None:
        await link.request()
        await link.gone()

    async def test() -> None:
        async with proxied(silent) as (backend, gateway, client):
            await client.send(LAST + b"GARBAGE")
            await eventually(lambda: len(backend.requests) == 1)
            client.writer.write_eof()
            await eventually(lambda: gateway.failures == [Failure.CLIENT_GONE])

    run(test())


def test_a_body_that_ends_while_nothing_is_taken_gains_no_time() -> None:
    """Case 74: the answer waits already when its request is complete."""

    async def test() -> None:
        limits = Limits(InboundLimits(stalled=0.05))
        async with proxied(_streams_at_once, limits) as (_backend, gateway, client):
            head = b"POST / HTTP/1.1\r\ncontent-length: 10\r\n" + HOST + b"\r\n"
            await _start_and_take_nothing(gateway, client, head + b"begun")
            (connection,) = gateway.connections
            await eventually(lambda: connection.transport.get_write_buffer_size() > 65536)
            await client.send(b"ended")
            await eventually(lambda: gateway.failures != [])
            await eventually(lambda: not gateway.connections and gateway.pool.sockets == 0)

    run(test())


def test_a_stream_asked_for_behind_answers_that_are_not_taken_ends_in_time() -> None:
    """Case 74."""

    async def test() -> None:
        limits = Limits(InboundLimits(stalled=0.05))
        size = 8_000_000

        async def script(link: Link) -> None:
            await link.request()
            await link.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size + b"x" * size)
            await _endless(link)

        async with proxied(script, limits) as (_backend, gateway, client):
            get = b"GET / HTTP/1.1\r\n" + HOST + b"\r\n"
            await _start_and_take_nothing(gateway, client, get * 2)
            await eventually(lambda: not gateway.connections and gateway.pool.sockets == 0)

    run(test())
