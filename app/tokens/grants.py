"""The grants of an XSUAA, one method each (protocols 2.2; RFC 6749, RFC 7523, RFC 7636, RFC 8705).

Clients with a secret authenticate with HTTP Basic; X.509 clients call the mTLS twin and name themselves in the body.
"""

from __future__ import annotations

from collections.abc import Mapping

from app.bindings.credentials import ClientCredentials
from app.clients import PlatformClients
from app.principal import Tenant
from app.tokens.endpoints import token_url
from app.tokens.token_request import TokenRequest, client_of, send
from app.tokens.token_response import TokenResponse

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"


class Grants:
    """Token requests. All raise `TokenRefused` (an OAuth error came back) or `XSUAA_UNAVAILABLE`."""

    def __init__(self, clients: PlatformClients) -> None:
        self._clients = clients

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
        if credentials.uses_certificate:
            form["client_id"] = credentials.client_id
        headers = {"x-zid": tenant.id} if tenant.id and not tenant.subdomain else {}
        if not credentials.uses_certificate:
            # The UAA takes form-encoded credentials for what they are only where it is told that they are.
            headers["x-cf-encoded-credentials"] = "true"
        request = TokenRequest(token_url(credentials, tenant), form, headers, credentials, repeatable)
        return await send(client_of(self._clients, credentials), request)
