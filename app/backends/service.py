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
_TENANT_ID = b"x-tenant-id"


@dataclass(frozen=True, slots=True)
class _Proof:
    """What a request shows the service: headers, until when they hold (monotonic), and what clients cannot show."""

    headers: Headers
    ends_at: float = math.inf
    dropped: frozenset[bytes] = frozenset()


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

        Raises SERVICE_UNKNOWN, SERVICE_UNUSABLE, LOGIN_REQUIRED where nobody is logged in and the service has to know
        who calls, and what fetching a token raises.
        """
        service = self._find(reference)
        destination = replace(service_destination(service, reference.endpoint), ias_dependency=service.ias_dependency)
        exchanged, ends_at = await with_dependency(destination, caller, math.inf, self._dependencies)
        if exchanged is not destination:
            return direct_backend(exchanged, caller, ends_at)
        proof = await self._proof(service, caller)
        backend = direct_backend(replace(destination, credentials=proof.headers), caller, proof.ends_at)
        return replace(backend, dropped=proof.dropped)

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
            how = "bound more than once" if reference.name in self._services.ambiguous else "not bound"
            raise GatewayError(Failure.SERVICE_UNKNOWN, f"Service '{reference.name}' is {how}.")
        return service

    async def _proof(self, service: BusinessService, caller: Caller) -> _Proof:
        match service.grant_type:
            case GrantType.MTLS:
                return _Proof(_tenant_header(service, caller), dropped=frozenset({_TENANT_ID}))
            case GrantType.CLIENT_CREDENTIALS:
                token = await self._tokens.technical(_client(service), caller.tenant)
                return _Proof(_authorization(token), token_end(token))
            case GrantType.USER_TOKEN:
                return await self._of_user(service, caller)

    async def _of_user(self, service: BusinessService, caller: Caller) -> _Proof:
        """The user's token exchanged, or as the identity service issued it; the latter also beside either."""
        if isinstance(caller, AnonymousCaller):
            raise _login_required(service)
        if not isinstance(caller, UserCaller):
            raise unusable(service, "it wants a user's token, and the caller is an application")
        ends_at = monotonic_end(caller.expires_at)
        ias_token = caller.forwarded.value if caller.ias_token is not None else ""
        beside: Headers = ()
        if ias_token and service.forward_ias_token:
            beside = ((_IAS_TOKEN, ias_token.encode("latin-1")),)
        if ias_token and service.forward_ias_authentication:
            return _Proof(_authorization(ias_token) + beside, ends_at)
        exchanged = await self._tokens.exchanged(_client(service), caller.token)
        return _Proof(_authorization(exchanged) + beside, min(ends_at, token_end(exchanged)))


def _client(service: BusinessService) -> ClientCredentials:
    """The client for tokens of a service. Raises SERVICE_UNUSABLE."""
    if service.uaa is None:
        raise unusable(service, "its binding has no uaa")
    return service.uaa


def _tenant_header(service: BusinessService, caller: Caller) -> Headers:
    """The tenant, where an application has more than one or knows its own. A subscriber's id is in tokens only."""
    tenant = caller.tenant
    if tenant.subdomain and not tenant.id:
        raise _login_required(service)
    return ((_TENANT_ID, tenant.id.encode()),) if tenant.id else ()


def _login_required(service: BusinessService) -> GatewayError:
    return GatewayError(Failure.LOGIN_REQUIRED, f"Service '{service.name}' wants a caller who is known.")


def _authorization(token: str) -> Headers:
    return ((b"authorization", bearer(token)),)
