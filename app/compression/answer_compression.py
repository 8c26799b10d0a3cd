"""Compression of answers that pass through, as `compression` and `COMPRESSION` say."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from app.compression.coding import Coding, preferred
from app.compression.content import declared_size, may_compress
from app.compression.encoders import ENCODERS, Encoder
from app.request_head import RequestHead
from app.vary import add_vary

STREAM_CODINGS = (Coding.ZSTD, Coding.BROTLI, Coding.GZIP)
"""In the order of what they cost."""

OFFLOAD_BYTES = 32 * 1024
"""Pieces from this size on are encoded in a thread, so that other requests need not wait."""

ACCEPT_ENCODING = b"Accept-Encoding"
_DROPPED = frozenset(b"content-length accept-ranges content-md5 digest content-digest repr-digest".split())
"""What describes the bytes before they were encoded."""

HeaderList = list[tuple[bytes, bytes]]
Read = Callable[[], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class AnswerCompression:
    """What may be done to the answer of one request. `coding` None: nothing, but caches are told of the choice.
    `head_only`: to HEAD, so that there is no body to be encoded.
    """

    coding: Coding | None
    min_size: int
    mixed: bool
    head_only: bool = False

    async def begin(
        self, status: int, headers: HeaderList, first: bytes, read: Read | None
    ) -> tuple[Encoder | None, bytes]:
        """The encoder of an answer, or None, and the first piece of its body as far as it was read.

        Adapts `headers`. Without a declared size, the size of the first piece decides (reference, "compression").
        `read` is None while nothing of the body is there: then nothing is waited for, and whatever comes is encoded.
        Raises what `read` raises.
        """
        if not may_compress(status, headers, self.mixed):
            return None, first
        add_vary(headers, ACCEPT_ENCODING)
        if self.coding is None:
            return None, first
        size = declared_size(headers)
        if size is None and read is not None:
            first = first or await read()
            size = len(first)
        if size is not None and size < self.min_size:
            return None, first
        headers[:] = encoded_headers(headers, self.coding)
        return None if self.head_only else ENCODERS[self.coding](), first


class Compression:
    """Prepares the compression of answers; one object per coding serves all requests."""

    def __init__(self, min_size: int, mixed: bool) -> None:
        self._plain = AnswerCompression(None, min_size, mixed)
        self._by_coding = {coding: AnswerCompression(coding, min_size, mixed) for coding in STREAM_CODINGS}
        self._heads = {coding: replace(each, head_only=True) for coding, each in self._by_coding.items()}

    def of(self, head: RequestHead) -> AnswerCompression:
        """What may be done to the answer of this request. HEAD gets the headers that GET would get (RFC 9110, 8.6)."""
        coding = preferred(head.first.get(b"accept-encoding"), STREAM_CODINGS)
        if coding is None:
            return self._plain
        return self._heads[coding] if head.method == "HEAD" else self._by_coding[coding]


def encoded_headers(headers: HeaderList, coding: Coding) -> HeaderList:
    """The headers of the encoded answer: sizes are gone.

    A backend's ETag stays as it is, also a strong one: clients send it back in If-Match, and a backend that compares
    strongly would answer 412 to a weak one that it never gave out. What it may not do, join parts of both forms, is
    prevented where parts are asked for (`app.forwarder`).
    """
    return [*(pair for pair in headers if pair[0] not in _DROPPED), (b"content-encoding", coding.value)]


def weak_etag(headers: HeaderList) -> HeaderList:
    """The headers with a strong validator made weak, as it is for one of several forms (RFC 9110, 8.8.1)."""
    return [
        (name, b"W/" + value) if name == b"etag" and value[:1] == b'"' else (name, value) for name, value in headers
    ]


async def encoded(encoder: Encoder, data: bytes, last: bool) -> bytes:
    """A piece of the body, encoded."""
    if len(data) < OFFLOAD_BYTES:
        return encoder.encode(data, last)
    return await asyncio.to_thread(encoder.encode, data, last)
