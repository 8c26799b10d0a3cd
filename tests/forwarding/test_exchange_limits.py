"""What ends exchanges and sockets although nobody failed: a total time, strict connections."""

import asyncio
import itertools

from app.errors import Failure
from app.forwarding.gate import GateLimits
from tests.support.mini_gateway import Limits
from tests.support.proxied import proxied
from tests.support.raw_backend import Link, answer
from tests.support.raw_client import raw_client
from tests.support.running import run


def test_an_answer_that_trickles_for_ever_ends_with_its_total_time() -> None:
    async def script(link: Link) -> None:
        await link.request()
        await link.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        for _ in itertools.count():
            await link.send(b"1\r\nx\r\n")
            await asyncio.sleep(0)

    async def test() -> None:
        async with proxied(script, Limits(total=0.2)) as (_, gateway, client):
            await client.send(b"GET / HTTP/1.1\r\nhost: h\r\n\r\n")
            await client.rest()
            assert gateway.failures == [Failure.BACKEND_TIMEOUT]

    run(test())


def test_strict_connections_serve_one_request_each() -> None:
    async def script(link: Link) -> None:
        while True:
            await link.request()
            await link.send(answer())

    async def test() -> None:
        async with proxied(script, Limits(strict_connections=True)) as (backend, _, client):
            for _ in range(3):
                assert (await client.get()).status == 200
            assert backend.connections == 3

    run(test())


def test_a_stream_that_falls_silent_says_nothing_against_its_backend() -> None:
    async def script(link: Link) -> None:
        await link.request()
        await link.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n")
        await link.gone()

    async def test() -> None:
        limits = Limits(idle=0.1, gate=GateLimits(failures=1))
        async with proxied(script, limits) as (_, gateway, client):
            await client.send(b"GET / HTTP/1.1\r\nhost: h\r\n\r\n")
            await client.rest()
            assert gateway.failures == [Failure.BACKEND_TIMEOUT]
            async with raw_client(gateway.port) as other:
                await other.send(b"GET / HTTP/1.1\r\nhost: h\r\n\r\n")
                assert (await other.head()).status == 200

    run(test())
