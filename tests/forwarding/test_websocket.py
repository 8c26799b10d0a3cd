"""Web sockets through the gateway: bytes pass untouched, and both sides end together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from app.errors import Failure
from app.forwarding.gate import GateLimits
from app.forwarding.tunnel import close_frame
from tests.support.mini_gateway import Limits, MiniGateway
from tests.support.proxied import proxied
from tests.support.raw_backend import Link, RawBackend, answer
from tests.support.raw_client import RawClient, raw_client
from tests.support.running import eventually, run

HANDSHAKE = (
    b"GET /chat HTTP/1.1\r\nhost: gateway\r\nconnection: keep-alive, Upgrade\r\nupgrade: WebSocket\r\n"
    b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\nsec-websocket-protocol: a, b\r\n\r\n"
)
SWITCHED = b"HTTP/1.1 101 X\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-protocol: b\r\n\r\n"
HELLO = b"\x81\x05hello"
Talk = Callable[[Link], Awaitable[None]]


@asynccontextmanager
async def connected(
    talk: Talk, *, first: bytes = b"", early: bytes = b"", limits: Limits | None = None
) -> AsyncIterator[tuple[RawBackend, MiniGateway, RawClient]]:
    """An open web socket. `first` and `early`: what backend and client send together with their handshakes."""

    async def script(link: Link) -> None:
        received = await link.head()
        assert received.values(b"upgrade") == [b"websocket"]
        assert received.values(b"connection") == [b"Upgrade"]
        await link.send(SWITCHED + first)
        await talk(link)

    async with proxied(script, limits) as (backend, gateway, client):
        await client.send(HANDSHAKE + early)
        head = await client.reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 ")
        assert head.count(b"\r\nsec-websocket-protocol: b") == head.lower().count(b"\r\nupgrade: websocket") == 1
        yield backend, gateway, client


async def silence(link: Link) -> None:
    await link.gone()


async def echo(link: Link) -> None:
    async for data in link.raw():
        await link.send(data)


def test_bytes_pass_untouched_both_ways() -> None:
    async def test() -> None:
        async with connected(echo, first=HELLO, early=b"\x89\x00") as (_, _gateway, client):
            assert await client.reader.readexactly(9) == HELLO + b"\x89\x00"
            data = bytes(range(256)) * 4000
            writing = asyncio.create_task(client.send(data))
            assert await client.reader.readexactly(len(data)) == data
            await writing

    run(test())


def test_a_backend_that_ends_takes_the_client_along() -> None:
    async def end(link: Link) -> None:
        await link.send(HELLO)

    async def test() -> None:
        async with connected(end) as (_, _gateway, client):
            assert await client.rest() == HELLO

    run(test())


@pytest.mark.parametrize("leave", [RawClient.leave, lambda client: client.writer.close()])
def test_a_client_that_leaves_takes_the_backend_along(leave: Callable[[RawClient], None]) -> None:
    async def test() -> None:
        async with connected(silence) as (backend, gateway, client):
            leave(client)
            await eventually(lambda: backend.left == 1)
            await gateway.quiet()
            assert (gateway.failures, gateway.pool.sockets) == ([], 0)

    run(test())


def test_both_sides_are_told_when_we_stop() -> None:
    heard = bytearray()

    async def listen(link: Link) -> None:
        async for data in link.raw():
            heard.extend(data)

    async def test() -> None:
        async with connected(listen) as (_, gateway, client):
            for connection in list(gateway.connections):
                connection.shutdown()
            assert await client.rest() == close_frame(1001, masked=False)
            await eventually(lambda: len(heard) == 8)
            assert heard[:2] == b"\x88\x82"
            assert bytes(byte ^ mask for byte, mask in zip(heard[6:], heard[2:4], strict=True)) == b"\x03\xe9"
            await gateway.quiet()

    run(test())


def test_a_session_that_ends_closes_its_web_sockets_but_never_inside_a_frame() -> None:
    async def half(link: Link) -> None:
        await link.send(HELLO[:4])
        await link.gone()

    async def test() -> None:
        async with connected(half) as (_, gateway, client):
            assert await client.reader.readexactly(4) == HELLO[:4]
            gateway.tunnels[0].end(1008)
            assert await client.rest() == b""

    run(test())


def test_a_side_that_reads_nothing_stops_the_other() -> None:
    sent = 0

    async def flood(link: Link) -> None:
        nonlocal sent
        while True:
            await link.send(b"\x82\x7e\x10\x00" + b"x" * 4096)
            sent += 4100

    async def test() -> None:
        async with connected(flood) as (_, gateway, _client):
            before = -1
            while sent != before:
                before = sent
                await asyncio.sleep(0.05)
            for connection in gateway.connections:
                assert connection.transport.get_write_buffer_size() < 1024 * 1024

    run(test())


def test_a_refusal_is_passed_on_and_ends_the_connection() -> None:
    async def script(link: Link) -> None:
        await link.request()
        await link.send(answer(b"no", 403))

    async def test() -> None:
        async with proxied(script) as (_, gateway, client):
            await client.send(HANDSHAKE)
            answered = await client.answer()
            assert (answered.status, answered.body, answered.values(b"connection")) == (403, b"no", [b"close"])
            assert await client.rest() == b""
            await gateway.quiet()
            assert gateway.tunnels == []

    run(test())


@pytest.mark.parametrize("reply", [b"", b"HTTP/1.1 101 X\r\n\r\n", b"garbage\r\n\r\n"])
def test_a_handshake_that_fails(reply: bytes) -> None:
    """Case 23."""

    async def script(link: Link) -> None:
        await link.request()
        await link.send(reply)

    async def test() -> None:
        async with proxied(script) as (_, gateway, client):
            await client.send(HANDSHAKE)
            assert (await client.answer()).status == 502
            await gateway.quiet()
            assert gateway.failures in ([Failure.BACKEND_CLOSED], [Failure.BACKEND_INVALID])

    run(test())


def test_another_upgrade_is_an_ordinary_request() -> None:
    async def script(link: Link) -> None:
        assert not (await link.request()).values(b"upgrade")
        await link.send(answer())

    async def test() -> None:
        async with proxied(script) as (_, _gateway, client):
            await client.send(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n")
            assert (await client.answer()).status == 200

    run(test())


def test_open_web_sockets_leave_room_for_requests() -> None:
    async def test() -> None:
        async with connected(silence, limits=Limits(gate=GateLimits(per_lane=1, total=1))) as (_, gateway, _client):
            assert (gateway.gate.in_flight, gateway.websockets.open) == (0, 1)

    run(test())


def test_more_web_sockets_than_may_be_open_are_refused() -> None:
    async def test() -> None:
        async with connected(silence, limits=Limits(websockets=1)) as (backend, gateway, _client):
            async with raw_client(gateway.port) as other:
                await other.send(HANDSHAKE)
                answered = await other.answer()
            assert (answered.status, answered.values(b"retry-after")) == (503, [b"10"])
            assert backend.connections == 1

    run(test())
