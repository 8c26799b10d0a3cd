"""Connections to real sockets: what a backend may do to them, and what becomes of them in the pool."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from app.errors import Failure, GatewayError
from app.transport.connection import HIGH_WATER, Connection, Timeouts
from app.transport.connector import Connector
from app.transport.deadlines import Deadlines
from app.transport.pool import Pool, PoolLimits
from app.transport.pool_key import DirectKey
from app.transport.tls import TlsContexts
from tests.support.raw_backend import Link, RawBackend, Script, answer, friendly, raw_backend
from tests.support.running import eventually, run, settled

GET = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\nexpect: 100-continue\r\n\r\n"


@asynccontextmanager
async def pool_for(
    script: Script, limits: PoolLimits | None = None, idle: float = 30.0
) -> AsyncIterator[tuple[Pool, DirectKey, RawBackend]]:
    deadlines = Deadlines(asyncio.get_running_loop(), 0.005)
    async with raw_backend(script) as backend:
        pool = Pool(Connector(deadlines, TlsContexts(), Timeouts(5.0, idle)), limits or PoolLimits())
        yield pool, DirectKey("127.0.0.1", backend.port), backend
        pool.close()
        deadlines.close()


async def exchange(connection: Connection, first_byte: float = 30.0) -> bytes:
    """One GET; the body of its answer."""
    connection.start(GET, "GET", first_byte, has_body=False)
    await connection.wait_head()
    return b"".join([piece async for piece in body(connection)])


async def body(connection: Connection) -> AsyncIterator[bytes]:
    while data := await connection.read():
        yield data


async def failure_of(connection: Connection, first_byte: float = 30.0) -> Failure:
    with pytest.raises(GatewayError) as caught:
        await exchange(connection, first_byte)
    return caught.value.failure


def test_a_clean_connection_serves_again() -> None:
    async def test() -> None:
        async with pool_for(friendly) as (pool, key, backend):
            for _ in range(3):
                connection = await pool.take(key)
                assert await exchange(connection) == b"ok"
                pool.give(connection)
            assert (backend.connections, connection.exchanges, pool.busy, pool.sockets) == (1, 3, 0, 1)

    run(test())


@pytest.mark.parametrize("surplus", [b"\r\n", b"\x00", answer(b"smuggled")])
def test_bytes_while_idle_cost_the_connection(surplus: bytes) -> None:
    async def test() -> None:
        go = asyncio.Event()

        async def script(link: Link) -> None:
            await link.request()
            await link.send(answer())
            await go.wait()
            await link.send(surplus)
            await link.gone()

        async with pool_for(script) as (pool, key, backend):
            connection = await pool.take(key)
            await exchange(connection)
            pool.give(connection)
            assert pool.sockets == 1
            go.set()
            await eventually(lambda: pool.sockets == 0 and backend.left == 1)
            assert pool.take_idle(key) is None

    run(test())


@pytest.mark.parametrize("headers", [b"", b"connection: close\r\n"])
def test_a_connection_that_the_backend_closes_is_forgotten(headers: bytes) -> None:
    async def test() -> None:
        async def script(link: Link) -> None:
            await link.request()
            await link.send(answer(headers=headers))

        async with pool_for(script) as (pool, key, backend):
            for _ in range(2):
                connection = await pool.take(key)
                assert await exchange(connection) == b"ok"
                pool.give(connection)
                await eventually(lambda: pool.sockets == 0)
            assert backend.connections == 2

    run(test())


def test_a_connection_that_closes_before_its_first_request_fails_at_once() -> None:
    async def test() -> None:
        async def script(link: Link) -> None:
            link.reset()

        async with pool_for(script) as (pool, key, _):
            connection = await pool.take(key)
            await eventually(lambda: connection.closed)
            assert await failure_of(connection) is Failure.BACKEND_CLOSED
            pool.give(connection)
            assert (pool.busy, pool.sockets) == (0, 0)

    run(test())


def test_a_connection_that_speaks_first_is_no_http() -> None:
    async def test() -> None:
        async def script(link: Link) -> None:
            await link.send(b"220 smtp ready\r\n")
            await link.gone()

        async with pool_for(script) as (pool, key, _):
            connection = await pool.take(key)
            await eventually(lambda: connection.closed)
            assert await failure_of(connection) is Failure.BACKEND_INVALID
            pool.give(connection)
            assert pool.sockets == 0

    run(test())


def test_an_unused_connection_goes_back_without_an_exchange() -> None:
    """As when the client leaves while we connect."""

    async def test() -> None:
        async with pool_for(friendly) as (pool, key, _):
            pool.give(await pool.take(key))
            assert pool.busy == 0

    run(test())


def test_nobody_listening_is_unreachable() -> None:
    async def test() -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        async with pool_for(friendly) as (pool, _, _):
            with pytest.raises(GatewayError) as caught:
                await pool.take(DirectKey("127.0.0.1", port))
            assert caught.value.failure is Failure.BACKEND_UNREACHABLE
            assert (pool.busy, pool.sockets, pool.keys) == (0, 0, 0)

    run(test())


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200", answer(b"all but the end")[:-3]])
def test_a_backend_that_falls_silent_times_out(start: bytes) -> None:
    async def test() -> None:
        async def script(link: Link) -> None:
            await link.request()
            await link.send(start)
            await link.gone()

        async with pool_for(script, idle=0.02) as (pool, key, backend):
            connection = await pool.take(key)
            assert await failure_of(connection, first_byte=0.02) is Failure.BACKEND_TIMEOUT
            pool.give(connection)
            await eventually(lambda: backend.left == 1)
            assert pool.sockets == 0

    run(test())


@pytest.mark.parametrize(
    ("start", "timeouts", "detail", "advice"),
    [
        (
            b"",
            Timeouts(5.0, 30.0),
            "no answer within 20 ms, the timeout of the destination or service",
            "HTML5.Timeout",
        ),
        (b"", Timeouts(5.0, 30.0, 0.01), "the exchange did not end within 10 ms", "GATEWAY_TOTAL_TIMEOUT"),
        (answer(b"part")[:-1], Timeouts(5.0, 0.03), "the answer stopped for 30 ms", "GATEWAY_IDLE_TIMEOUT"),
    ],
)
def test_a_timeout_says_which_limit_has_passed(start: bytes, timeouts: Timeouts, detail: str, advice: str) -> None:
    async def test() -> None:
        async def script(link: Link) -> None:
            await link.request()
            await link.send(start)
            await link.gone()

        deadlines = Deadlines(asyncio.get_running_loop(), 0.005)
        async with raw_backend(script) as backend:
            connection = await Connector(deadlines, TlsContexts(), timeouts).open(DirectKey("127.0.0.1", backend.port))
            with pytest.raises(GatewayError) as caught:
                await exchange(connection, 0.02)
            deadlines.close()
        assert caught.value.failure is Failure.BACKEND_TIMEOUT
        assert caught.value.detail == detail
        assert advice in caught.value.advice

    run(test())


def test_an_upload_that_the_backend_stops_taking_says_so() -> None:
    async def test() -> None:
        async def script(link: Link) -> None:
            await link.head()
            await asyncio.sleep(1.0)

        async with pool_for(script) as (pool, key, _):
            connection = await pool.take(key)
            connection.start(
                b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 99999999\r\n\r\n", "POST", 0.05, has_body=True
            )
            with pytest.raises(GatewayError) as caught:
                await connection.write(b"x" * 20_000_000, last=False)
            assert (
                caught.value.detail
                == "it took no more of the request within 50 ms, the timeout of the destination or service"
            )
            pool.give(connection)

    run(test())


def test_the_go_ahead_and_the_answer_may_be_awaited_at_the_same_time() -> None:
    async def test() -> None:
        async def script(link: Link) -> None:
            await link.head()
            await link.send(b"HTTP/1.1 100 Continue\r\n\r\n")
            assert b"".join([piece async for piece in link.pieces()]) == b"data"
            await link.send(answer(b"thanks"))

        async with pool_for(script) as (pool, key, _):
            connection = await pool.take(key)
            connection.start(POST, "POST", 30.0, has_body=True)
            head = asyncio.create_task(connection.wait_head())
            await settled()
            assert await connection.wait_continue(1000.0)
            await connection.write(b"data", last=True)
            await head
            assert await connection.read() == b"thanks"
            pool.give(connection)

    run(test())


def test_the_go_ahead_of_a_silent_backend_is_assumed() -> None:
    async def test() -> None:
        async def script(link: Link) -> None:
            await link.request()

        async with pool_for(script) as (pool, key, _):
            connection = await pool.take(key)
            connection.start(POST, "POST", 30.0, has_body=True)
            assert await connection.wait_continue(0.01)
            pool.give(connection)

    run(test())


def test_a_refusal_instead_of_the_go_ahead_ends_the_upload() -> None:
    async def test() -> None:
        async def script(link: Link) -> None:
            await link.head()
            await link.send(answer(status=417))
            await link.gone()

        async with pool_for(script) as (pool, key, backend):
            connection = await pool.take(key)
            connection.start(POST, "POST", 30.0, has_body=True)
            assert not await connection.wait_continue(1000.0)
            pool.give(connection)
            await eventually(lambda: backend.left == 1)  # its body was announced and never sent

    run(test())


def test_a_body_that_nobody_reads_stops_the_backend() -> None:
    async def test() -> None:
        sent = 0

        async def script(link: Link) -> None:
            nonlocal sent
            await link.request()
            await link.send(b"HTTP/1.1 200 OK\r\n\r\n")
            for _ in range(400):
                await link.send(b"x" * 65536)
                sent += 65536

        async with pool_for(script) as (pool, key, _):
            connection = await pool.take(key)
            connection.start(GET, "GET", 30.0, has_body=False)
            await connection.wait_head()
            before = -1
            while sent != before:  # until it gets stuck in the buffers of the kernel
                before = sent
                await asyncio.sleep(0.05)
            assert sum(map(len, connection.parser.chunks)) <= HIGH_WATER + 2**18
            assert sent < 400 * 65536
            assert sum([len(piece) async for piece in body(connection)]) == 400 * 65536
            pool.give(connection)

    run(test())


def test_a_backend_that_takes_nothing_more_does_not_keep_its_socket() -> None:
    async def test() -> None:
        release = asyncio.Event()

        async def script(link: Link) -> None:
            await link.head()
            await release.wait()
            await link.gone()

        async with pool_for(script) as (pool, key, backend):
            connection = await pool.take(key)
            connection.start(
                b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 99999999\r\n\r\n", "POST", 30.0, has_body=True
            )
            stuck = asyncio.create_task(connection.write(b"x" * 20_000_000, last=False))
            await settled()
            stuck.cancel()
            pool.give(connection)
            assert pool.sockets == 0
            release.set()
            await eventually(lambda: backend.left == 1)

    run(test())
