"""Destinations found before: fresh for minutes, stale for a while when they are renewed or the service is down.

Never beyond the life of a token they hold, and never for anybody else than the key says.
"""

from __future__ import annotations

import logging
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from app.destinations.destination import Destination, Sought
from app.errors import Failure, GatewayError
from app.principal import Caller, Tenant, UserCaller, UserPrincipal
from app.tokens.single_flight import SingleFlight

FRESH = 300.0
REVALIDATE = 60.0
STALE = 1800.0
_MAX_RETRY_PAUSE = 30.0
_TOKEN_MARGIN = 60.0
_TEMPORARY = frozenset({Failure.DESTINATION_SERVICE_UNAVAILABLE, Failure.XSUAA_UNAVAILABLE})

_log = logging.getLogger("gangway.destinations")


@dataclass(frozen=True, slots=True)
class DestinationKey:
    """Who may see a found destination: everybody in the tenant, or one user with this very token (or these two).

    Raises INTERNAL without a tenant, or for a user without id or token: what belongs to nobody is not kept.
    """

    tenant: Tenant
    name: str
    user: UserPrincipal | None = None
    token: str = ""
    local: bool = False

    def __post_init__(self) -> None:
        if not (self.tenant.id or self.tenant.subdomain):
            raise GatewayError(Failure.INTERNAL, "a kept destination needs a tenant")
        if self.user is not None and not (self.user.user_id and self.token and self.user.tenant == self.tenant):
            raise GatewayError(Failure.INTERNAL, "a user's kept destination needs the user's id and token")

    @classmethod
    def of(cls, caller: Caller, sought: Sought) -> DestinationKey:
        """The key of what was found for a caller."""
        if isinstance(caller, UserCaller):
            token = caller.token.fingerprint
            if caller.ias_token is not None:  # corporate tokens are got for it
                token += caller.ias_token.fingerprint
            return cls(caller.tenant, sought.name, caller.principal, token, sought.local)
        return cls(caller.tenant, sought.name, local=sought.local)


@dataclass(frozen=True, slots=True)
class Found:
    """A destination and for how many seconds the tokens in it live; 0 where it must not be kept."""

    destination: Destination
    lifetime: float


@dataclass(frozen=True, slots=True)
class Resolved:
    """A destination and until when (`time.monotonic()`) it may be used without asking again."""

    destination: Destination
    expires_at: float


@dataclass(slots=True)
class _Entry:
    """When it was found, three bounds in time, and when a failed renewal may be tried again."""

    destination: Destination
    found_at: float
    fresh_until: float
    revalidate_until: float
    usable_until: float
    retry_at: float = 0.0
    failures: int = 0


Load = Callable[[], Coroutine[Any, Any, Found]]


class DestinationCache:
    """At most `limit` destinations; the least recently used makes room. Many askers cause one load."""

    def __init__(self, limit: int = 5000, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._clock = clock
        self._entries: OrderedDict[DestinationKey, _Entry] = OrderedDict()
        self._flight: SingleFlight[DestinationKey, Found] = SingleFlight()

    async def get(self, key: DestinationKey, load: Load, found_since: float = -math.inf) -> Resolved:
        """The destination of this key: kept, or loaded. Raises what `load` raises unless a stale one may stand in.

        What was found before `found_since` (clock of the cache) counts as stale.
        """
        now = self._clock()
        entry = self._entries.get(key)
        if entry is None or now >= entry.usable_until:
            return self._resolved(await self._flight.run(key, lambda: self._renew(key, load)))
        self._entries.move_to_end(key)
        if now < entry.fresh_until and entry.found_at >= found_since:
            return Resolved(entry.destination, entry.fresh_until)
        if now < entry.retry_at:
            return Resolved(entry.destination, now)
        if now < entry.fresh_until:
            return await self._renewed_or_stale(key, entry, load)
        if now < entry.revalidate_until:
            self._flight.start(key, lambda: self._renew(key, load))
            return Resolved(entry.destination, now)
        return await self._renewed_or_stale(key, entry, load)

    def put(self, key: DestinationKey, found: Found) -> None:
        """Keep what was found, as long as its tokens allow."""
        life = found.lifetime - min(_TOKEN_MARGIN, found.lifetime / 5)
        self._entries.pop(key, None)
        if life <= 0:
            return
        now = self._clock()
        self._entries[key] = _Entry(
            found.destination,
            found_at=now,
            fresh_until=now + min(FRESH, life),
            revalidate_until=now + min(FRESH + REVALIDATE, life),
            usable_until=now + min(FRESH + STALE, life),
        )
        if len(self._entries) > self._limit:
            self._entries.popitem(last=False)

    def now(self) -> float:
        """The time of the cache's clock."""
        return self._clock()

    def discard(self, key: DestinationKey) -> None:
        """Forget an entry, if there is one."""
        self._entries.pop(key, None)

    def __len__(self) -> int:
        return len(self._entries)

    async def aclose(self) -> None:
        """End renewals that are under way."""
        await self._flight.aclose()

    async def _renewed_or_stale(self, key: DestinationKey, entry: _Entry, load: Load) -> Resolved:
        try:
            return self._resolved(await self._flight.run(key, lambda: self._renew(key, load)))
        except GatewayError as error:
            now = self._clock()
            if error.failure not in _TEMPORARY or now >= entry.usable_until:
                raise
            return Resolved(entry.destination, now)

    async def _renew(self, key: DestinationKey, load: Load) -> Found:
        try:
            found = await load()
        except GatewayError as error:
            self._failed(key, error)
            raise
        self.put(key, found)
        return found

    def _failed(self, key: DestinationKey, error: GatewayError) -> None:
        """A service that is down leaves the entry in place and is asked again later; any other failure removes it."""
        entry = self._entries.get(key)
        if entry is None:
            return
        if error.failure not in _TEMPORARY:
            del self._entries[key]
            return
        entry.retry_at = self._clock() + min(_MAX_RETRY_PAUSE, 2.0**entry.failures)
        entry.failures += 1
        _log.warning("destination '%s' cannot be renewed: %s", key.name, error)

    def _resolved(self, found: Found) -> Resolved:
        life = found.lifetime - min(_TOKEN_MARGIN, found.lifetime / 5)
        return Resolved(found.destination, self._clock() + max(0.0, min(FRESH, life)))
