"""Encoders, one per coding: for streams, where no piece is held back, and for whole files, which are made once."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from typing import Protocol

import brotli
import zstandard

from app.compression.coding import Coding

# Levels of streams keep the processor time of 64 KB of text below 0.6 ms; more of it would gain 1 to 3 % of the size.
GZIP_LEVEL = 4
BROTLI_QUALITY = 4
ZSTD_LEVEL = 3
WINDOW_BITS = 18
"""Windows of 256 KB: some hundred KB of memory per stream, at hardly any loss (RFC 9659 allows zstd 8 MB)."""

KEPT_GZIP_LEVEL = 9
KEPT_BROTLI_QUALITY = 9
KEPT_ZSTD_LEVEL = 12


class Encoder(Protocol):
    """Encodes a stream piece by piece."""

    def encode(self, data: bytes, last: bool) -> bytes:
        """The encoded piece, flushed so that the other side can decode all of it; `last` ends the stream."""
        ...


class GzipEncoder:
    """RFC 1952."""

    def __init__(self, level: int = GZIP_LEVEL) -> None:
        self._stream = zlib.compressobj(level, zlib.DEFLATED, 16 + zlib.MAX_WBITS)

    def encode(self, data: bytes, last: bool) -> bytes:
        """See `Encoder`."""
        if not data and not last:
            return b""
        return self._stream.compress(data) + self._stream.flush(zlib.Z_FINISH if last else zlib.Z_SYNC_FLUSH)


class BrotliEncoder:
    """RFC 7932."""

    def __init__(self, quality: int = BROTLI_QUALITY) -> None:
        self._stream = brotli.Compressor(quality=quality, lgwin=WINDOW_BITS)

    def encode(self, data: bytes, last: bool) -> bytes:
        """See `Encoder`."""
        if not data and not last:
            return b""
        piece: bytes = self._stream.process(data)
        piece += self._stream.finish() if last else self._stream.flush()
        return piece


class ZstdEncoder:
    """RFC 8878."""

    def __init__(self, level: int = ZSTD_LEVEL) -> None:
        parameters = zstandard.ZstdCompressionParameters.from_level(level, window_log=WINDOW_BITS)
        self._stream = zstandard.ZstdCompressor(compression_params=parameters).compressobj()

    def encode(self, data: bytes, last: bool) -> bytes:
        """See `Encoder`."""
        if not data and not last:
            return b""
        mode = zstandard.COMPRESSOBJ_FLUSH_FINISH if last else zstandard.COMPRESSOBJ_FLUSH_BLOCK
        return self._stream.compress(data) + self._stream.flush(mode)


ENCODERS: Mapping[Coding, Callable[[], Encoder]] = {
    Coding.GZIP: GzipEncoder,
    Coding.BROTLI: BrotliEncoder,
    Coding.ZSTD: ZstdEncoder,
}


def compress_once(coding: Coding, data: bytes) -> bytes:
    """The whole of something that is kept, smaller at a higher price. Blocking: call it in a thread."""
    if coding is Coding.GZIP:
        return GzipEncoder(KEPT_GZIP_LEVEL).encode(data, True)
    if coding is Coding.BROTLI:
        return BrotliEncoder(KEPT_BROTLI_QUALITY).encode(data, True)
    return ZstdEncoder(KEPT_ZSTD_LEVEL).encode(data, True)
