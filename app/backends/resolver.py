"""A destination's name and a caller become a backend."""

from __future__ import annotations

import time
from dataclasses import dataclass

from app.backends.backend import Backend
from app.backends.direct import direct_backend
from app.backends.on_premise import OnPremise
from app.destinations.destination import Destination, ProxyType
from app.destinations.resolver import DestinationResolver
from app.errors import Failure, GatewayError
from app.principal import Caller
from app.tokens.expiring_map import ExpiringMap
from app.transport.pool_key import ClientCertificate, OnPremiseKey

MAX_BACKENDS = 10_000
_AN_HOUR = 3600.0
_FORGET_PAUSE = 30.0


@dataclass(frozen=True, slots=True)
class BackendKey:
    """Names a prepared backend: the caller holds tenant, user and the very token."""

    destination: str
    dynamic: bool
    local: bool
    caller: Caller


class BackendResolver:
    """Prepares backends and keeps them while everything in them holds.

    `on_premise` is None where no connectivity service is bound, `own_certificate` where the authentication service's
    binding has none.
    """

    def __init__(
        self,
        destinations: DestinationResolver,
        on_premise: OnPremise | None = None,
        own_certificate: ClientCertificate | None = None,
        limit: int = MAX_BACKENDS,
    ) -> None:
        self._destinations = destinations
        self._on_premise = on_premise
        self._own_certificate = own_certificate
        self._ready: ExpiringMap[BackendKey, Backend] = ExpiringMap(limit)
        self._forgotten: ExpiringMap[BackendKey, bool] = ExpiringMap(limit)

    def ready(self, name: str, caller: Caller, *, dynamic: bool = False, local: bool = False) -> Backend | None:
        """The backend where it is prepared already: no I/O, for the proxied path."""
        return self._ready.get(BackendKey(name, dynamic, local, caller))

    async def resolve(self, name: str, caller: Caller, *, dynamic: bool = False, local: bool = False) -> Backend:
        """How `caller` reaches the destination `name`; it may be used until its `expires_at`.

        `dynamic` says that the name came with the request, `local` that the provider's destination is meant. Raises
        `GatewayError`: DESTINATION_*, DYNAMIC_DESTINATION_REFUSED, CONNECTIVITY_MISSING and XSUAA_*.
        """
        key = BackendKey(name, dynamic, local, caller)
        ready = self._ready.get(key)
        if ready is not None:
            return ready
        resolved = await self._destinations.resolve(name, caller, dynamic=dynamic, local=local)
        backend = await self._prepare(resolved.destination, caller, resolved.expires_at)
        self._ready.put(key, backend, min(_AN_HOUR, backend.expires_at - time.monotonic()))
        return backend

    def forget(self, backend: Backend, caller: Caller) -> None:
        """Drop what a backend or the connectivity proxy refused (401, 407), so that the next request gets it anew.

        A backend that refuses whatever it is shown does not make the platform be asked for every request: what was
        forgotten moments ago is kept.
        """
        name, both = backend.destination, (False, True)
        keys = [BackendKey(name, dynamic, local, caller) for dynamic in both for local in both]
        if self._forgotten.get(keys[0]):
            return
        self._forgotten.put(keys[0], True, _FORGET_PAUSE)
        for key in keys:
            self._ready.discard(key)
        self._destinations.forget(backend.destination, caller)
        if self._on_premise is not None and isinstance(backend.key, OnPremiseKey):
            self._on_premise.forget(backend.key, caller)

    async def _prepare(self, destination: Destination, caller: Caller, expires_at: float) -> Backend:
        if destination.proxy_type is not ProxyType.ON_PREMISE:
            return direct_backend(destination, caller, expires_at, self._own_certificate)
        if self._on_premise is None:
            raise GatewayError(Failure.CONNECTIVITY_MISSING, f"Destination '{destination.name}' is on-premise.")
        return await self._on_premise.backend(destination, caller, expires_at)
