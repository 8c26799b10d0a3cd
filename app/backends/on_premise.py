"""Backends behind a Cloud Connector, reached through the connectivity proxy (protocols 5.1 to 5.4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from app.answer import Headers
from app.backends.backend import Backend
from app.backends.outgoing import (
    bearer,
    defaults_beside,
    monotonic_end,
    own_credentials,
    query_of,
    required_user,
    token_end,
)
from app.bindings.credentials import ConnectivityCredentials
from app.destinations.authentication import ON_PREMISE_ONLY, Authentication
from app.destinations.destination import Destination
from app.destinations.token_source import TokenSource
from app.errors import Failure, GatewayError
from app.principal import AnonymousCaller, Caller, TechnicalPrincipal, Tenant, UserCaller
from app.transport.pool_key import OnPremiseKey, Proxy

PrincipalPropagation = Literal["two-headers", "exchanged-token"]
"""How a user reaches the Cloud Connector (protocols 5.4).

`two-headers`: the user's token in `SAP-Connectivity-Authentication`, beside a technical one in `Proxy-Authorization`.
`exchanged-token`: in `Proxy-Authorization` alone, exchanged for the connectivity service: a token request per user.
"""

_AUTHORIZATION = frozenset({b"authorization"})


@dataclass(frozen=True, slots=True)
class Passage:
    """What one request shows the proxy: its headers (proxy and principal), and until when they hold (monotonic)."""

    headers: Headers
    ends_at: float


class OnPremise:
    """Prepares backends behind the Cloud Connector with the tokens of the connectivity service's binding."""

    def __init__(
        self,
        credentials: ConnectivityCredentials,
        tokens: TokenSource,
        propagation: PrincipalPropagation = "two-headers",
    ) -> None:
        token_service = credentials.token_service_url or credentials.url
        self._credentials = credentials.model_copy(update={"url": token_service})
        self._proxy = Proxy(credentials.onpremise_proxy_host, credentials.proxy_port)
        self._tokens = tokens
        self._propagation = propagation

    async def backend(self, destination: Destination, caller: Caller, expires_at: float) -> Backend:
        """How `caller` reaches the virtual host of a destination; `expires_at` on the monotonic clock.

        On a public route nobody's identity is propagated: the system decides what nobody gets. Raises
        DESTINATION_UNUSABLE for principal propagation of an application, and what fetching a token raises.
        """
        account = destination.tenant or self._credentials.tenant
        if _propagates(destination, caller):
            passage = await self._with_principal(destination, caller, account)
        else:
            passage = await self._technical(destination, caller, account)
        credentials = passage.headers + destination.fixed
        dropped = _AUTHORIZATION if destination.authentication in ON_PREMISE_ONLY else frozenset()
        authority = destination.url.authority.encode("ascii")
        return Backend(
            destination=destination.name,
            key=self._key(destination, caller, account),
            authority=authority,
            base=b"http://" + authority + destination.url.path.encode("ascii"),
            query=query_of(destination),
            credentials=credentials,
            defaults=defaults_beside(credentials, destination, dropped),
            preserve_host=destination.preserve_host,
            forwarded_headers=destination.forwarded_headers,
            strict_connections=destination.strict_connections,
            timeout=destination.timeout,
            expires_at=min(expires_at, passage.ends_at),
            dropped=dropped,
        )

    def forget(self, key: OnPremiseKey, caller: Caller) -> None:
        """Drop the tokens of a passage that the proxy refused (407): the next one is made with others."""
        self._tokens.forget_technical(self._credentials, key.account or key.principal.tenant)
        if isinstance(caller, UserCaller):
            self._tokens.forget_exchanged(self._credentials, caller.token)

    def _key(self, destination: Destination, caller: Caller, account: Tenant) -> OnPremiseKey:
        """Sockets are a user's own wherever the Cloud Connector learns who the user is."""
        principal = caller.principal if _propagates(destination, caller) else TechnicalPrincipal(account)
        url = destination.url
        return OnPremiseKey(self._proxy, principal, destination.location_id, url.host, url.port, account)

    async def _technical(self, destination: Destination, caller: Caller, account: Tenant) -> Passage:
        proxy_token = await self._tokens.technical(self._credentials, account)
        propagation = destination.authentication is Authentication.PRINCIPAL_PROPAGATION
        own = () if propagation else own_credentials(destination, caller)
        ends_at = token_end(proxy_token)
        if destination.authentication is Authentication.TECHNICAL_USER_PROPAGATION:
            own = _technical_user(destination)
        elif destination.forward_auth_token and not isinstance(caller, AnonymousCaller):
            ends_at = min(ends_at, monotonic_end(caller.forwarded.expires_at))
        return Passage(_proxy_headers(destination, proxy_token) + own, ends_at)

    async def _with_principal(self, destination: Destination, caller: Caller, account: Tenant) -> Passage:
        """Both variants; a corporate token that was found with the destination stands for the user's own."""
        user = required_user(destination, caller)
        ends_at = monotonic_end(user.expires_at)
        if self._propagation == "exchanged-token" and not destination.credentials:
            exchanged = await self._tokens.exchanged(self._credentials, user)
            return Passage(_proxy_headers(destination, exchanged), min(ends_at, token_end(exchanged)))
        proxy_token = await self._tokens.technical(self._credentials, account)
        value = destination.credentials[0][1] if destination.credentials else bearer(user.value)
        headers = (*_proxy_headers(destination, proxy_token), (b"sap-connectivity-authentication", value))
        return Passage(headers, min(ends_at, token_end(proxy_token)))


def _propagates(destination: Destination, caller: Caller) -> bool:
    return destination.authentication is Authentication.PRINCIPAL_PROPAGATION and not isinstance(
        caller, AnonymousCaller
    )


def _proxy_headers(destination: Destination, proxy_token: str) -> Headers:
    headers: Headers = ((b"proxy-authorization", bearer(proxy_token)),)
    if destination.location_id:
        headers += ((b"sap-connectivity-scc-location_id", destination.location_id.encode()),)
    return headers


def _technical_user(destination: Destination) -> Headers:
    """The header that names the technical user to the Cloud Connector; an `Authorization` is not passed beside it."""
    headers = tuple(pair for pair in destination.credentials if pair[0] not in _AUTHORIZATION)
    if not headers:
        raise GatewayError(
            Failure.DESTINATION_TOKEN_FAILED,
            f"Destination '{destination.name}': the service returned no header for the technical user.",
        )
    return headers
