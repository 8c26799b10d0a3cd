"""What a route names, and a caller, become a backend."""

from __future__ import annotations

import time
from dataclasses import dataclass

from app.backends.backend import Backend
from app.backends.dependency import DependencyTokens, ias_token_of, with_dependency
from app.backends.direct import direct_backend
from app.backends.on_premise import OnPremise
from app.backends.repository import RepositoryBackends
from app.backends.service import ServiceBackends
from app.destinations.destination import Destination, ProxyType
from app.destinations.resolver import DestinationResolver
from app.errors import Failure, GatewayError
from app.observability.trace import note
from app.principal import AnonymousCaller, Caller
from app.routing.reference import BackendReference, DestinationReference, RepositoryReference, ServiceReference
from app.tokens.expiring_map import ExpiringMap
from app.transport.pool_key import ClientCertificate, OnPremiseKey

MAX_BACKENDS = 10_000
_AN_HOUR = 3600.0
_FORGET_PAUSE = 30.0


@dataclass(frozen=True, slots=True)
class BackendKey:
    """Names a prepared backend: the caller holds tenant, user and the very token."""

    reference: BackendReference
    caller: Caller


class BackendResolver:
    """Prepares backends and keeps them while everything in them holds.

    `on_premise` is None where no connectivity service is bound, `own_certificate` where the authentication service's
    binding has none, `repository` where no HTML5 application repository is bound, `dependencies` where no identity
    service is.
    """

    def __init__(
        self,
        destinations: DestinationResolver,
        on_premise: OnPremise | None = None,
        own_certificate: ClientCertificate | None = None,
        services: ServiceBackends | None = None,
        repository: RepositoryBackends | None = None,
        dependencies: DependencyTokens | None = None,
        limit: int = MAX_BACKENDS,
    ) -> None:
        self._destinations = destinations
        self._on_premise = on_premise
        self._own_certificate = own_certificate
        self._services = services
        self._repository = repository
        self._dependencies = dependencies
        self._ready: ExpiringMap[BackendKey, Backend] = ExpiringMap(limit)
        self._forgotten: ExpiringMap[BackendKey, bool] = ExpiringMap(limit)

    def ready(self, reference: BackendReference, caller: Caller) -> Backend | None:
        """The backend where it is prepared already: no I/O, for the proxied path."""
        return self._ready.get(BackendKey(reference, caller))

    async def resolve(self, reference: BackendReference, caller: Caller) -> Backend:
        """How `caller` reaches what a route names; it may be used until its `expires_at`.

        Raises `GatewayError`: DESTINATION_*, DYNAMIC_DESTINATION_REFUSED, CONNECTIVITY_MISSING, SERVICE_*,
        LOGIN_REQUIRED (a business service that has to know who calls) and XSUAA_*.
        """
        if isinstance(reference, RepositoryReference):
            caller = AnonymousCaller(caller.tenant)  # files are the same for all users of a tenant
        key = BackendKey(reference, caller)
        ready = self._ready.get(key)
        if ready is not None:
            return ready
        backend = await self._make(reference, caller)
        self._ready.put(key, backend, min(_AN_HOUR, backend.expires_at - time.monotonic()))
        return backend

    def forget(self, reference: BackendReference, backend: Backend, caller: Caller) -> None:
        """Drop what a backend or the connectivity proxy refused (401, 407), so that the next request gets it anew.

        A backend that refuses whatever it is shown does not make the platform be asked for every request: what was
        forgotten moments ago is kept.
        """
        key = BackendKey(reference, caller)
        if self._forgotten.get(key):
            return
        self._forgotten.put(key, True, _FORGET_PAUSE)
        self._ready.discard(key)
        ias_token = ias_token_of(caller)
        if backend.ias_dependency and ias_token is not None and self._dependencies is not None:
            self._dependencies.forget(ias_token, backend.ias_dependency)
        match reference:
            case DestinationReference():
                for twin in reference.twins():
                    self._ready.discard(BackendKey(twin, caller))
                self._destinations.forget(reference.name, caller)
                if self._on_premise is not None and isinstance(backend.key, OnPremiseKey):
                    self._on_premise.forget(backend.key, caller)
            case ServiceReference() if self._services is not None:
                self._services.forget(reference, caller)
            case RepositoryReference() if self._repository is not None:
                self._ready.discard(BackendKey(reference, AnonymousCaller(caller.tenant)))
                self._repository.forget(caller.tenant)

    async def _make(self, reference: BackendReference, caller: Caller) -> Backend:
        match reference:
            case DestinationReference():
                resolved = await self._destinations.resolve(
                    reference.name, caller, dynamic=reference.dynamic, local=reference.local
                )
                return await self._prepare(resolved.destination, caller, resolved.expires_at)
            case ServiceReference() if self._services is not None:
                return await self._services.backend(reference, caller)
            case RepositoryReference() if self._repository is not None:
                return await self._repository.backend(reference, caller.tenant)
        raise GatewayError(Failure.SERVICE_UNKNOWN, f"Service '{reference.name}' is not bound.")

    async def _prepare(self, destination: Destination, caller: Caller, expires_at: float) -> Backend:
        if destination.proxy_type is not ProxyType.ON_PREMISE:
            if destination.forward_auth_certificates and self._own_certificate is None:
                note("no certificate to forward: the authentication service's binding has none")
            destination, expires_at = await with_dependency(destination, caller, expires_at, self._dependencies)
            return direct_backend(destination, caller, expires_at, self._own_certificate)
        if self._on_premise is None:
            raise GatewayError(Failure.CONNECTIVITY_MISSING, f"Destination '{destination.name}' is on-premise.")
        return await self._on_premise.backend(destination, caller, expires_at)
