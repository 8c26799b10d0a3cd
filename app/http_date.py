"""The current time as a `Date` header, for answers that have no backend to say it (RFC 9110, 6.6.1)."""

from __future__ import annotations

import time
from email.utils import formatdate
from functools import lru_cache


def date_header() -> tuple[bytes, bytes]:
    """The header for now; formatted once a second."""
    return _formatted(int(time.time()))


@lru_cache(maxsize=1)
def _formatted(second: int) -> tuple[bytes, bytes]:
    return (b"date", formatdate(second, usegmt=True).encode())
