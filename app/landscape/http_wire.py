"""HTTP/1.1 on asyncio streams: heads are read whole and checked strictly, bodies are copied as they come (RFC 9112)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from app.landscape.proxy_refusal import line_too_long, malformed

MAX_LINE = 8192
MAX_HEAD = 256 * 1024
PIECE = 64 * 1024

Header = tuple[bytes, bytes]

_FIELD = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([^\x00\r\n]*?)[ \t]*")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\x00\r\n]*)?\r\n")


class Sink(Protocol):
    """Where a body goes: a StreamWriter, or nowhere."""

    def write(self, data: bytes, /) -> None:
        """Take a piece."""

    async def drain(self) -> None:
        """Wait until another piece is welcome."""


class Nowhere:
    """Swallows a body nobody wants."""

    def write(self, data: bytes, /) -> None:
        """Forget a piece."""

    async def drain(self) -> None:
        """Always welcome."""


@dataclass(frozen=True, slots=True)
class Head:
    """The first line and the header fields of a message, names in lower case, in their order."""

    first_line: bytes
    headers: tuple[Header, ...]

    def values(self, name: bytes) -> list[bytes]:
        """Every value of a header, by its lower-case name."""
        return [value for field, value in self.headers if field == name]

    def value(self, name: bytes) -> bytes | None:
        """The first value of a header; None when absent."""
        return next((value for field, value in self.headers if field == name), None)

    def lists(self, name: bytes, token: bytes) -> bool:
        """Whether a comma-separated header names a token, in any case."""
        return any(token == part.strip() for value in self.values(name) for part in value.lower().split(b","))


@dataclass(frozen=True, slots=True)
class Framing:
    """Where a body ends: after `length` bytes, after the last chunk, or (both unset) with the connection."""

    length: int | None = 0
    chunked: bool = False

    @property
    def empty(self) -> bool:
        """Whether there is no body at all."""
        return self.length == 0


NO_BODY = Framing()


async def read_head(reader: asyncio.StreamReader, *, max_line: int = MAX_LINE) -> Head | None:
    """The next message head; None at a clean end of the connection.

    Raises Refusal for a head that is malformed or too long, IncompleteReadError when the peer leaves inside it.
    """
    try:
        block = await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError:
        raise line_too_long(431, max_line) from None
    except asyncio.IncompleteReadError as end:
        if end.partial:
            raise
        return None
    return parse_head(block, max_line=max_line)


def parse_head(block: bytes, *, max_line: int = MAX_LINE) -> Head:
    """A head from its bytes, the empty line included. Raises Refusal."""
    first_line, *lines = block[:-4].split(b"\r\n")
    if len(first_line) > max_line:
        raise line_too_long(414, max_line)
    if b"\r" in first_line or b"\n" in first_line or b"\x00" in first_line:
        raise malformed("Malformed first line")
    return Head(first_line, tuple([_parse_field(line, max_line) for line in lines]))


def _parse_field(line: bytes, max_line: int) -> Header:
    if len(line) > max_line:
        raise line_too_long(431, max_line)
    match = _FIELD.fullmatch(line)
    if match is None:
        raise malformed("Malformed header line")
    return match[1].lower(), match[2]


def request_framing(head: Head) -> Framing:
    """How a request's body ends; without a header there is none. Raises Refusal when it could be read two ways."""
    return _declared(head) or NO_BODY


def answer_framing(head: Head, status: int, *, to_head: bool) -> Framing:
    """How an answer's body ends. Raises Refusal when it could be read two ways."""
    if to_head or status in (204, 304) or status < 200:
        return NO_BODY
    return _declared(head) or Framing(length=None)


def _declared(head: Head) -> Framing | None:
    codings, lengths = head.values(b"transfer-encoding"), head.values(b"content-length")
    if codings:
        if lengths or [coding.lower() for coding in codings] != [b"chunked"]:
            raise malformed("Ambiguous or unknown Transfer-Encoding")
        return Framing(length=None, chunked=True)
    if not lengths:
        return None
    if len(lengths) > 1 or not re.fullmatch(rb"[0-9]{1,18}", lengths[0]):
        raise malformed("Malformed Content-Length")
    return Framing(length=int(lengths[0]))


def render_head(first_line: bytes, headers: Iterable[Header]) -> bytes:
    """The bytes of a head, the empty line included."""
    lines = [first_line, *(name + b": " + value for name, value in headers)]
    return b"\r\n".join(lines) + b"\r\n\r\n"


async def copy_body(reader: asyncio.StreamReader, writer: Sink, framing: Framing) -> None:
    """Pass a body on piece by piece, framing included, waiting when the receiver is slow.

    Raises IncompleteReadError when the sender stops early, Refusal for a broken chunk.
    """
    if framing.chunked:
        await _copy_chunks(reader, writer)
    elif framing.length is None:
        await copy_until_end(reader, writer)
    else:
        await _copy_exactly(reader, writer, framing.length)


async def _copy_exactly(reader: asyncio.StreamReader, writer: Sink, length: int) -> None:
    remaining = length
    while remaining:
        piece = await reader.read(min(remaining, PIECE))
        if not piece:
            raise asyncio.IncompleteReadError(b"", remaining)
        remaining -= len(piece)
        writer.write(piece)
        await writer.drain()


async def _copy_chunks(reader: asyncio.StreamReader, writer: Sink) -> None:
    while True:
        line = await reader.readuntil(b"\r\n")
        size = _chunk_size(line)
        writer.write(line)
        if size == 0:
            return await _copy_trailers(reader, writer)
        await _copy_exactly(reader, writer, size)
        if await reader.readexactly(2) != b"\r\n":
            raise malformed("Chunk not ended by a line end")
        writer.write(b"\r\n")


def _chunk_size(line: bytes) -> int:
    match = _CHUNK_SIZE.fullmatch(line)
    if match is None:
        raise malformed("Malformed chunk size")
    return int(match[1], 16)


async def _copy_trailers(reader: asyncio.StreamReader, writer: Sink) -> None:
    """Read trailers and drop them: nobody behind this station may mistake them for headers."""
    while await reader.readuntil(b"\r\n") != b"\r\n":
        pass
    writer.write(b"\r\n")
    await writer.drain()


async def copy_until_end(reader: asyncio.StreamReader, writer: Sink) -> None:
    """Pass bytes on until the sender closes."""
    while piece := await reader.read(PIECE):
        writer.write(piece)
        await writer.drain()
