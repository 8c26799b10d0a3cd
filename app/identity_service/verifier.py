"""Whether a token of the identity service is genuine, for us, and alive (protocols 3.3, 3.4)."""

from __future__ import annotations

import hmac
import re
import time
from collections.abc import Callable
from dataclasses import dataclass

from app.bindings.credentials import IdentityCredentials
from app.identity_service.claims import (
    app_tid,
    check_audience,
    check_is_no_logout_token,
    check_logout_claims,
    login_names,
    principal_of,
    tenant_of,
)
from app.identity_service.discovery import Discovery
from app.identity_service.issuer import own_issuer, trusted_issuer
from app.principal import ServiceToken, Tenant, UserPrincipal, UserToken
from app.tokens.claims import SKEW_SECONDS, Claims, check_times, refused, text
from app.tokens.jwks import KeyStore
from app.tokens.key_source import KeySource
from app.tokens.verifier import TokenVerifier, VerifiedToken, check_signature, open_token

LOGOUT_SECONDS = 300
LOGOUT_MEMORY = LOGOUT_SECONDS + 2 * SKEW_SECONDS
"""Seconds after which no logout token that has been seen can be fresh any more."""
_HEADER_SAFE = re.compile(r"[\x21-\x7e]{0,256}")


@dataclass(frozen=True, slots=True)
class VerifiedLogin:
    """A user's token, and the names by which the end of the login may be reported."""

    token: UserToken
    names: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class EndedLogin:
    """What a logout token says: all of the `names` are those of the login; `token_id` is the token's own.

    `is_one`: the first of the names is that of a single login (`sid`), else all logins of a user have ended until now.
    """

    token_id: str
    names: tuple[bytes, ...]
    is_one: bool


class IdentityVerifier(TokenVerifier):
    """Validates id tokens, access tokens and logout tokens for one binding. `own` is the application's tenant."""

    def __init__(
        self,
        credentials: IdentityCredentials,
        own: Tenant,
        discovery: Discovery,
        keys: KeyStore,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(clock)
        self._credentials = credentials
        self._own = own
        self._discovery = discovery
        self._keys = keys

    async def verify(self, token: str, fetched: bool = False) -> VerifiedToken:
        """See `TokenVerifier`."""
        kid, claims = open_token(token)
        verified = self._judge(token, claims)
        await self._check_key(token, kid, claims, fetched)
        return verified

    async def verify_login(self, token: str, nonce: str = "") -> VerifiedLogin:
        """A token that we have fetched for a login, or for its renewal (which has no nonce to compare)."""
        kid, claims = open_token(token)
        verified = self._judge(token, claims)
        if not isinstance(verified, UserToken):
            raise refused("the token names no user")
        if nonce and not hmac.compare_digest(text(claims, "nonce").encode(), nonce.encode()):
            raise refused("the token belongs to another login")
        await self._check_key(token, kid, claims, fetched=True)
        return VerifiedLogin(verified, login_names(claims, trusted_issuer(claims, self._credentials)))

    async def verify_logout(self, token: str) -> EndedLogin:
        """The login that a logout token ends. Raises like `verify`."""
        kid, claims = open_token(token)
        issuer = trusted_issuer(claims, self._credentials)
        check_audience(claims, self._credentials.client_id)
        check_logout_claims(claims)
        self._check_fresh(claims)
        await self._check_key(token, kid, claims)
        is_one = text(claims, "sid") != ""
        return EndedLogin(f"{issuer} {text(claims, 'jti')}", login_names(claims, issuer), is_one)

    def own_keys(self, jwks_uri: str) -> KeySource:
        """The keys of our own tenant."""
        return self._source(jwks_uri, self._credentials.app_tid, self._credentials.client_id)

    def _judge(self, token: str, claims: Claims) -> VerifiedToken:
        expires_at = check_times(claims, self._clock())
        issuer = trusted_issuer(claims, self._credentials)
        check_audience(claims, self._credentials.client_id)
        check_is_no_logout_token(claims)
        principal = principal_of(claims, tenant_of(claims, issuer, self._credentials, self._own), issuer)
        if isinstance(principal, UserPrincipal):
            return UserToken(principal, token, frozenset(), expires_at)
        return ServiceToken(principal, token, frozenset(), expires_at)

    def _check_fresh(self, claims: Claims) -> None:
        """A logout token is used at once; `exp` is checked where there is one."""
        issued = claims.get("iat")
        now = self._clock()
        if not isinstance(issued, int) or not now - LOGOUT_SECONDS - SKEW_SECONDS < issued < now + SKEW_SECONDS:
            raise refused("the logout token is not fresh")
        if "exp" in claims:
            check_times(claims, now)

    async def _check_key(self, token: str, kid: str, claims: Claims, fetched: bool = False) -> None:
        """The keys the issuer hands out for this pair of client and tenant; a refusal to do so refuses the token."""
        issuer = trusted_issuer(claims, self._credentials)
        from_us = issuer == own_issuer(self._credentials).lower()
        endpoints = await self._discovery.endpoints(issuer, fetched or from_us)
        own = self.own_keys(endpoints.keys)
        azp = text(claims, "azp") or self._credentials.client_id
        source = self._source(endpoints.keys, app_tid(claims) or self._credentials.app_tid, azp)
        is_credible = fetched or (from_us and source == own)
        check_signature(token, await self._keys.find(source, kid, is_credible))

    def _source(self, jwks_uri: str, tenant: str, azp: str) -> KeySource:
        headers = (("x-client_id", self._credentials.client_id), ("x-app_tid", tenant), ("x-azp", azp))
        if not all(_HEADER_SAFE.fullmatch(value) for _, value in headers):
            raise refused("the token's client or tenant is malformed")
        return KeySource(jwks_uri, tuple(pair for pair in headers if pair[1]))
