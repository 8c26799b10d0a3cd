"""The current time as a `Date` header, for answers that have no backend to say it, or none that does (RFC 9110,
6.6.1).
"""

from __future__ import annotations

import time
from email.utils import formatdate
from functools import lru_cache

DATE = b"date"


def date_header() -> tuple[bytes, bytes]:
    """The header for now; formatted once a second."""
    return _formatted(int(time.time()))


@lru_cache(maxsize=1)
def _formatted(second: int) -> tuple[bytes, bytes]:
    return (DATE, formatdate(second, usegmt=True).encode())
