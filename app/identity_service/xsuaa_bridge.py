"""From the identity service to XSUAA: users who log in there have scopes and destinations here (protocols 3.3)."""

from __future__ import annotations

from app.bindings.credentials import XsuaaCredentials
from app.principal import Tenant, UserToken
from app.tokens.claims import decode_claims, refused, text
from app.tokens.grants import Grants
from app.tokens.token_cache import TokenCache
from app.tokens.verifier import Verifier, user_token


class XsuaaBridge:
    """Asks the XSUAA that is bound beside the identity service; it has to trust the service's tenant."""

    def __init__(self, credentials: XsuaaCredentials, grants: Grants, tokens: TokenCache, verifier: Verifier) -> None:
        self._credentials = credentials
        self._grants = grants
        self._tokens = tokens
        self._verifier = verifier

    async def exchange(self, ias_token: UserToken, tenant: Tenant) -> UserToken:
        """The user's token of the tenant's XSUAA.

        Raises `TokenRefused`, XSUAA_UNAVAILABLE, or TOKEN_REFUSED when the two belong to different tenants.
        """
        response = await self._grants.jwt_bearer(self._credentials, tenant, ias_token.value)
        token = await self._verifier.verify_user(response.access_token)
        check_same_tenant(token, ias_token)
        return token

    async def exchange_again(self, ias_token: UserToken) -> UserToken:
        """Like `exchange`, for a token that comes with each request: what it was exchanged for is kept."""
        value = await self._tokens.exchanged(self._credentials, ias_token)
        token = user_token(await self._verifier.verify_again(value, fetched=True))
        check_same_tenant(token, ias_token)
        return token

    async def tenant_id(self, tenant: Tenant) -> str:
        """The id of a subscriber that is known by its subdomain alone: its XSUAA tells, in a token of our own."""
        token = await self._tokens.technical(self._credentials, tenant)
        return text(decode_claims(token), "zid")


def check_same_tenant(token: UserToken, ias_token: UserToken) -> None:
    """Refuse an exchange that has led into another tenant."""
    if token.principal.tenant.id != ias_token.principal.tenant.id:
        raise refused("the tokens belong to different tenants")
