"""However a request ends, its socket is given back or dropped, and the gauges come back to zero.

`proxied` waits for the gauges at the end of every test.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import h11
import pytest

from app.errors import Failure
from app.inbound.protocol import InboundLimits
from app.transport.pool import PoolLimits
from tests.support.mini_gateway import Limits
from tests.support.proxied import proxied
from tests.support.raw_backend import Link, Script, answer
from tests.support.raw_client import RawClient, raw_client
from tests.support.running import eventually, run, settled

GET = b"GET / HTTP/1.1\r\nhost: gateway\r\n\r\n"
UPLOAD = b"POST / HTTP/1.1\r\nhost: gateway\r\ncontent-length: 1000\r\n\r\nbegun"
BROKEN = (ConnectionError, h11.RemoteProtocolError)
HALF = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf"
HALF_CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n"


def sending(data: bytes, then: Callable[[Link], None] | None = None) -> Script:
    """A backend that answers one request with these bytes and then waits until it is left, or does something else."""

    async def script(link: Link) -> None:
        await link.request()
        await link.send(data)
        if then is None:
            await link.gone()
        else:
            then(link)

    return script


def close(_: Link) -> None:
    """The script ends, and with it the connection."""


@pytest.mark.parametrize(
    "data",
    [
        answer(),
        b"HTTP/1.1 204 X\r\n\r\n",
        b"HTTP/1.1 304 X\r\netag: a\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nx-t: 1\r\n\r\n",
        b"HTTP/1.1 103 X\r\n\r\nHTTP/1.1 302 X\r\nlocation: /a\r\ncontent-length: 0\r\n\r\n",
    ],
)
def test_a_clean_answer_keeps_the_socket(data: bytes) -> None:
    async def test() -> None:
        async def script(link: Link) -> None:
            while True:
                await link.request()
                await link.send(data)

        async with proxied(script) as (backend, gateway, client):
            for _ in range(3):
                assert (await client.get()).status < 400
            await gateway.quiet()
            assert (backend.connections, gateway.pool.sockets, gateway.failures) == (1, 1, [])

    run(test())


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("surplus", [b"x", answer(b"smuggled"), b"HTTP/1.1 200 OK\r\n"])
def test_surplus_bytes_cost_the_socket_and_reach_nobody(method: str, surplus: bytes) -> None:
    """Case 22."""

    async def test() -> None:
        async def script(link: Link) -> None:
            received = await link.request()
            await link.send(
                (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n" if method == "HEAD" else answer()) + surplus
            )
            await link.gone()
            assert received.method == method

        async with proxied(script) as (backend, gateway, client):
            for number in range(1, 4):
                assert (await client.get(method=method)).body == (b"" if method == "HEAD" else b"ok")
                await eventually(lambda wanted=number: backend.left == wanted)  # type: ignore[misc]
            assert (backend.connections, gateway.pool.sockets) == (3, 0)

    run(test())


@pytest.mark.parametrize(
    ("script", "status", "failure"),
    [
        (sending(b"", close), 502, Failure.BACKEND_CLOSED),
        (sending(b"", Link.reset), 502, Failure.BACKEND_CLOSED),
        (sending(b"HTTP/1.1 200 OK\r\nx-a", close), 502, Failure.BACKEND_CLOSED),
        (sending(b"garbage\r\n\r\n"), 502, Failure.BACKEND_INVALID),
        (sending(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab"), 502, Failure.BACKEND_INVALID),
        (sending(b"HTTP/1.1 101 X\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n"), 502, Failure.BACKEND_INVALID),
        (sending(b"HTTP/1.1 103 X\r\n\r\n" * 20), 502, Failure.BACKEND_INVALID),
        (sending(b"HTTP/1.1 200 OK\r\nx-a: " + b"a" * 300_000), 502, Failure.BACKEND_INVALID),
        (sending(b""), 504, Failure.BACKEND_TIMEOUT),
        (sending(b"HTTP/1.1 100 Continue\r\n\r\n"), 504, Failure.BACKEND_TIMEOUT),
    ],
    ids=[
        "close", "reset", "half a head", "garbage", "two lengths", "101", "1xx flood", "large head", "silence", "100",
    ],
)  # fmt: skip
@pytest.mark.parametrize("request_bytes", [GET, UPLOAD[:-5].replace(b"1000", b"5") + b"begun"], ids=["GET", "POST"])
def test_a_backend_that_fails_before_its_answer(
    script: Script, status: int, failure: Failure, request_bytes: bytes
) -> None:
    """Cases 22 and 23: an answer of ours, the socket dropped, the client's connection kept."""

    async def test() -> None:
        async with proxied(script, Limits(first_byte=0.05 if status == 504 else 30.0)) as (_, gateway, client):
            for _ in range(2):
                await client.send(request_bytes)
                assert (await client.answer()).status == status
            await gateway.quiet()
            assert gateway.failures == [failure, failure]
            assert gateway.pool.sockets == 0

    run(test())


