"""The correlation id of a request: taken over from the caller or made, passed on, returned and logged (protocols 7)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

from app.answer import Headers

REQUEST_ID = b"x-request-id"
CORRELATION_NAMES = (b"x-correlationid", b"x-correlation-id", REQUEST_ID, b"x-vcap-request-id")
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


_ready: list[str] = []
os.register_at_fork(after_in_child=_ready.clear)
_BATCH = 256
_VARIANTS = {digit: "89ab"[int(digit, 16) % 4] for digit in "0123456789abcdef"}


def new_id() -> str:
    """A random UUID (RFC 9562, version 4)."""
    if not _ready:  # many at a time: a system call for each would be felt
        digits = os.urandom(16 * _BATCH).hex()
        _ready.extend(map(_uuid, (digits[at : at + 32] for at in range(0, len(digits), 32))))
    return _ready.pop()


def _uuid(digits: str) -> str:
    """32 random hexadecimal digits as a UUID, of which some tell the version."""
    variant = _VARIANTS[digits[16]]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def forwarded_headers(identifier: str, request_id: bytes | None = None) -> Headers:
    """What a backend gets, instead of whatever the client sent under `CORRELATION_NAMES`; its own `request_id`
    (X-Request-ID) stays as it was where it is valid.
    """
    value = identifier.encode("ascii")
    if request_id is None or not _VALID.fullmatch(request_id):
        request_id = value
    return ((b"x-correlationid", value), (b"x-correlation-id", value), (REQUEST_ID, request_id))


def returned_headers(identifier: str) -> Headers:
    """What the client gets, unless the backend's answer has these headers itself."""
    value = identifier.encode("ascii")
    return ((REQUEST_ID, value), (b"x-correlationid", value))
