"""A bounded map whose entries end: the only kind of cache tokens and keys are kept in."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class ExpiringMap(Generic[K, V]):
    """At most `limit` entries; the least recently used makes room. Times are seconds of `clock`."""

    def __init__(self, limit: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._clock = clock
        self._entries: OrderedDict[K, tuple[float, V]] = OrderedDict()

    def get(self, key: K) -> V | None:
        """The value, or None when there is none or it has ended."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        ends, value = entry
        if ends <= self._clock():
            del self._entries[key]
            return None
        self._entries.move_to_end(key)
        return value

    def put(self, key: K, value: V, seconds: float) -> None:
        """Keep a value for `seconds`; nothing is kept for zero or less."""
        self._entries.pop(key, None)
        if seconds <= 0:
            return
        self._entries[key] = (self._clock() + seconds, value)
        if len(self._entries) > self._limit:
            self._entries.popitem(last=False)

    def discard(self, key: K) -> None:
        """Forget an entry, if there is one."""
        self._entries.pop(key, None)

    def __len__(self) -> int:
        return len(self._entries)
