"""Faults that can be switched on: from tests, from the command line (`slow=s4-onpremise`), over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Any

from app.landscape.journal import Station

EVERYWHERE = "*"


class Fault(StrEnum):
    """A fault by name; what its value means is said beside it."""

    SLOW = "slow"  # station that answers after `Faults.slow_seconds`
    SERVER_ERROR = "server-error"  # station that answers 503
    EXPIRED_TOKEN = "expired-token"  # tenant whose user tokens are issued already expired  # noqa: S105
    NO_CLOUD_CONNECTOR = "no-cloud-connector"  # location id whose Cloud Connector is away; empty text: the default one
    REVOKED_USER = "revoked-user"  # user whose logins, refreshes and exchanges are refused


class Faults:
    """Which faults are on. A fault has values (stations, users, ...); `*` stands for every value."""

    def __init__(self, *, slow_seconds: float = 2.0) -> None:
        self.slow_seconds = slow_seconds
        self._values: dict[Fault, set[str]] = {fault: set() for fault in Fault}

    def switch_on(self, fault: Fault, value: str = EVERYWHERE) -> None:
        """Turn a fault on for one value, or for all."""
        self._values[fault].add(value)

    def switch_off(self, fault: Fault, value: str | None = None) -> None:
        """Turn a fault off for one value, or wholly when none is given."""
        if value is None:
            self._values[fault].clear()
        else:
            self._values[fault].discard(value)

    def clear(self) -> None:
        """Turn everything off."""
        for fault in Fault:
            self.switch_off(fault)

    def is_on(self, fault: Fault, value: str) -> bool:
        """Whether a fault is on for this station, user, tenant or location id."""
        return not self._values[fault].isdisjoint((value, EVERYWHERE))

    def active(self) -> dict[str, list[str]]:
        """The faults that are on, name -> sorted values."""
        return {fault.value: sorted(values) for fault, values in self._values.items() if values}


def parse_fault(text: str) -> tuple[Fault, str]:
    """`slow=s4-onpremise` or `no-cloud-connector` -> (fault, value); ValueError for an unknown name."""
    name, equals, value = text.partition("=")
    try:
        return Fault(name.strip()), value.strip() if equals else EVERYWHERE
    except ValueError:
        known = ", ".join(fault.value for fault in Fault)
        raise ValueError(f"unknown fault {name!r}; known: {known}") from None


class FaultyStation:
    """ASGI middleware: a station that can be slow (`Fault.SLOW`) or broken (`Fault.SERVER_ERROR`)."""

    def __init__(self, app: Callable[..., Awaitable[None]], station: Station, faults: Faults) -> None:
        self._app = app
        self._station = station
        self._faults = faults

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            if self._faults.is_on(Fault.SLOW, self._station):
                await asyncio.sleep(self._faults.slow_seconds)
            if self._faults.is_on(Fault.SERVER_ERROR, self._station):
                return await _unavailable(send)
        return await self._app(scope, receive, send)


async def _unavailable(send: Any) -> None:
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"19")]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": b"Service Unavailable"})
