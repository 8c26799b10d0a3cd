"""Backends of business services: routes with `service` (reference, "Integration with Business Services")."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from app.answer import Headers
from app.backends.backend import Backend
from app.backends.dependency import DependencyTokens, with_dependency
from app.backends.direct import direct_backend
from app.backends.outgoing import bearer, monotonic_end, token_end
from app.bindings.business_service import BusinessService, BusinessServices, GrantType
from app.bindings.credentials import ClientCredentials
from app.destinations.from_binding import service_destination, unusable
from app.destinations.token_source import TokenSource
from app.errors import Failure, GatewayError
from app.principal import AnonymousCaller, Caller, UserCaller
from app.routing.reference import ServiceReference

_IAS_TOKEN = b"x-ias-token"


@dataclass(frozen=True, slots=True)
class _Proof:
    """What a request shows the service: headers, and until when they hold (monotonic)."""

    headers: Headers
    ends_at: float = math.inf


class ServiceBackends:
    """Prepares backends of bound business services."""

    def __init__(
        self, services: BusinessServices, tokens: TokenSource, dependencies: DependencyTokens | None = None
    ) -> None:
        self._services = services
        self._tokens = tokens
        self._dependencies = dependencies

    async def backend(self, reference: ServiceReference, caller: Caller) -> Backend:
        """How `caller` reaches a service.

        Raises SERVICE_UNKNOWN, SERVICE_UNUSABLE, LOGIN_REQUIRED where nobody is logged in (the reference serves
        nobody here either), and what fetching a token raises.
        """
        service = self._find(reference)
        destination = service_destination(service, reference.endpoint)
        if isinstance(caller, AnonymousCaller):
            raise GatewayError(Failure.LOGIN_REQUIRED, f"Service '{service.name}' wants a caller who is known.")
        destination = replace(destination, ias_dependency=service.ias_dependency)
        exchanged, ends_at = await with_dependency(destination, caller, math.inf, self._dependencies)
        if exchanged is not destination:
            return direct_backend(exchanged, caller, ends_at)
        proof = await self._proof(service, caller)
        return direct_backend(replace(destination, credentials=proof.headers), caller, proof.ends_at)

    def forget(self, reference: ServiceReference, caller: Caller) -> None:
        """Drop the token that a service refused (401): the next one is another."""
        service = self._find(reference)
        if service.uaa is None:
            return
        if service.grant_type is GrantType.CLIENT_CREDENTIALS:
            self._tokens.forget_technical(service.uaa, caller.tenant)
        elif isinstance(caller, UserCaller):
            self._tokens.forget_exchanged(service.uaa, caller.token)

    def _find(self, reference: ServiceReference) -> BusinessService:
        service = self._services.find(reference.name)
        if service is None:
            raise GatewayError(Failure.SERVICE_UNKNOWN, f"Service '{reference.name}' is not bound.")
        return service

    async def _proof(self, service: BusinessService, caller: Caller) -> _Proof:
        if service.grant_type is GrantType.MTLS:
            return _Proof(((b"x-tenant-id", caller.tenant.id.encode()),))
        if service.uaa is None:
            raise unusable(service, "its binding has no uaa")
        if service.grant_type is GrantType.CLIENT_CREDENTIALS:
            token = await self._tokens.technical(service.uaa, caller.tenant)
            return _Proof(_authorization(token), token_end(token))
        if not isinstance(caller, UserCaller):
            raise unusable(service, "it wants a user's token, and the caller is an application")
        return await self._of_user(service, service.uaa, caller)

    async def _of_user(self, service: BusinessService, uaa: ClientCredentials, caller: UserCaller) -> _Proof:
        """The user's token exchanged, or as the identity service issued it; the latter also beside the former."""
        ends_at = monotonic_end(caller.expires_at)
        ias_token = caller.ias_token.value if caller.ias_token is not None else ""
        if ias_token and service.forward_ias_authentication:
            return _Proof(_authorization(ias_token), ends_at)
        exchanged = await self._tokens.exchanged(uaa, caller.token)
        headers = _authorization(exchanged)
        if ias_token and service.forward_ias_token:
            headers += ((_IAS_TOKEN, ias_token.encode("latin-1")),)
        return _Proof(headers, min(ends_at, token_end(exchanged)))


def _authorization(token: str) -> Headers:
    return ((b"authorization", bearer(token)),)
