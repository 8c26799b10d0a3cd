"""Web sockets of which one side takes nothing: what waits for it is bounded, from the first byte on (case 77)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.forwarding.test_streaming import stagnates
from tests.forwarding.test_websocket import HANDSHAKE, SWITCHED
from tests.support.mini_gateway import MiniGateway, mini_gateway
from tests.support.raw_backend import Link, Script, raw_backend
from tests.support.raw_client import RawClient
from tests.support.running import eventually, run
from tests.support.small_buffers import narrow_client, small_send_buffers

FRAME = b"\x82\x7f" + (65536).to_bytes(8) + b"x" * 65536
FRAMES = 500
MUCH = 1024 * 1024


@asynccontextmanager
async def proxied_narrowly(script: Script) -> AsyncIterator[tuple[MiniGateway, RawClient]]:
    """A gateway in front of a scripted backend, and a client that takes little at a time."""
    async with raw_backend(script) as backend, mini_gateway(backend.port) as gateway:
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