def test_407_is_not_for_browsers() -> None:
    """Case 72."""

    async def test() -> None:
        data = b"HTTP/1.1 407 X\r\nproxy-authenticate: Basic\r\ncontent-length: 6\r\n\r\nsecret"
        async with proxied(sending(data)) as (_, gateway, client):
            answered = await client.get()
            assert (answered.status, answered.values(b"proxy-authenticate")) == (502, [])
            assert b"secret" not in answered.body
            assert gateway.failures == [Failure.BACKEND_INVALID]

    run(test())


@pytest.mark.parametrize(
    ("begin", "more", "then"),
    [
        (HALF, b"", close),
        (HALF, b"", Link.reset),
        (HALF, b"", None),
        (HALF_CHUNKED, b"", close),
        (HALF_CHUNKED, b"0\r\n", close),
        (HALF_CHUNKED, b"oops\r\n", None),
        (HALF_CHUNKED, b"", None),
        (b"HTTP/1.1 200 OK\r\n\r\nhalf", b"", Link.reset),
    ],
    ids=[
        "length",
        "length reset",
        "length silence",
        "chunked",
        "no end",
        "bad chunk",
        "chunked silence",
        "until reset",
    ],
)
@pytest.mark.parametrize("version", [b"1.1", b"1.0"])
def test_a_backend_that_fails_within_its_answer(
    begin: bytes, more: bytes, then: Callable[[Link], None] | None, version: bytes
) -> None:
    """The client sees a broken connection, never a short body that looks complete."""

    async def test() -> None:
        begun = asyncio.Event()

        async def script(link: Link) -> None:
            await link.request()
            await link.send(begin)
            await begun.wait()
            await link.send(more)
            await link.gone() if then is None else then(link)

        async with proxied(script, Limits(idle=0.05)) as (_, gateway, client):
            await client.send(b"GET / HTTP/" + version + b"\r\nhost: gateway\r\n\r\n")
            assert (await client.head()).status == 200
            begun.set()
            with pytest.raises(BROKEN):
                assert [piece async for piece in client.pieces()]
            await gateway.quiet()
            assert len(gateway.failures) == 1
            assert gateway.pool.sockets == 0

    run(test())


async def _before_the_head(link: Link) -> None:
    await link.head()
    await link.gone()


async def _within_the_body(link: Link) -> None:
    await link.head()
    await link.send(HALF)
    await link.gone()


