"""What a client does with encoded bytes: decodes each piece as far as it goes."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import brotli
import zstandard

from app.compression.coding import Coding


def decoder(coding: Coding) -> Callable[[bytes], bytes]:
    """Decodes a stream piece by piece."""
    if coding is Coding.GZIP:
        return zlib.decompressobj(16 + zlib.MAX_WBITS).decompress
    if coding is Coding.BROTLI:
        process: Any = brotli.Decompressor().process
        return lambda data: bytes(process(data))
    return zstandard.ZstdDecompressor().decompressobj().decompress


def decoded(coding: Coding, data: bytes) -> bytes:
    """The whole at once."""
    return decoder(coding)(data)
