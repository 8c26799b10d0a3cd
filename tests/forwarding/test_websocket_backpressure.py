"""Web sockets of which one side takes nothing: what waits for it is bounded, from the first byte on (case 77)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from app.inbound.protocol import InboundLimits
from tests.forwarding.test_streaming import stagnates
from tests.forwarding.test_websocket import HANDSHAKE, SWITCHED
from tests.support.mini_gateway import Limits, MiniGateway, mini_gateway
from tests.support.raw_backend import Link, Script, raw_backend
from tests.support.raw_client import RawClient
from tests.support.running import eventually, run
from tests.support.small_buffers import TAKEN, narrow_client, small_send_buffers

FRAME = b"\x82\x7f" + (65536).to_bytes(8) + b"x" * 65536
FRAMES = 500
MUCH = 1024 * 1024


@asynccontextmanager
async def proxied_narrowly(
    script: Script, limits: Limits | None = None
) -> AsyncIterator[tuple[MiniGateway, RawClient]]:
    """A gateway in front of a scripted backend, and a client that takes little at a time."""
    async with raw_backend(script) as backend, mini_gateway(backend.port, limits) as gateway:
        async with narrow_client(gateway.port) as client:
            yield gateway, client
        await gateway.quiet()


def waiting(gateway: MiniGateway) -> int:
    """Bytes that wait for clients."""
    return sum(connection.transport.get_write_buffer_size() for connection in gateway.connections)


@pytest.mark.parametrize("with_head", [0, 4], ids=["behind the handshake", "with the handshake"])
def test_a_backend_that_talks_from_the_start_is_stopped_by_a_client_that_does_not_read(with_head: int) -> None:
    sent = 0

    async def flood(link: Link) -> None:
        nonlocal sent
        await link.head()
        await link.send(SWITCHED + FRAME * with_head)
        for _ in range(FRAMES):
            await link.send(FRAME)
            sent += 1

    async def test() -> None:
        async with proxied_narrowly(flood) as (gateway, client):
            await client.send(HANDSHAKE)
            assert await stagnates(lambda: sent) < FRAMES
            assert waiting(gateway) < MUCH
            await client.reader.readuntil(b"\r\n\r\n")
            for _ in range(with_head + FRAMES):
                assert await client.reader.readexactly(len(FRAME)) == FRAME

    with small_send_buffers():
        run(test())


def test_a_backend_that_talks_before_the_handshake_is_passed_on_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer's headers may wait for a store; what the backend says meanwhile is not collected."""
    sent = 0
    go = asyncio.Event()

    async def flood(link: Link) -> None:
        nonlocal sent
        await link.head()
        await link.send(SWITCHED)
        for _ in range(FRAMES):
            await link.send(FRAME)
            sent += 1

    async def slow(_status: int, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        await go.wait()
        return []

    async def test() -> None:
        async with proxied_narrowly(flood) as (_, client):
            await client.send(HANDSHAKE)
            await eventually(lambda: sent > 0)
            assert await stagnates(lambda: sent) < FRAMES
            go.set()
            await client.reader.readuntil(b"\r\n\r\n")
            for _ in range(FRAMES):
                assert await client.reader.readexactly(len(FRAME)) == FRAME

    monkeypatch.setattr("tests.support.mini_gateway._shape", slow)
    run(test())


async def _flood(link: Link) -> None:
    await link.head()
    await link.send(SWITCHED)
    while True:
        await link.send(FRAME)


async def _take_nothing(link: Link) -> None:
    await link.head()
    await link.send(SWITCHED)
    await asyncio.Event().wait()


@pytest.mark.parametrize("script", [_flood, _take_nothing], ids=["the client", "the backend"])
def test_a_side_that_takes_nothing_is_left_after_its_time(script: Script) -> None:
    async def test() -> None:
        limits = Limits(InboundLimits(stalled=0.05))
        async with proxied_narrowly(script, limits) as (gateway, client):
            await client.send(HANDSHAKE)
            await eventually(lambda: gateway.websockets.open == 1)
            if script is _take_nothing:
                client.writer.write(FRAME * FRAMES)
            await eventually(lambda: gateway.websockets.open == 0)

    run(test())


def test_a_side_that_takes_what_has_waited_is_not_left() -> None:
    some = 20

    async def script(link: Link) -> None:
        await link.head()
        await link.send(SWITCHED + FRAME * some)
        await link.gone()

    async def test() -> None:
        limits = Limits(InboundLimits(stalled=0.3))
        async with proxied_narrowly(script, limits) as (gateway, client):
            await client.send(HANDSHAKE)
            await client.reader.readuntil(b"\r\n\r\n")
            await eventually(lambda: gateway.tunnels[0].client.transport.get_write_buffer_size() > len(FRAME))
            await client.reader.readexactly(some * len(FRAME))
            await asyncio.sleep(0.4)
            assert gateway.websockets.open == 1

    with small_send_buffers():
        run(test())


def test_a_side_that_takes_something_all_the_time_is_not_left() -> None:
    stalled, some = 0.5, 5

    async def script(link: Link) -> None:
        await link.head()
        await link.send(SWITCHED + FRAME * some)
        await link.gone()

    async def test() -> None:
        limits = Limits(InboundLimits(stalled=stalled))
        async with proxied_narrowly(script, limits) as (gateway, client):
            await client.send(HANDSHAKE)
            await client.reader.readuntil(b"\r\n\r\n")
            begun = asyncio.get_running_loop().time()
            for _ in range(some * len(FRAME) // TAKEN):
                await client.reader.readexactly(TAKEN)
                await asyncio.sleep(0.02)
            assert asyncio.get_running_loop().time() - begun > 2 * stalled
            assert gateway.websockets.open == 1

    with small_send_buffers():
        run(test())