async def _within_a_flood(link: Link) -> None:
    await link.head()
    await link.send(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        await link.send(b"x" * 65536)


async def _leave(client: RawClient) -> None:
    client.leave()


async def _shut(client: RawClient) -> None:
    client.writer.close()


async def _half_close(client: RawClient) -> None:
    client.writer.write_eof()


@pytest.mark.parametrize("script", [_before_the_head, _within_the_body, _within_a_flood])
@pytest.mark.parametrize("leave", [_leave, _shut, _half_close])
@pytest.mark.parametrize("request_bytes", [GET, UPLOAD], ids=["GET", "in upload"])
def test_a_client_that_leaves(
    script: Script, leave: Callable[[RawClient], Awaitable[None]], request_bytes: bytes
) -> None:
    """Case 24: the backend's socket is dropped at once."""

    async def test() -> None:
        async with proxied(script) as (backend, gateway, client):
            await client.send(request_bytes)
            await eventually(lambda: backend.connections == 1)
            if script is not _before_the_head:
                await client.head("POST")
            await leave(client)
            await eventually(lambda: gateway.failures != [])
            await gateway.quiet()
            assert gateway.failures == [Failure.CLIENT_GONE]
            assert gateway.pool.sockets == 0

    run(test())


def test_a_client_that_leaves_while_waiting_for_a_socket() -> None:
    async def test() -> None:
        async with proxied(_before_the_head, Limits(pool=PoolLimits(per_key=1))) as (backend, gateway, first):
            await first.send(GET)
            await eventually(lambda: gateway.pool.busy == 1)
            async with raw_client(gateway.port) as second:
                await second.send(GET)
                await eventually(lambda: gateway.gate.in_flight == 2)
            first.leave()
            await gateway.quiet()
            assert backend.connections <= 2
            assert gateway.pool.sockets == 0

    run(test())


def test_a_client_that_is_too_slow_with_its_body() -> None:
    """Case 74."""

    async def test() -> None:
        limits = Limits(InboundLimits(request=0.03, linger=0.03))
        async with proxied(_before_the_head, limits) as (backend, gateway, client):
            await client.send(UPLOAD)
            assert (await client.answer("POST")).status == 408
            await eventually(lambda: backend.left == 1)
            await gateway.quiet()
            assert gateway.pool.sockets == 0

    run(test())


def test_a_bad_request_behind_one_under_way() -> None:
    """RFC 9112, 9.3.2: the refusal comes when it is its turn."""
    read = asyncio.Event()

    async def script(link: Link) -> None:
        await link.request()
        await read.wait()
        await link.send(answer())

    async def test() -> None:
        async with proxied(script) as (backend, gateway, client):
            await client.send(GET)
            await eventually(lambda: backend.connections == 1)
            await client.send(b"oops\r\n\r\n")
            await settled()
            read.set()
            assert (await client.answer()).status == 200
            assert (await client.answer()).status == 400
            assert await client.rest() == b""
            await gateway.quiet()
            assert gateway.failures == []

    run(test())


def test_who_leaves_after_a_bad_request_is_noticed() -> None:
    async def test() -> None:
        async with proxied(_before_the_head) as (backend, gateway, client):
            await client.send(GET + b"oops\r\n\r\n")
            await eventually(lambda: backend.connections == 1)
            client.leave()
            await eventually(lambda: gateway.failures == [Failure.CLIENT_GONE])

    run(test())


def test_an_early_answer_ends_the_upload() -> None:
    """Case 20: the socket, whose backend still waits for the body, is not used again."""

    async def script(link: Link) -> None:
        await link.head()
        await link.send(answer(b"no", 401))
        await link.gone()

    async def test() -> None:
        async with proxied(script) as (backend, gateway, client):
            await client.send(UPLOAD)
            assert (await client.answer()).status == 401
            await eventually(lambda: backend.left == 1)
            await gateway.quiet()
            assert gateway.pool.sockets == 0

    run(test())


def test_a_task_that_is_cancelled() -> None:
    async def test() -> None:
        async with proxied(_within_the_body) as (backend, gateway, client):
            await client.send(GET)
            await client.head()
            for task in list(gateway.state.tasks):
                task.cancel()
            with pytest.raises(BROKEN):
                assert [piece async for piece in client.pieces()]
            await eventually(lambda: backend.left == 1)
            await gateway.quiet()

    run(test())
