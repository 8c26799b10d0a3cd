"""Bodies and answers that do not wait for each other: early answers, and bodies that were sent unasked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.support.mini_gateway import MiniGateway, mini_gateway
from tests.support.raw_backend import Link, RawBackend, Script, answer, raw_backend
from tests.support.raw_client import raw_client
from tests.support.running import eventually, run, settled
from tests.support.small_buffers import TAKEN, small_send_buffers

SIZE = 100_000
HEAD = b"POST / HTTP/1.1\r\nhost: gateway\r\ncontent-length: %d\r\n\r\n"


async def deaf(link: Link) -> None:
    """Answers without having read the body."""
    await link.head()
    await link.send(answer(b"no", 401))
    await asyncio.Event().wait()


@asynccontextmanager
async def behind_gateway(script: Script) -> AsyncIterator[tuple[RawBackend, MiniGateway]]:
    async with raw_backend(script, TAKEN) as backend, mini_gateway(backend.port) as gateway:
        yield backend, gateway
        await gateway.quiet()


@pytest.mark.parametrize("in_pieces", [True, False])
def test_an_early_answer_does_not_wait_for_the_body_to_be_taken(in_pieces: bool) -> None:
    """Case 20."""

    async def test() -> None:
        async with behind_gateway(deaf) as (backend, gateway), raw_client(gateway.port) as client:
            await client.send(HEAD % SIZE)
            if in_pieces:
                await eventually(lambda: backend.connections == 1)
            await client.send(b"x" * SIZE)
            assert (await client.answer("POST")).status == 401

    with small_send_buffers():
        run(test())


def test_a_socket_with_an_unsent_body_serves_nobody_else() -> None:
    """Case 20."""

    go = asyncio.Event()

    async def script(link: Link) -> None:
        head = await link.head()
        if head.values(b"content-length") == [b"%d" % SIZE]:
            await go.wait()
            await link.send(answer(b"no", 401))
            await asyncio.Event().wait()
        await link.send(answer(b"%d" % sum([len(piece) async for piece in link.pieces()])))

    async def test() -> None:
        async with behind_gateway(script) as (backend, gateway), raw_client(gateway.port) as client:
            await client.send(HEAD % SIZE)
            await eventually(lambda: backend.connections == 1)
            await client.send(b"x" * SIZE)
            (busy,) = gateway.state.tasks
            await settled()
            go.set()
            assert (await client.answer("POST")).status == 401
            await eventually(busy.done)
            async with raw_client(gateway.port) as other:
                await other.send(HEAD % 20_000 + b"y" * 20_000)
                assert (await other.answer("POST")).body == b"20000"
            assert backend.connections == 2

    with small_send_buffers():
        run(test())


def test_who_expects_100_and_sends_its_body_at_once_does_not_wait_for_a_silent_backend(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """RFC 9110, 10.1.1."""

    async def script(link: Link) -> None:
        await link.send(answer((await link.request()).body))

    async def test() -> None:
        async with raw_backend(script) as backend, mini_gateway(backend.port) as gateway:
            async with raw_client(gateway.port) as client:
                head = b"POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n"
                await client.send(head + b"hello")
                assert (await client.answer("POST")).body == b"hello"
            await gateway.quiet()

    monkeypatch.setattr("app.forwarding.relay.CONTINUE_SECONDS", 1000.0)
    run(test())
