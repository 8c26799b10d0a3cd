"""The `Range` header, for one range (RFC 9110, section 14)."""

from __future__ import annotations

import re
from dataclasses import dataclass

# Eighteen digits are beyond any file, and cheap to convert.
_SINGLE = re.compile(r"bytes=[ \t]*(\d{0,18})-(\d{0,18})[ \t]*", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a file: bytes `start` up to, not including, `stop`."""

    start: int
    stop: int


class UnsatisfiableRange(Exception):
    """The range lies outside the file: 416."""


def byte_range(value: str, size: int) -> Part | None:
    """The part of a file of `size` bytes that a `Range` header asks for; None when the whole file is to be sent.

    Several ranges, other units and malformed headers are ignored, as RFC 9110, 14.2 allows: the cost stays linear
    however many ranges are listed. Raises UnsatisfiableRange.
    """
    match = _SINGLE.fullmatch(value)
    if match is None:
        return None
    first, last = match.groups()
    if not first:
        return _suffix(int(last), size) if last else None
    return _from(int(first), int(last) if last else None, size)


def _suffix(length: int, size: int) -> Part | None:
    if not length:
        raise UnsatisfiableRange
    # A Content-Range cannot describe nothing: an empty file is sent whole.
    return Part(max(0, size - length), size) if size else None


def _from(first: int, last: int | None, size: int) -> Part | None:
    if last is not None and last < first:
        return None
    if first >= size:
        raise UnsatisfiableRange
    return Part(first, size if last is None else min(last + 1, size))
