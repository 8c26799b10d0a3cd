"""How much of what strangers claim may be looked up: a forged name costs nothing, asking about it does."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable

from app.errors import Failure, GatewayError


class RequestBudget:
    """At most `limit` requests within `seconds`."""

    def __init__(self, limit: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._spent: deque[float] = deque(maxlen=limit)

    def spend(self) -> int:
        """Count a request; 0 where it may be made, else the seconds (one at least) after which one may be again."""
        now = self._clock()
        if len(self._spent) == self._spent.maxlen and now - self._spent[0] < self._seconds:
            return max(1, math.ceil(self._spent[0] + self._seconds - now))
        self._spent.append(now)
        return 0


def spend_on_unknown(budget: RequestBudget) -> None:
    """Count a request about what a token alone names; raises `TOO_MANY_UNKNOWN` when there were too many lately."""
    seconds = budget.spend()
    if seconds:
        raise GatewayError(Failure.TOO_MANY_UNKNOWN, headers=((b"retry-after", b"%d" % seconds),))
