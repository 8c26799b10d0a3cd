"""The grants of an XSUAA, one method each (protocols 2.2; RFC 6749, RFC 7523, RFC 7636, RFC 8705).

Clients with a secret authenticate with HTTP Basic; X.509 clients call the mTLS twin and name themselves in the body.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from app.bindings.credentials import ClientCredentials
from app.clients import PlatformClients
from app.errors import Failure, GatewayError
from app.principal import Tenant
from app.tokens.endpoints import token_url
from app.tokens.expiring_map import ExpiringMap
from app.tokens.token_request import TokenRequest, client_of, send
from app.tokens.token_response import TokenRefused, TokenResponse

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"


UNKNOWN_SECONDS = 30.0
MAX_UNKNOWN = 1000


@dataclass(frozen=True, slots=True)
class Subscriber:
    """A tenant as one authorization server may know it."""

    token_url: str
    tenant: Tenant


class Grants:
    """Token requests. All raise `TokenRefused` (an OAuth error came back), `XSUAA_UNAVAILABLE`, or
    `SUBSCRIBER_UNKNOWN` for a tenant that the server does not know: at once where it said so in the last half minute.
    """

    def __init__(self, clients: PlatformClients, clock: Callable[[], float] = time.monotonic) -> None:
        self._clients = clients
        self._unknown: ExpiringMap[Subscriber, bool] = ExpiringMap(MAX_UNKNOWN, clock)

    async def authorization_code(
        self, credentials: ClientCredentials, tenant: Tenant, code: str, redirect_uri: str, code_verifier: str = ""
    ) -> TokenResponse:
        """Exchange the code of a login. Not repeated once the server may have seen it: a code is good for one use."""
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
        if code_verifier:
            form["code_verifier"] = code_verifier
        return await self._ask(credentials, tenant, form, repeatable=False)

    async def refresh_token(self, credentials: ClientCredentials, tenant: Tenant, refresh_token: str) -> TokenResponse:
        """A new token for a session. Not repeated once the server may have seen it: refresh tokens can rotate."""
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        return await self._ask(credentials, tenant, form, repeatable=False)

    async def client_credentials(
        self, credentials: ClientCredentials, tenant: Tenant, parameters: Mapping[str, str] | None = None
    ) -> TokenResponse:
        """A technical token of the application in a tenant; `parameters` such as `scope` or `authorities`."""
        return await self._ask(credentials, tenant, {"grant_type": "client_credentials", **(parameters or {})})

    async def password(
        self, credentials: ClientCredentials, tenant: Tenant, username: str, password: str
    ) -> TokenResponse:
        """A token for a user who gave us name and password."""
        form = {"grant_type": "password", "username": username, "password": password}
        return await self._ask(credentials, tenant, form)

    async def jwt_bearer(self, credentials: ClientCredentials, tenant: Tenant, assertion: str) -> TokenResponse:
        """Exchange a user's token for one that another service (whose credentials these are) accepts."""
        form = {"grant_type": JWT_BEARER, "assertion": assertion, "token_format": "jwt", "response_type": "token"}
        return await self._ask(credentials, tenant, form)

    async def _ask(
        self, credentials: ClientCredentials, tenant: Tenant, form: dict[str, str], repeatable: bool = True
    ) -> TokenResponse:
        subscriber = Subscriber(token_url(credentials, tenant), tenant)
        if self._unknown.get(subscriber):
            raise GatewayError(Failure.SUBSCRIBER_UNKNOWN)
        try:
            return await send(
                client_of(self._clients, credentials), _request(credentials, subscriber, form, repeatable)
            )
        except TokenRefused as refusal:
            if refusal.status != 404 or tenant.subdomain == credentials.identityzone:
                raise refusal.of_binding(credentials.service) if credentials.service else refusal from None
            self._unknown.put(subscriber, True, UNKNOWN_SECONDS)
            raise GatewayError(Failure.SUBSCRIBER_UNKNOWN) from None


def _request(
    credentials: ClientCredentials, subscriber: Subscriber, form: dict[str, str], repeatable: bool
) -> TokenRequest:
    tenant = subscriber.tenant
    headers = {"x-zid": tenant.id} if tenant.id and not tenant.subdomain else {}
    if credentials.uses_certificate:
        form = {**form, "client_id": credentials.client_id}
    else:
        # The UAA takes form-encoded credentials for what they are only where it is told that they are.
        headers["x-cf-encoded-credentials"] = "true"
    return TokenRequest(subscriber.token_url, form, headers, credentials, repeatable)
