"""What flows through the tunnel: streams in both directions, web sockets, and how a connection ends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus
from websockets.http11 import Request

from app.landscape.faults import Faults
from app.landscape.journal import Journal
from app.landscape.s4_onpremise import PUSH_CHANNEL, S4OnPremise
from app.landscape.server import StreamServer
from app.landscape.virtual_host import Resource, VirtualHost
from tests.landscape_systems.support import Landscape, bearer, landscape

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
HEAD = b"Host: erp:8080\r\nProxy-Authorization: Bearer tech\r\n"


def through(backend: Handler, test: Callable[[Landscape], Awaitable[None]]) -> None:
    """Run a test against a backend of raw bytes."""

    async def run() -> None:
        server = StreamServer(backend)
        await server.start()
        try:
            async with landscape(server.port) as stations:
                await test(stations)
        finally:
            await server.stop()

    asyncio.run(asyncio.wait_for(run(), 20))


async def opened(stations: Landscape) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", stations.proxy.port)


def test_answer_chunks_arrive_while_the_backend_still_waits() -> None:
    go_on = asyncio.Event()

    async def backend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
        await go_on.wait()
        writer.write(b"3;x=y\r\ntwo\r\n0\r\nX-Trailer: gone\r\n\r\n")
        await writer.drain()

    async def test(stations: Landscape) -> None:
        async with (
            stations.client() as client,
            client.stream("GET", "http://erp:8080/sap", headers=bearer()) as answer,
        ):
            pieces = answer.aiter_raw()
            assert await anext(pieces) == b"one"
            go_on.set()
            assert [piece async for piece in pieces] == [b"two"]

    through(backend, test)


def test_request_body_reaches_the_backend_while_it_is_sent() -> None:
    first_seen = asyncio.Event()

    async def backend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        assert await reader.readexactly(8) == b"3\r\none\r\n"
        first_seen.set()
        assert await reader.readexactly(13) == b"3\r\ntwo\r\n0\r\n\r\n"
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        await writer.drain()

    async def test(stations: Landscape) -> None:
        reader, writer = await opened(stations)
        writer.write(b"POST http://erp:8080/sap HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" + HEAD + b"\r\n")
        writer.write(b"3\r\none\r\n")
        await first_seen.wait()
        writer.write(b"3\r\ntwo\r\n0\r\n\r\n")
        assert (await reader.readuntil(b"\r\n\r\nok")).startswith(b"HTTP/1.1 200 OK")
        writer.close()

    through(backend, test)


def test_expect_continue_is_answered_by_the_backend() -> None:
    async def backend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert b"expect: 100-continue" in await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        assert await reader.readexactly(4) == b"body"
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        await writer.drain()

    async def test(stations: Landscape) -> None:
        reader, writer = await opened(stations)
        head = b"PUT http://erp:8080/sap HTTP/1.1\r\nContent-Length: 4\r\nExpect: 100-continue\r\n"
        writer.write(head + HEAD + b"\r\n")
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"body")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 204")
        writer.close()

    through(backend, test)


def test_client_that_leaves_ends_the_work_of_the_backend() -> None:
    asked, left = asyncio.Event(), asyncio.Event()

    async def backend(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        asked.set()
        assert await reader.read() == b""
        left.set()

    async def test(stations: Landscape) -> None:
        _, writer = await opened(stations)
        writer.write(b"GET http://erp:8080/sap HTTP/1.1\r\n" + HEAD + b"\r\n")
        await asked.wait()
        writer.close()
        await left.wait()

    through(backend, test)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\nBad Header\r\n\r\n",
    ],
)
def test_backend_that_answers_nonsense_is_502_and_the_connection_ends(answer: bytes) -> None:
    async def backend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()

    async def test(stations: Landscape) -> None:
        reader, writer = await opened(stations)
        writer.write(b"GET http://erp:8080/sap HTTP/1.1\r\n" + HEAD + b"\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 502 ")
        writer.close()

    through(backend, test)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n",
    ],
)
def test_answer_that_breaks_off_breaks_off_for_the_caller_too(answer: bytes) -> None:
    async def backend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()

    async def test(stations: Landscape) -> None:
        async with stations.client() as client:
            with pytest.raises(httpx.TransportError):
                await client.get("http://erp:8080/sap", headers=bearer())

    through(backend, test)


def test_answer_without_length_ends_with_the_connection() -> None:
    async def backend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nall of it")
        await writer.drain()

    async def test(stations: Landscape) -> None:
        async with stations.client() as client:
            answer = await client.get("http://erp:8080/sap", headers=bearer())
            assert (answer.text, answer.headers["connection"]) == ("all of it", "close")

    through(backend, test)


def test_backend_that_closed_its_idle_connection_is_connected_anew() -> None:
    async def backend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        await writer.drain()

    async def test(stations: Landscape) -> None:
        async with stations.client() as client:
            for _ in range(3):
                assert (await client.get("http://erp:8080/sap", headers=bearer())).text == "ok"
            assert stations.proxy.connections_opened == 1

    through(backend, test)


def test_web_socket_passes_where_the_upgrade_is_allowed() -> None:
    async def run() -> None:
        async with landscape() as stations:
            system = S4OnPremise(trusted=stations.certificates.certificate, journal=Journal(), faults=Faults())
            await system.start()
            open_to, closed_to = Resource("/sap/bc/apc", upgrade=True), Resource("/")
            for name, resource in (("push", open_to), ("still", closed_to)):
                stations.connector.expose(VirtualHost(name, 80, "127.0.0.1", system.port, (resource,)))
            headers = bearer(**{"SAP-Connectivity-Authentication": "Bearer alice"})
            await _talk(stations, "push", headers)
            with pytest.raises(InvalidStatus) as refused:
                await _talk(stations, "still", headers)
            assert refused.value.response.status_code == 403
            await system.stop()

    asyncio.run(asyncio.wait_for(run(), 20))


class _Absolute(ClientConnection):
    """A web socket client that asks a proxy in absolute form, as for http."""

    async def handshake(self, additional_headers: Any = None, user_agent_header: str | None = None) -> None:
        plain = self.protocol.send_request

        def absolute(request: Request) -> None:
            request.path = f"http://{request.headers['Host']}{request.path}"
            plain(request)

        self.protocol.send_request = absolute  # type: ignore[method-assign]
        await super().handshake(additional_headers, user_agent_header)


async def _talk(stations: Landscape, host: str, headers: dict[str, str]) -> None:
    async with connect(
        f"ws://{host}:80{PUSH_CHANNEL}",
        additional_headers=headers,
        host="127.0.0.1",
        port=stations.proxy.port,
        proxy=None,
        create_connection=_Absolute,
    ) as socket:
        assert json.loads(await socket.recv())["user"] == "alice@acme.example"
        await socket.send("x" * 100_000)
        assert await socket.recv() == "x" * 100_000
        await socket.send("bye")
        await socket.wait_closed()
        assert socket.close_code == 1000
