"""SIGTERM: what runs is finished and told to close, what idles is closed, and the exit status is 0."""

from __future__ import annotations

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.support.ports import free_port
from tests.support.raw_client import RawClient, raw_client
from tests.support.running import run
from tests.support.small_buffers import narrow_client

SLOW = b"GET /slow HTTP/1.1\r\nhost: gateway\r\n\r\n"


@asynccontextmanager
async def server(grace_seconds: float = 8) -> AsyncIterator[tuple[Process, int]]:
    port = free_port()
    arguments = ("-m", "tests.inbound.stopping_server", str(port), str(grace_seconds))
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdin=PIPE, stdout=PIPE)
    try:
        assert await said(process) == b"started\n"
        yield process, port
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def said(process: Process) -> bytes:
    assert process.stdout is not None
    return await process.stdout.readline()


async def begin_slow_request(process: Process, client: RawClient) -> None:
    await client.send(SLOW)
    assert await said(process) == b"running\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_running_request_is_finished_and_the_idle_are_closed(number: signal.Signals) -> None:
    async def test() -> None:
        async with server() as (process, port), raw_client(port) as idle, raw_client(port) as busy:
            assert (await idle.get()).status == 200
            await begin_slow_request(process, busy)
            process.send_signal(number)
            assert await idle.rest() == b""
            with pytest.raises(ConnectionError):
                async with raw_client(port):
                    pass
            assert process.stdin is not None
            process.stdin.write(b"go\n")
            answered = await busy.answer()
            assert (answered.status, answered.body) == (200, b"done")
            assert answered.values(b"connection") == [b"close"]
            assert await busy.rest() == b""
            assert await process.wait() == 0

    run(test())


def test_a_connection_without_a_request_does_not_hold_it_up() -> None:
    async def test() -> None:
        async with server() as (process, port), raw_client(port) as silent, raw_client(port) as half:
            await half.send(SLOW[:10])
            process.terminate()
            assert await silent.rest() == await half.rest() == b""
            assert await process.wait() == 0

    run(test())


def test_an_answer_that_nobody_takes_is_cut_counted_and_looks_so() -> None:
    """Its request was done. For clients of HTTP/1.0 an orderly end would be that of the answer."""

    async def test() -> None:
        async with server(grace_seconds=0.3) as (process, port), narrow_client(port) as client:
            await client.send(b"GET /large HTTP/1.0\r\n\r\n")
            assert await said(process) == b"answered\n"
            process.terminate()
            assert await said(process) == b"cut 1\n"
            with pytest.raises(ConnectionResetError):
                await client.reader.read(-1)
            assert await process.wait() == 0

    run(test())
