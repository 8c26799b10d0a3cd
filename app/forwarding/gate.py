"""Protection of backends and of ourselves: how many requests may be under way, and when to stop trying for a while.

A bulkhead for each lane (destination and address) and one in total, and a circuit breaker for each lane that lets a
single probe through once its rest is over. Decisions are over values; the clock is handed in.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from dataclasses import dataclass

from app.backends.backend import Lane
from app.errors import Failure, GatewayError

log = logging.getLogger("gangway.gate")

MAX_LANES = 4096

COUNTED = frozenset(
    (
        Failure.BACKEND_UNREACHABLE, Failure.BACKEND_TLS_FAILED, Failure.BACKEND_TIMEOUT, Failure.PROXY_UNREACHABLE,
        Failure.FORWARD_PROXY_FAILED,
    )
)  # fmt: skip
"""Failures that speak against the backend as a whole, not against one request."""

TELL_NOTHING = frozenset((Failure.CLIENT_GONE, Failure.BACKEND_BUSY, Failure.OVERLOADED))
"""Ways to end without having learnt whether the backend is well."""


@dataclass(frozen=True, slots=True)
class GateLimits:
    """Requests under way `per_lane` and in `total`; `failures` in a row open the circuit for `rest_seconds`."""

    per_lane: int = 500
    total: int = 1500
    failures: int = 10
    rest_seconds: float = 5.0


class LaneGate:
    """The state of one lane."""

    __slots__ = ("failures", "in_flight", "lane", "open_until", "ordinary", "probe", "probing")

    def __init__(self, lane: Lane) -> None:
        self.lane = lane
        self.ordinary = Admission(self, probe=False)
        self.probe = Admission(self, probe=True)
        self.in_flight = 0
        self.failures = 0
        self.open_until = 0.0
        self.probing = False


@dataclass(frozen=True, slots=True)
class Admission:
    """What a request gets at the gate and hands back; `probe`: it is the one that tries whether the backend is back."""

    gate: LaneGate
    probe: bool


class Gate:
    """Lets requests in and learns how they ended. `now` is `loop.time()` in seconds."""

    def __init__(self, limits: GateLimits) -> None:
        self._limits = limits
        self._lanes: OrderedDict[Lane, LaneGate] = OrderedDict()
        self.in_flight = 0

    def enter(self, lane: Lane, now: float) -> Admission:
        """Admit a request; every `enter` is paired with one `leave`.

        Raises GatewayError with Retry-After: OVERLOADED, BACKEND_BUSY, or BACKEND_BROKEN while the circuit is open.
        """
        gate = self._lanes.get(lane) or self._new(lane)
        if self.in_flight >= self._limits.total:
            raise _refused(Failure.OVERLOADED, lane, 1)
        if gate.in_flight >= self._limits.per_lane:
            raise _refused(Failure.BACKEND_BUSY, lane, 1)
        admission = self._probe(gate, now) if gate.open_until else gate.ordinary
        gate.in_flight += 1
        self.in_flight += 1
        return admission

    def leave(self, admission: Admission, failure: Failure | None, now: float) -> None:
        """The request ended, with this failure or none."""
        gate = admission.gate
        gate.in_flight -= 1
        self.in_flight -= 1
        if admission.probe:  # whatever it found out: it is over
            gate.probing = False
        if failure in COUNTED:
            self._failed(gate, now)
        elif gate.failures and failure not in TELL_NOTHING:
            self._recovered(gate)

    def _probe(self, gate: LaneGate, now: float) -> Admission:
        if now < gate.open_until or gate.probing:
            raise _refused(Failure.BACKEND_BROKEN, gate.lane, max(1, round(gate.open_until - now)))
        gate.probing = True
        return gate.probe

    def _failed(self, gate: LaneGate, now: float) -> None:
        gate.failures += 1
        if gate.failures >= self._limits.failures:
            if not gate.open_until:
                name, seconds = gate.lane.destination, self._limits.rest_seconds
                text = "destination '%s' suspended for %g s after %d failures in a row"
                log.warning(text, name, seconds, gate.failures, extra=_fields(gate))
            gate.open_until = now + self._limits.rest_seconds

    def _recovered(self, gate: LaneGate) -> None:
        if gate.open_until:
            log.warning("destination '%s' is back", gate.lane.destination, extra=_fields(gate))
        gate.failures, gate.open_until = 0, 0.0

    def _new(self, lane: Lane) -> LaneGate:
        gate = self._lanes[lane] = LaneGate(lane)
        if len(self._lanes) > MAX_LANES:
            idle = next((known for known, state in self._lanes.items() if not state.in_flight), None)
            if idle is not None:
                del self._lanes[idle]
        return gate


def _fields(gate: LaneGate) -> dict[str, object]:
    return {"fields": {"destination": gate.lane.destination}}


def _refused(failure: Failure, lane: Lane, seconds: int) -> GatewayError:
    return GatewayError(failure, f"destination {lane.destination}", ((b"retry-after", str(seconds).encode()),))
