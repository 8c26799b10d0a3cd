"""The correlation id of a request: taken over from the caller or made, passed on, returned and logged (protocols 7)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

from app.answer import Headers

CORRELATION_NAMES = (b"x-correlationid", b"x-correlation-id", b"x-request-id", b"x-vcap-request-id")
"""Headers that may bring an id, the most specific first."""

_RANKS = {name: rank for rank, name in enumerate(CORRELATION_NAMES)}
_VALID = re.compile(rb"[A-Za-z0-9._:-]{1,128}")


def correlation_id(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The id a request brings, or a new one where it brings none that is safe to write into headers and logs."""
    found, best = b"", len(_RANKS)
    for name, value in headers:
        if name in _RANKS and _RANKS[name] < best and _VALID.fullmatch(value):
            found, best = value, _RANKS[name]
    return found.decode("ascii") if found else new_id()


class _Randomness:
    """Random bytes of the system, fetched many at a time: a system call for each id would be felt."""

    _SIZE = 4096

    def __init__(self) -> None:
        self._bytes = b""

    def take(self) -> bytearray:
        if not self._bytes:
            self._bytes = os.urandom(self._SIZE)
        taken, self._bytes = self._bytes[:16], self._bytes[16:]
        return bytearray(taken)


_randomness = _Randomness()


def new_id() -> str:
    """A random UUID (RFC 9562, version 4)."""
    raw = _randomness.take()
    raw[6] = raw[6] & 0x0F | 0x40
    raw[8] = raw[8] & 0x3F | 0x80
    text = raw.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def forwarded_headers(identifier: str) -> Headers:
    """What a backend gets, instead of whatever the client sent under `CORRELATION_NAMES`."""
    value = identifier.encode("ascii")
    return ((b"x-correlationid", value), (b"x-correlation-id", value), (b"x-request-id", value))


def returned_headers(identifier: str) -> Headers:
    """What the client gets, unless the backend's answer has these headers itself."""
    value = identifier.encode("ascii")
    return ((b"x-request-id", value), (b"x-correlationid", value))
