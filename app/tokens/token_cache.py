"""Technical and exchanged tokens for the services we call, fetched once and kept while they live."""

from __future__ import annotations

from dataclasses import dataclass

from app.bindings.credentials import ClientCredentials
from app.principal import Tenant, UserPrincipal, UserToken
from app.tokens.grants import Grants
from app.tokens.token_keeper import TokenKeeper

MAX_TOKENS = 20_000


@dataclass(frozen=True, slots=True)
class TechnicalTokenKey:
    """Names the technical token of a client in a tenant."""

    authority: str
    client_id: str
    tenant: Tenant


@dataclass(frozen=True, slots=True)
class ExchangedTokenKey:
    """Names what one very token of one user was exchanged for: a renewed token is exchanged anew."""

    authority: str
    client_id: str
    principal: UserPrincipal
    fingerprint: str


TokenKey = TechnicalTokenKey | ExchangedTokenKey


class TokenCache:
    """Hands out access tokens; many who want the same one at the same time cause one request."""

    def __init__(self, grants: Grants, limit: int = MAX_TOKENS) -> None:
        self._grants = grants
        self._tokens: TokenKeeper[TokenKey] = TokenKeeper(limit)

    async def technical(self, credentials: ClientCredentials, tenant: Tenant) -> str:
        """A client-credentials token of these credentials in a tenant. Raises like `Grants`."""
        key = TechnicalTokenKey(_authority(credentials), credentials.client_id, tenant)
        return await self._tokens.get(key, lambda: self._grants.client_credentials(credentials, tenant))

    async def exchanged(self, credentials: ClientCredentials, token: UserToken) -> str:
        """The user's token exchanged for one of these credentials, in the user's tenant. Raises like `Grants`."""
        principal = token.principal
        key = ExchangedTokenKey(_authority(credentials), credentials.client_id, principal, token.fingerprint)
        return await self._tokens.get(key, lambda: self._grants.jwt_bearer(credentials, principal.tenant, token.value))

    def forget_technical(self, credentials: ClientCredentials, tenant: Tenant) -> None:
        """Drop a token that a service refused with 401: the next call fetches a new one."""
        self._tokens.discard(TechnicalTokenKey(_authority(credentials), credentials.client_id, tenant))

    def forget_exchanged(self, credentials: ClientCredentials, token: UserToken) -> None:
        """Drop an exchanged token that a service refused with 401."""
        key = ExchangedTokenKey(_authority(credentials), credentials.client_id, token.principal, token.fingerprint)
        self._tokens.discard(key)


def _authority(credentials: ClientCredentials) -> str:
    return credentials.certurl if credentials.uses_certificate else credentials.url
