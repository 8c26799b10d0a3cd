"""Login with the identity service (protocols 3.2); scopes come from an XSUAA where one is bound too."""

from __future__ import annotations

import logging

from app.bindings.credentials import IdentityCredentials
from app.errors import Failure, GatewayError
from app.identity_service.claims import check_same_user
from app.identity_service.discovery import Discovery, Endpoints, with_query
from app.identity_service.grants import IdentityGrants
from app.identity_service.issuer import own_issuer
from app.identity_service.verifier import IdentityVerifier, VerifiedLogin
from app.identity_service.xsuaa_bridge import XsuaaBridge
from app.principal import Tenant, UserCaller, UserToken
from app.tokens.authority import IDENTITY_SERVICE
from app.tokens.identity_provider import Login, LoginRequest, pkce
from app.tokens.jwks import KeyStore
from app.tokens.token_response import TokenRefused, TokenResponse

log = logging.getLogger("gangway.tokens")

SCOPES = ("openid", "email", "profile", "groups", "offline_access")


class IdentityServiceProvider:
    """See `IdentityProvider`. `bridge` is None where no XSUAA is bound: then the user's token is the service's own.

    That token is the id token: it always is a JSON Web Token for us, and the only one the service exchanges. Backends
    see the access token beside it, where that proves the same.
    `token_hint` (`LOGOUT_WITH_TOKEN_HINT`): log out with the token instead of the tenant.
    """

    def __init__(
        self,
        credentials: IdentityCredentials,
        discovery: Discovery,
        grants: IdentityGrants,
        verifier: IdentityVerifier,
        keys: KeyStore,
        bridge: XsuaaBridge | None = None,
        token_hint: bool = False,
    ) -> None:
        self._credentials = credentials
        self._discovery = discovery
        self._grants = grants
        self._verifier = verifier
        self._keys = keys
        self._bridge = bridge
        self._token_hint = token_hint

    async def authorize_url(self, login: LoginRequest, state: str) -> str:
        """See `IdentityProvider`."""
        endpoints = await self._endpoints()
        query = {
            "response_type": "code",
            "client_id": self._credentials.client_id,
            "redirect_uri": login.redirect_uri,
            "scope": " ".join(scope for scope in SCOPES if endpoints.scopes is None or scope in endpoints.scopes),
            "state": state,
            "nonce": login.nonce,
            **pkce(login.code_verifier),
            "idp": login.identity_provider,
            "app_tid": await self.app_tid(login.tenant),
        }
        return with_query(endpoints.authorization, query)

    async def redeem(self, login: LoginRequest, code: str) -> Login:
        """See `IdentityProvider`."""
        app_tid = await self.app_tid(login.tenant)
        response = await self._grants.authorization_code(
            app_tid, code, login.redirect_uri, login.code_verifier, login.reports
        )
        verified = await self._verifier.verify_login(_user_token(response), login.nonce)
        return await self._login(verified, response, login.tenant)

    async def renew(self, caller: UserCaller, refresh_token: str) -> Login:
        """See `IdentityProvider`."""
        response = await self._grants.refresh_token(await self.app_tid(caller.tenant), refresh_token)
        return await self._login(await self._verifier.verify_login(_user_token(response)), response, caller.tenant)

    async def logout_url(self, tenant: Tenant, page: str, caller: UserCaller | None) -> str:
        """See `IdentityProvider`."""
        query = {"client_id": self._credentials.client_id, "post_logout_redirect_uri": page}
        if self._token_hint and caller is not None and caller.ias_token is not None:
            query["id_token_hint"] = caller.ias_token.value
        else:
            query["app_tid"] = await self.app_tid(caller.tenant if caller is not None else tenant)
        return with_query((await self._endpoints()).end_session, query)

    async def prime(self) -> bool:
        """See `IdentityProvider`."""
        await self._keys.prime(self._verifier.own_keys((await self._endpoints()).keys))
        return self._keys.reachable

    @property
    def has_own_key(self) -> bool:
        """See `IdentityProvider`: its bindings have none."""
        return False

    async def app_tid(self, tenant: Tenant) -> str:
        """How a tenant is named to the service; nothing for an application that has one only."""
        if not self._credentials.app_tid:
            return ""
        if not tenant.id and self._bridge is not None:
            return await self._bridge.tenant_id(tenant)
        return tenant.id

    async def _login(self, verified: VerifiedLogin, response: TokenResponse, tenant: Tenant) -> Login:
        ias_token = verified.token
        access_token = await self._access_token(response.access_token, ias_token)
        token = ias_token if self._bridge is None else await self._bridge.exchange(ias_token, tenant)
        return Login(UserCaller(token, ias_token, access_token), response.refresh_token, verified.names)

    async def _access_token(self, value: str, ias_token: UserToken) -> UserToken | None:
        """The access token of a login, None where it is opaque, refused, or the id token itself."""
        if value == ias_token.value or not _is_jwt(value):
            return None
        try:
            token = await self._verifier.verify_user(value)
            check_same_user(token, ias_token)
        except GatewayError as error:
            if error.failure is not Failure.TOKEN_REFUSED:
                raise
            log.warning("access token not forwarded, but the id token", extra={"fields": {"reason": error.detail}})
            return None
        return token

    async def _endpoints(self) -> Endpoints:
        return await self._discovery.endpoints(own_issuer(self._credentials))


def _user_token(response: TokenResponse) -> str:
    token = response.id_token or response.access_token
    if not _is_jwt(token):
        raise TokenRefused("opaque_token", "the service issued no JSON Web Token for the user", IDENTITY_SERVICE)
    return token


def _is_jwt(token: str) -> bool:
    return token.count(".") == 2
