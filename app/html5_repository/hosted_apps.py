"""The HTML5 applications an address can belong to, each looked up once in a while."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from app.errors import GatewayError
from app.html5_repository.app_address import SKIP_CACHE, AppAddress, AppHosts, DirectRouting, read_address
from app.html5_repository.repository_client import Absence, AppKey, RepositoryClient, unavailable, unusable
from app.principal import Tenant
from app.routing.descriptor import Descriptor, read_descriptor
from app.tokens.expiring_map import ExpiringMap
from app.tokens.single_flight import SingleFlight

log = logging.getLogger("gangway.html5_repository")

FRESH_SECONDS = 60.0
STALE_SECONDS = 1800.0
ABSENT_SECONDS = 30.0
RETRY_SECONDS = 5.0
MAX_APPS = 1000
MAX_ABSENT = 5000
_UNAVAILABLE = 503

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class HostedApp(Generic[T]):
    """An application that was found: what was built from its xs-app.json, and how the address reads."""

    built: T
    address: AppAddress


class HostedApps(Generic[T]):
    """Finds applications; what `build` makes of an xs-app.json is kept for a minute.

    While the repository is down, what was there last stands in for it.
    """

    def __init__(
        self,
        client: RepositoryClient,
        hosts: AppHosts,
        direct: DirectRouting,
        build: Callable[[AppKey, Descriptor], T],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._hosts = hosts
        self._direct = direct
        self._build = build
        self._fresh: ExpiringMap[AppKey, T] = ExpiringMap(MAX_APPS, clock)
        self._last: ExpiringMap[AppKey, T] = ExpiringMap(MAX_APPS, clock)
        self._absent: ExpiringMap[AppKey, bool] = ExpiringMap(MAX_ABSENT, clock)
        self._flight: SingleFlight[AppKey, T | None] = SingleFlight()

    async def find(self, target: str, tenant: Tenant) -> HostedApp[T] | None:
        """The application that an address (path and query) belongs to; None where it is none of the repository.

        Raises HTML5_APP_UNUSABLE, and what asking the repository raises where nothing kept can stand in.
        """
        address = read_address(target)
        if address is None or self._direct.takes(address.segment):
            return None
        hosts = self._hosts.of(address)
        if hosts is None:
            return None
        built = await self._get(AppKey(tenant, address.name, address.app, hosts), skip_cache=_skips_cache(target))
        return HostedApp(built, address) if built is not None else None

    async def aclose(self) -> None:
        """End lookups that are under way."""
        await self._flight.aclose()

    async def _get(self, key: AppKey, skip_cache: bool) -> T | None:
        if not skip_cache:
            fresh = self._fresh.get(key)
            if fresh is not None or self._absent.get(key):
                return fresh
        return await self._flight.run(key, lambda: self._look_up(key))

    async def _look_up(self, key: AppKey) -> T | None:
        try:
            text = await self._client.descriptor(key)
            if text is Absence.NONE_TO_BE_HAD and self._last.get(key) is not None:
                raise unavailable("answered 503")
        except GatewayError as error:
            return self._stand_in(key, error)
        if isinstance(text, Absence):
            self._fresh.discard(key)
            self._last.discard(key)
            self._absent.put(key, True, ABSENT_SECONDS)
            return None
        built = self._build(key, _descriptor(key, text))
        self._absent.discard(key)
        self._fresh.put(key, built, FRESH_SECONDS)
        self._last.put(key, built, STALE_SECONDS)
        return built

    def _stand_in(self, key: AppKey, error: GatewayError) -> T:
        """What was there last, for a repository that is down; every other failure counts."""
        last = self._last.get(key)
        if last is None or error.row.status != _UNAVAILABLE:
            raise error
        log.warning("HTML5 application '%s' cannot be looked up: %s", key.app, error)
        self._fresh.put(key, last, RETRY_SECONDS)
        return last


def _skips_cache(target: str) -> bool:
    return f"{SKIP_CACHE}=true" in target.partition("?")[2].split("&")


def _descriptor(key: AppKey, text: str) -> Descriptor:
    reading = read_descriptor(text)
    if reading.problems:
        first = reading.problems[0]
        raise unusable(key, f"its xs-app.json is wrong at {first.path or '$'}, allowed is {first.message}")
    return reading.descriptor
