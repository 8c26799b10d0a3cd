"""The steps of one request, for whoever wants to see it closely: they stand in its line of the log, as `way`.

A step is noted where it happens, by `note`, which costs next to nothing while nobody wants to see. Steps name routes,
destinations, hosts and times, never people and never anything secret.
"""

from __future__ import annotations

import time
from contextvars import ContextVar

MAX_STEPS = 100


class Trace:
    """What has happened so far, each with the milliseconds since the request came in."""

    __slots__ = ("_started", "steps")

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self.steps: list[str] = []

    def add(self, text: str) -> None:
        """Note a step; further ones are lost when there are too many."""
        if len(self.steps) < MAX_STEPS:
            self.steps.append(f"{(time.perf_counter() - self._started) * 1000:.2f} {text}")


_current: ContextVar[Trace | None] = ContextVar("trace", default=None)


def start_trace() -> Trace:
    """Trace what this task, and tasks it starts, do from now on."""
    trace = Trace()
    _current.set(trace)
    return trace


def note(text: str, *values: object) -> None:
    """Note a step of the request that is being served here, if it is traced; `values` go into `text` by `%`."""
    trace = _current.get()
    if trace is not None:
        trace.add(text % values if values else text)
