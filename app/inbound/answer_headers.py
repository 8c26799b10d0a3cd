"""Headers of answers that extensions give: what frames an answer is said once, and by the server alone."""

from __future__ import annotations

import re
from collections.abc import Iterable

HeaderList = list[tuple[bytes, bytes]]

_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9a-z-]+")
_LENGTH = re.compile(rb"[0-9]{1,18}")
_NEVER_IN_A_VALUE = re.compile(rb"[\r\n\0]")


def is_header(name: bytes, value: bytes) -> bool:
    """Whether this can be sent as a header (RFC 9110, 5.1, 5.5); names are lower-case. TypeError for no bytes."""
    return _NAME.fullmatch(name) is not None and _NEVER_IN_A_VALUE.search(value) is None


def framed_by_us(headers: Iterable[tuple[bytes, bytes]]) -> HeaderList:
    """The headers with lower-case names and without `transfer-encoding`: how a body is sent is the server's business.

    Raises ValueError for what could be read in two ways (RFC 9112, 6.3; RFC 9110, 5.5): a second or odd length, names
    that are none, line breaks and NUL in values.
    """
    kept: HeaderList = []
    lengths = 0
    for raw, value in headers:
        name = raw.lower()
        if not is_header(name, value):
            raise ValueError("line break, NUL or an odd name in a response header")
        if name == b"content-length":
            lengths += 1
            if lengths > 1 or not _LENGTH.fullmatch(value):
                raise ValueError("a response header says two lengths, or an odd one")
        if name != b"transfer-encoding":
            kept.append((name, value))
    return kept
