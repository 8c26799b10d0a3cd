"""A name becomes a destination: from the environment first, then from the destination service."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from app.destinations.cache import DestinationCache, DestinationKey, Resolved
from app.destinations.destination import Destination, Sought, Traits
from app.destinations.finder import Finder, NeedsUserError
from app.destinations.service_client import NAME
from app.errors import Failure, GatewayError
from app.principal import AnonymousCaller, Caller, UserCaller
from app.tokens.expiring_map import ExpiringMap
from app.tokens.single_flight import SingleFlight

_MAX_MET = 20_000
_MET_SECONDS = 12 * 3600.0
_OF_CALLER = frozenset({Failure.DESTINATION_SERVICE_REFUSED, Failure.DESTINATION_TOKEN_FAILED})
"""What may be due to the token of who asked."""


@dataclass(frozen=True, slots=True)
class _Refused:
    """A first find that failed, perhaps only for the caller of this key."""

    error: GatewayError
    asked_as: DestinationKey


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
        self._discoveries: SingleFlight[DestinationKey, Traits | _Refused] = SingleFlight()

    async def resolve(self, name: str, caller: Caller, *, dynamic: bool = False, local: bool = False) -> Resolved:
        """The destination as the caller has it; a `local` one is the provider's.

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
        resolved = await self._of_service(self._finder, Sought(name, local), caller)
        if dynamic and not resolved.destination.dynamic:
            raise GatewayError(Failure.DYNAMIC_DESTINATION_REFUSED, f"Destination '{name}'.")
        return resolved

    def forget(self, name: str, caller: Caller) -> None:
        """Drop what is kept of a destination for this caller: its token was refused."""
        for sought in (Sought(name), Sought(name, local=True)):
            self._cache.discard(DestinationKey.of(caller, sought))
            self._cache.discard(DestinationKey.of(AnonymousCaller(caller.tenant), sought))

    async def aclose(self) -> None:
        """End lookups that are under way."""
        await self._discoveries.aclose()
        await self._cache.aclose()

    async def _of_service(self, finder: Finder, sought: Sought, caller: Caller) -> Resolved:
        came = self._cache.now()
        traits = finder.traits(sought, caller.tenant) or await self._discover(finder, sought, caller)
        try:
            if traits.of_user:
                return await self._kept(finder, sought, caller)
            since = -math.inf if self._has_met(sought, caller) else came
            return await self._kept(finder, sought, AnonymousCaller(caller.tenant), since)
        except NeedsUserError:
            if traits.of_user:
                raise
            return await self._kept(finder, sought, caller)  # it has become one of users since

    async def _kept(self, finder: Finder, sought: Sought, asking: Caller, since: float = -math.inf) -> Resolved:
        """A destination shared by the tenant is asked for as nobody: its entry cannot hold anything of a user."""
        return await self._cache.get(DestinationKey.of(asking, sought), lambda: finder.find(sought, asking), since)

    def _has_met(self, sought: Sought, caller: Caller) -> bool:
        """Whether a request with this token came before; only a user's requests belong to a session."""
        if not isinstance(caller, UserCaller):
            return True
        key = DestinationKey.of(caller, sought)
        met = self._met.get(key) is not None
        self._met.put(key, True, _MET_SECONDS)
        return met

    async def _discover(self, finder: Finder, sought: Sought, caller: Caller) -> Traits:
        """What kind of destination this is, asked once however many want to know.

        Who has waited for a find that was refused to somebody else asks once more, as who it is.
        """
        own = DestinationKey.of(caller, sought)
        found = await self._discoveries.run(
            DestinationKey.of(AnonymousCaller(caller.tenant), sought), lambda: self._first_find(finder, sought, caller)
        )
        if isinstance(found, _Refused) and found.asked_as != own:
            found = await self._discoveries.run(own, lambda: self._first_find(finder, sought, caller))
        if isinstance(found, _Refused):
            raise found.error
        return found

    async def _first_find(self, finder: Finder, sought: Sought, caller: Caller) -> Traits | _Refused:
        """Find as this caller, and keep the result for all who may see it.

        What fails for this caller says nothing to others who wait here, once it is known what kind it is.
        """
        try:
            found = await finder.find(sought, caller)
        except GatewayError as error:
            learned = finder.traits(sought, caller.tenant)
            if learned is not None:
                return learned
            if error.failure not in _OF_CALLER:
                raise
            return _Refused(error, DestinationKey.of(caller, sought))
        traits = found.destination.traits
        owner = caller if traits.of_user else AnonymousCaller(caller.tenant)
        self._cache.put(DestinationKey.of(owner, sought), found)
        return traits
