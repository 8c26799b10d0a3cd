"""A client whose bytes a test writes; answers are read by h11."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import h11


@dataclass(frozen=True)
class Answered:
    """An answer as the client read it."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes = b""
    informational: list[int] = field(default_factory=list)

    def values(self, name: bytes) -> list[bytes]:
        return [value for key, value in self.headers if key == name]


class RawClient:
    """One connection to the gateway."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self._informational: list[int] = []
        self._parser = _expecting("GET")

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def get(self, target: bytes = b"/", method: str = "GET") -> Answered:
        """Send a good request and read its answer."""
        await self.send(b"%b %b HTTP/1.1\r\nhost: gateway\r\n\r\n" % (method.encode(), target))
        return await self.answer(method)

    async def answer(self, method: str = "GET") -> Answered:
        """The next answer, complete. Raises h11.RemoteProtocolError or ConnectionError when it is broken off."""
        head = await self.head(method)
        body = b"".join([piece async for piece in self.pieces()])
        return Answered(head.status, head.headers, body, head.informational)

    async def head(self, method: str = "GET") -> Answered:
        """Status and headers of the next answer; its body is left to `pieces`."""
        rest, _ = self._parser.trailing_data
        self._parser = _expecting(method)
        self._parser.receive_data(rest) if rest else None
        self._informational = []
        while isinstance(event := await self._event(), h11.InformationalResponse):
            self._informational.append(event.status_code)
        if not isinstance(event, h11.Response):
            raise ConnectionError(f"no answer: {event}")
        return Answered(event.status_code, list(event.headers), b"", self._informational)

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body of the answer whose head was read, as it comes."""
        while isinstance(event := await self._event(), h11.Data):
            yield bytes(event.data)

    async def rest(self) -> bytes:
        """All further bytes, until the gateway closes; b"" also when it resets."""
        rest, _ = self._parser.trailing_data
        try:
            return rest + await self.reader.read(-1)
        except ConnectionError:
            return rest

    def leave(self) -> None:
        """Drop the connection, as a closed browser tab does."""
        self.writer.transport.abort()

    async def _event(self) -> object:
        while (event := self._parser.next_event()) is h11.NEED_DATA:
            self._parser.receive_data(await self.reader.read(65536))
        return event


@asynccontextmanager
async def raw_client(port: int, limit: int = 65536) -> AsyncIterator[RawClient]:
    """A client connected to the gateway; `limit`: bytes that it buffers before it stops reading."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=limit)
    try:
        yield RawClient(reader, writer)
    finally:
        writer.transport.abort()


def _expecting(method: str) -> h11.Connection:
    parser = h11.Connection(h11.CLIENT, max_incomplete_event_size=1 << 20)
    parser.send(h11.Request(method=method, target="/", headers=[("host", "gateway")]))
    parser.send(h11.EndOfMessage())
    return parser
