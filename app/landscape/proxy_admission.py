"""Whether the connectivity proxy carries a request: tokens, tunnel, Cloud Connector, access control."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from app.landscape.cloud_connector import CloudConnector
from app.landscape.faults import Fault, Faults
from app.landscape.proxy_refusal import no_cloud_connector, principal_refused, proxy_token_invalid
from app.landscape.proxy_request import APPLICATION_TOKEN, USER_TOKEN, ProxyRequest, bearer_of, proxy_token
from app.landscape.token_principal import (
    NOBODY,
    Claims,
    Principal,
    Validate,
    application_principal,
    is_user_token,
    tenant_of,
    user_principal,
)
from app.landscape.tunnel_binding import TunnelBinding, Violation, difference, refusal_of
from app.landscape.virtual_host import VirtualHost

_KEPT_TOKENS = 4


@dataclass(slots=True)
class Connection:
    """One client connection: its number, how many requests it carried, what it is bound to."""

    number: int
    requests: int = 0
    bound_to: TunnelBinding | None = None
    known_tokens: dict[str, Claims] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Admission:
    """What a carried request needs: its mapping, the certificate header of its principal, whose it is."""

    host: VirtualHost
    certificate: bytes
    binding: TunnelBinding


class Gatekeeper:
    """Admits requests for the tokens of one connectivity binding.

    `validate` checks any token of the landscape; a proxy token must have been issued for `client_id`.
    """

    def __init__(self, *, validate: Validate, client_id: str, faults: Faults) -> None:
        self._validate = validate
        self._client_id = client_id
        self._faults = faults
        self._connectors: dict[tuple[str, str], CloudConnector] = {}

    def connect(self, connector: CloudConnector) -> None:
        """A Cloud Connector opens its tunnel; it replaces one of the same tenant and location id."""
        self._connectors[connector.tenant, connector.location_id] = connector

    def disconnect(self, tenant: str, location_id: str = "") -> None:
        """A Cloud Connector leaves; harmless when it is not connected."""
        self._connectors.pop((tenant, location_id), None)

    async def admit(
        self, connection: Connection, request: ProxyRequest, on_violation: Callable[[Violation], None]
    ) -> Admission:
        """Let a request pass, binding the connection with the first one. Raises Refusal."""
        received = await self._binding_of(connection, request)
        connector = self._connector(received)
        if connection.bound_to is None:
            connection.bound_to = received
        found = difference(connection.bound_to, received)
        if found is not None:
            on_violation(Violation(connection.number, *found))
            raise refusal_of(found[0], request.target, received)
        host = connector.admit(request)
        return Admission(host, connector.certificate_header(received.principal), received)

    async def _binding_of(self, connection: Connection, request: ProxyRequest) -> TunnelBinding:
        claims = await self._proxy_claims(connection, proxy_token(request.head))
        tenant = tenant_of(claims)
        principal = await self._principal(connection, request, claims, tenant)
        return TunnelBinding(tenant, request.location_id, request.system, principal)

    async def _proxy_claims(self, connection: Connection, token: str) -> Claims:
        try:
            claims = await self._claims(connection, token)
            tenant_of(claims)
        except ValueError as problem:
            raise proxy_token_invalid() from problem
        if self._client_id not in (claims.get("cid"), claims.get("client_id"), claims.get("azp")):
            raise proxy_token_invalid()
        return claims

    async def _principal(self, connection: Connection, request: ProxyRequest, proxy: Claims, tenant: str) -> Principal:
        user_token = bearer_of(request.head, USER_TOKEN)
        if user_token is not None:
            return user_principal(await self._propagated(connection, user_token, tenant))
        application_token = bearer_of(request.head, APPLICATION_TOKEN)
        if application_token is not None:
            return application_principal(await self._propagated(connection, application_token, tenant))
        return user_principal(proxy) if is_user_token(proxy) else NOBODY

    async def _propagated(self, connection: Connection, token: str, tenant: str) -> Claims:
        """Claims of a token handed over for propagation, which must be of the tenant whose tunnel is used."""
        try:
            claims = await self._claims(connection, token)
            token_tenant = tenant_of(claims)
        except ValueError as problem:
            raise principal_refused("the token of the principal is not valid") from problem
        if token_tenant != tenant:
            raise principal_refused("the token of the principal belongs to another subaccount")
        return claims

    async def _claims(self, connection: Connection, token: str) -> Claims:
        """Validated claims; a token seen before on this connection is only checked for its end."""
        known = connection.known_tokens.get(token)
        if known is not None and known.get("exp", 0) > time.time():
            return known
        claims = await self._validate(token)
        if len(connection.known_tokens) >= _KEPT_TOKENS:
            connection.known_tokens.clear()
        connection.known_tokens[token] = claims
        return claims

    def _connector(self, wanted: TunnelBinding) -> CloudConnector:
        connector = self._connectors.get((wanted.tenant, wanted.location_id))
        if connector is None or self._faults.is_on(Fault.NO_CLOUD_CONNECTOR, wanted.location_id):
            raise no_cloud_connector(wanted.tenant, wanted.location_id)
        return connector
