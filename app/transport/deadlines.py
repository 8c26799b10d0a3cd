"""One timer for everything that may take too long.

A timer per request would cost more than the request's own bookkeeping, so whoever may expire holds a point in time and
one sweep a few times a second calls those that are due. The sweep sleeps while nobody waits.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

INTERVAL = 0.1


class Expiring(Protocol):
    """Something with a deadline in `loop.time()` seconds; `on_deadline` is called once it has passed."""

    @property
    def deadline(self) -> float: ...

    def on_deadline(self) -> None: ...


class Deadlines:
    """The set of those that wait, looked at every `interval` seconds. A holder may move its `deadline` at any time."""

    def __init__(self, loop: asyncio.AbstractEventLoop, interval: float = INTERVAL) -> None:
        self._loop = loop
        self._interval = interval
        self._waiting: set[Expiring] = set()
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, holder: Expiring) -> None:
        """Call `holder.on_deadline()` at most one interval after its deadline."""
        self._waiting.add(holder)
        if self._timer is None:  # also within a sweep, whose timer stands until its end
            self._timer = self._loop.call_later(self._interval, self._sweep)

    def forget(self, holder: Expiring) -> None:
        """Stop watching; unknown holders are fine."""
        self._waiting.discard(holder)

    def _sweep(self) -> None:
        now = self._loop.time()
        try:
            for holder in [h for h in self._waiting if h.deadline <= now]:
                self._waiting.discard(holder)
                holder.on_deadline()
        finally:  # a fault in one of them must not end the time limits of all
            self._timer = self._loop.call_later(self._interval, self._sweep) if self._waiting else None

    def close(self) -> None:
        """Forget everybody."""
        self._waiting.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
