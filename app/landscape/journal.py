"""The journal: what the stations of the landscape saw, in order, for the demo's picture of the hops and for tests."""

from __future__ import annotations

import itertools
import re
import time
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

KEPT_ENTRIES = 5000
CORRELATION_HEADERS = ("x-correlationid", "x-correlation-id", "x-request-id", "x-vcap-request-id")

_JWT = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]*")


class Station(StrEnum):
    """Who saw something."""

    XSUAA = "xsuaa"
    IDENTITY_SERVICE = "identity-service"
    DESTINATION_SERVICE = "destination-service"
    CONNECTIVITY_PROXY = "connectivity-proxy"
    CLOUD_CONNECTOR = "cloud-connector"
    S4_ONPREMISE = "s4-onpremise"
    S4_CLOUD = "s4-cloud"
    MICROSERVICE = "microservice"
    HTML5_REPOSITORY = "html5-repository"
    SAAS_REGISTRY = "saas-registry"


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing seen. `time` in seconds since the epoch; `principal` is the user (or client) the station saw."""

    sequence: int
    time: float
    station: Station
    kind: str
    detail: Mapping[str, Any]
    correlation_id: str
    principal: str

    def as_json(self) -> dict[str, Any]:
        """The entry as JSON-ready data, key for key."""
        return asdict(self)


class Journal:
    """An ordered list that forgets its oldest entries beyond `KEPT_ENTRIES`."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=KEPT_ENTRIES)
        self._sequence = itertools.count(1)

    def record(
        self, station: Station, kind: str, *, correlation_id: str = "", principal: str = "", **detail: Any
    ) -> Entry:
        """Note what a station saw; tokens in the detail are masked, other secrets must not be given."""
        entry = Entry(
            sequence=next(self._sequence),
            time=time.time(),
            station=station,
            kind=kind,
            detail={key: _masked(value) for key, value in detail.items()},
            correlation_id=correlation_id,
            principal=principal,
        )
        self._entries.append(entry)
        return entry

    def entries(
        self, *, since: int = 0, correlation_id: str | None = None, station: Station | None = None
    ) -> list[Entry]:
        """Entries with a sequence above `since`, oldest first, of one correlation id and station if given."""
        return [
            entry
            for entry in list(self._entries)
            if entry.sequence > since
            and correlation_id in (None, entry.correlation_id)
            and station in (None, entry.station)
        ]

    def clear(self) -> None:
        """Forget everything; the sequence goes on."""
        self._entries.clear()


def correlation_id(headers: Mapping[str, str] | Iterable[tuple[str, str]]) -> str:
    """The correlation id of a request, from the names the platform uses; empty when there is none."""
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    values = {name.lower(): value for name, value in pairs}
    return next((values[name] for name in CORRELATION_HEADERS if values.get(name)), "")


def _masked(value: Any) -> Any:
    return _JWT.sub("<token>", value) if isinstance(value, str) else value
