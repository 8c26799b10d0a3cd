"""The loopback servers listen on free ports and stop cleanly."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import httpx

from app.landscape.server import AppServer, StreamServer, loopback_socket


async def _hello(scope: dict[str, Any], receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": b"hello"})


async def _endless(scope: dict[str, Any], receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"first", "more_body": True})
    await asyncio.Event().wait()


def _port_is_free(port: int) -> bool:
    with loopback_socket(port) as probe:
        return bool(probe.getsockname()[1] == port)


def test_an_application_is_served_on_a_free_port_and_the_port_is_free_again_after_stop() -> None:
    async def scenario() -> None:
        server = AppServer(_hello)
        await server.start()
        async with httpx.AsyncClient() as client:
            assert (await client.get(server.url)).text == "hello"
            await server.stop()
        assert _port_is_free(server.port)

    asyncio.run(scenario())


def test_stop_ends_an_answer_that_would_never_end_and_leaves_no_task() -> None:
    async def scenario() -> None:
        server = AppServer(_endless)
        await server.start()
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await reader.readuntil(b"first")
        began = time.monotonic()
        await server.stop()
        assert time.monotonic() - began < 5
        writer.close()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(scenario())


def test_a_raw_server_hands_over_each_connection_and_cancels_it_on_stop() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(line)

    async def scenario() -> None:
        server = StreamServer(echo)
        await server.start()
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"ping\n")
        assert await reader.readline() == b"ping\n"
        await server.stop()
        assert await reader.read() == b""
        writer.close()

    asyncio.run(scenario())
