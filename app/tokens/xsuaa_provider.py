"""Login with XSUAA (protocols 2.2, 2.5)."""

from __future__ import annotations

from urllib.parse import urlencode

from app.bindings.credentials import XsuaaCredentials
from app.principal import Tenant, UserCaller
from app.tokens.endpoints import browser_base_url, zone_keys
from app.tokens.grants import Grants
from app.tokens.identity_provider import Login, LoginRequest, pkce
from app.tokens.jwks import KeyStore
from app.tokens.key_source import KeySource
from app.tokens.token_response import TokenResponse
from app.tokens.verifier import Verifier


class XsuaaProvider:
    """See `IdentityProvider`."""

    def __init__(self, credentials: XsuaaCredentials, grants: Grants, verifier: Verifier, keys: KeyStore) -> None:
        self._credentials = credentials
        self._grants = grants
        self._verifier = verifier
        self._keys = keys

    async def authorize_url(self, login: LoginRequest, state: str) -> str:
        """See `IdentityProvider`. Raises BAD_REQUEST for a tenant that is no DNS label."""
        query = {
            "response_type": "code",
            "client_id": self._credentials.client_id,
            "redirect_uri": login.redirect_uri,
            "state": state,
            **pkce(login.code_verifier),
        }
        if login.identity_provider:
            query["idp"] = login.identity_provider
        return f"{browser_base_url(self._credentials, login.tenant)}/oauth/authorize?{urlencode(query)}"

    async def redeem(self, login: LoginRequest, code: str) -> Login:
        """See `IdentityProvider`."""
        return await self._login(
            await self._grants.authorization_code(
                self._credentials, login.tenant, code, login.redirect_uri, login.code_verifier
            )
        )

    async def renew(self, caller: UserCaller, refresh_token: str) -> Login:
        """See `IdentityProvider`."""
        return await self._login(await self._grants.refresh_token(self._credentials, caller.tenant, refresh_token))

    async def logout_url(self, tenant: Tenant, page: str, caller: UserCaller | None) -> str:
        """See `IdentityProvider`."""
        query = {"client_id": self._credentials.client_id}
        if page:
            query["redirect"] = page
        return f"{browser_base_url(self._credentials, tenant)}/logout.do?{urlencode(query)}"

    async def prime(self) -> bool:
        """See `IdentityProvider`."""
        await self._keys.prime(self._own_keys)
        return self._keys.reachable

    @property
    def has_own_key(self) -> bool:
        """See `IdentityProvider`."""
        from app.tokens.signature import parse_pem

        return parse_pem(self._credentials.verificationkey) is not None and not self._keys.refuses(self._own_keys)

    @property
    def _own_keys(self) -> KeySource:
        return zone_keys(self._credentials, self._credentials.tenant.id)

    async def _login(self, response: TokenResponse) -> Login:
        token = await self._verifier.verify_user(response.access_token)
        return Login(UserCaller(token), response.refresh_token)
