"""Points in time as log records write them."""

from __future__ import annotations

import time
from functools import lru_cache

_FRACTIONS = [f".{millisecond:03d}Z" for millisecond in range(1000)]


def iso(seconds: float) -> str:
    """UTC with milliseconds: `2026-01-31T12:00:00.123Z`; `seconds` since the epoch."""
    milliseconds = int(seconds * 1000)
    return _second(milliseconds // 1000) + _FRACTIONS[milliseconds % 1000]


def nanoseconds(seconds: float) -> int:
    """Whole microseconds in nanoseconds: what a float of seconds since the epoch can still tell apart."""
    return int(seconds * 1_000_000) * 1000


@lru_cache(maxsize=8)
def _second(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
