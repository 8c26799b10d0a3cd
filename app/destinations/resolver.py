"""A name becomes a destination: from the environment first, then from the destination service."""

from __future__ import annotations

import math
from collections.abc import Mapping

from app.destinations.cache import DestinationCache, DestinationKey, Resolved
from app.destinations.destination import Destination, Traits
from app.destinations.finder import Finder, NeedsUserError
from app.destinations.service_client import NAME
from app.errors import Failure, GatewayError
from app.principal import AnonymousCaller, Caller, Tenant, UserCaller
from app.tokens.expiring_map import ExpiringMap
from app.tokens.single_flight import SingleFlight

_MAX_MET = 20_000
_MET_SECONDS = 12 * 3600.0


class DestinationResolver:
    """Looks destinations up. `finder` is None where no destination service is bound.

    A destination that its tenant shares is found once for all. The first request with a token new to it (a session
    has begun) is not content with what was found before: who logs in sees destinations as they are, as with the
    reference router. Those who come at the same time share that find, and while the service is down none is needed.
    """

    def __init__(
        self,
        environment: Mapping[str, Destination],
        finder: Finder | None = None,
        cache: DestinationCache | None = None,
    ) -> None:
        self._environment = environment
        self._finder = finder
        self._cache = cache or DestinationCache()
        self._met: ExpiringMap[DestinationKey, bool] = ExpiringMap(_MAX_MET)
        self._discoveries: SingleFlight[tuple[Tenant, str], Traits] = SingleFlight()

    async def resolve(self, name: str, caller: Caller, *, dynamic: bool = False) -> Resolved:
        """The destination as the caller has it.

        `dynamic` says that the name came with the request: then it has to be one of the environment's, or to permit
        that (DYNAMIC_DESTINATION_REFUSED). Raises the DESTINATION_* and XSUAA_* failures.
        """
        own = self._environment.get(name)
        if own is not None:
            return Resolved(own, math.inf)
        if not NAME.fullmatch(name):
            raise GatewayError(Failure.DESTINATION_UNKNOWN, "This is not the name of a destination.")
        if self._finder is None:
            raise GatewayError(Failure.DESTINATION_UNKNOWN, f"Destination '{name}' is not in the environment.")
        resolved = await self._of_service(self._finder, name, caller)
        if dynamic and not resolved.destination.dynamic:
            raise GatewayError(Failure.DYNAMIC_DESTINATION_REFUSED, f"Destination '{name}'.")
        return resolved

    def forget(self, name: str, caller: Caller) -> None:
        """Drop what is kept of a destination for this caller: its token was refused."""
        self._cache.discard(DestinationKey.of(caller, name))
        self._cache.discard(DestinationKey.of(AnonymousCaller(caller.tenant), name))

    async def aclose(self) -> None:
        """End lookups that are under way."""
        await self._discoveries.aclose()
        await self._cache.aclose()

    async def _of_service(self, finder: Finder, name: str, caller: Caller) -> Resolved:
        came = self._cache.now()
        traits = finder.traits(name, caller.tenant) or await self._discover(finder, name, caller)
        try:
            if traits.of_user:
                return await self._kept(finder, name, caller)
            since = -math.inf if self._has_met(name, caller) else came
            return await self._kept(finder, name, AnonymousCaller(caller.tenant), since)
        except NeedsUserError:
            if traits.of_user:
                raise
            return await self._kept(finder, name, caller)  # it has become one of users since

    async def _kept(self, finder: Finder, name: str, asking: Caller, since: float = -math.inf) -> Resolved:
        """A destination shared by the tenant is asked for as nobody: its entry cannot hold anything of a user."""
        return await self._cache.get(DestinationKey.of(asking, name), lambda: finder.find(name, asking), since)

    def _has_met(self, name: str, caller: Caller) -> bool:
        """Whether a request with this token came before; only a user's requests belong to a session."""
        if not isinstance(caller, UserCaller):
            return True
        key = DestinationKey.of(caller, name)
        met = self._met.get(key) is not None
        self._met.put(key, True, _MET_SECONDS)
        return met

    async def _discover(self, finder: Finder, name: str, caller: Caller) -> Traits:
        """What kind of destination this is, asked once however many want to know."""
        return await self._discoveries.run((caller.tenant, name), lambda: self._first_find(finder, name, caller))

    async def _first_find(self, finder: Finder, name: str, caller: Caller) -> Traits:
        """Find as this caller, and keep the result for all who may see it.

        What fails for this caller says nothing to others who wait here, once it is known what kind it is.
        """
        try:
            found = await finder.find(name, caller)
        except GatewayError:
            learned = finder.traits(name, caller.tenant)
            if learned is None:
                raise
            return learned
        traits = found.destination.traits
        owner = caller if traits.of_user else AnonymousCaller(caller.tenant)
        self._cache.put(DestinationKey.of(owner, name), found)
        return traits
