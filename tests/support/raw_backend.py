"""A backend whose bytes a test writes. What it receives is read by h11, independently of the gateway's own parsers."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import h11

from tests.support.running import settled

Script = Callable[["Link"], Awaitable[None]]

ENDED = (ConnectionError, asyncio.CancelledError)


@dataclass(frozen=True)
class Received:
    """A request as the backend read it."""

    method: str
    target: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes = b""

    def values(self, name: bytes) -> list[bytes]:
        return [value for key, value in self.headers if key == name]


class Link:
    """One connection to the backend, at the disposal of the test's script."""

    def __init__(self, backend: RawBackend, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._backend = backend
        self._reader = reader
        self._writer = writer
        self._parser = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)

    async def request(self) -> Received:
        """The next request with its whole body. Raises ConnectionError when the gateway closes instead."""
        head = await self.head()
        body = b"".join([piece async for piece in self.pieces()])
        received = Received(head.method, head.target, head.headers, body)
        self._backend.requests.append(received)
        return received

    async def head(self) -> Received:
        """The head of the next request; its body is left to `pieces`."""
        rest, _ = self._parser.trailing_data
        self._parser = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
        self._parser.receive_data(rest) if rest else None
        event = await self._event()
        if not isinstance(event, h11.Request):
            raise ConnectionError("no further request")
        return Received(event.method.decode(), event.target, list(event.headers))

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body of the request whose head was read, as it comes."""
        while isinstance(event := await self._event(), h11.Data):
            yield bytes(event.data)

    async def raw(self) -> AsyncIterator[bytes]:
        """All bytes behind the head that was read, as they come (web sockets)."""
        rest, _ = self._parser.trailing_data
        if rest:
            yield rest
        while data := await self._reader.read(65536):
            yield data

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def gone(self) -> None:
        """Return when the gateway has closed the connection."""
        try:
            while await self._reader.read(65536):
                pass
        except ConnectionError:
            pass
        self._backend.left += 1

    def reset(self) -> None:
        """Drop the connection with a reset."""
        self._writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    async def _event(self) -> object:
        while (event := self._parser.next_event()) is h11.NEED_DATA:
            self._parser.receive_data(await self._reader.read(65536))
        return event


@dataclass
class RawBackend:
    """What a scripted backend has seen: complete requests, connections, and those the gateway `left`."""

    script: Script
    port: int = 0
    requests: list[Received] = field(default_factory=list)
    connections: int = 0
    left: int = 0
    violations: list[str] = field(default_factory=list)
    scripts: list[asyncio.Task[None] | None] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.scripts.append(asyncio.current_task())
        try:
            await self.script(Link(self, reader, writer))
        except ENDED:
            pass
        except h11.RemoteProtocolError as error:
            self.violations.append(str(error))
        finally:
            writer.close()


@asynccontextmanager
async def raw_backend(script: Script, window: int = 0) -> AsyncIterator[RawBackend]:
    """A backend on loopback that runs `script` for each connection; `window`: bytes that it takes before it reads."""
    backend = RawBackend(script)
    sock = socket.socket()
    if window:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
    sock.bind(("127.0.0.1", 0))
    server = await asyncio.start_server(backend.serve, sock=sock, limit=window or 65536)
    backend.port = server.sockets[0].getsockname()[1]
    try:
        yield backend
    finally:
        server.close()
        for script_task in backend.scripts:
            if script_task is not None:
                script_task.cancel()
        await settled()


def answer(body: bytes = b"ok", status: int = 200, headers: bytes = b"") -> bytes:
    """A plain answer with a length."""
    return b"HTTP/1.1 %d X\r\n%bcontent-length: %d\r\n\r\n%b" % (status, headers, len(body), body)


async def friendly(link: Link) -> None:
    """Answers every request with 200."""
    while True:
        received = await link.request()
        await link.send(answer(b"" if received.method == "HEAD" else b"ok"))
