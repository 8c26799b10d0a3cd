"""Whether a token is genuine, for us, and alive (protocols 2.4). What cannot be decided is refused."""

from __future__ import annotations

import hashlib
import re
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING

from app.bindings.credentials import XsuaaCredentials
from app.principal import ServicePrincipal, ServiceToken, Tenant, UserToken
from app.tokens.claims import (
    ANOTHER_TENANT,
    SKEW_SECONDS,
    Audience,
    Claims,
    check_issuer,
    check_times,
    decode_claims,
    decode_header,
    refused,
    scopes_of,
    tenant_of,
    text,
    user_of,
)
from app.tokens.endpoints import zone_keys
from app.tokens.expiring_map import ExpiringMap
from app.tokens.jwks import KeyStore

if TYPE_CHECKING:
    from joserfc.jwk import RSAKey

MAX_TOKEN = 32 * 1024
MAX_REMEMBERED = 10_000
_KEY_ID = re.compile(r"[A-Za-z0-9._:+=-]{1,128}")


VerifiedToken = UserToken | ServiceToken


class TokenVerifier(ABC):
    """Validates tokens of one authorization server."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._good: ExpiringMap[bytes, VerifiedToken] = ExpiringMap(MAX_REMEMBERED, clock)

    @abstractmethod
    async def verify(self, token: str, fetched: bool = False) -> VerifiedToken:
        """The token, validated. Raises `TOKEN_REFUSED`, or that the server is unavailable when keys cannot be had.

        Claims are judged before keys are looked for: a token that is not for us causes no request. What a caller shows
        may be invented all the same, and too much of that raises `TOO_MANY_UNKNOWN`; a token that we have `fetched`
        from the server ourselves never does.
        """

    async def verify_again(self, token: str, fetched: bool = False) -> VerifiedToken:
        """Like `verify`, for a token that comes with each request: a good one is remembered by digest until it ends.

        Tokens of sessions are not remembered here: the session holds them, and they come once.
        """
        digest = hashlib.sha256(token.encode("utf-8", "replace")).digest()
        known = self._good.get(digest)
        if known is None:
            known = await self.verify(token, fetched)
            self._good.put(digest, known, known.expires_at + SKEW_SECONDS - self._clock())
        return known

    async def verify_user(self, token: str) -> UserToken:
        """Like `verify`, for a token that we have fetched, and that has to be a user's."""
        return user_token(await self.verify(token, fetched=True))


class Verifier(TokenVerifier):
    """Validates access tokens of one XSUAA.

    A dedicated application has one tenant: where its binding names none, that of its first valid token.
    """

    def __init__(self, credentials: XsuaaCredentials, keys: KeyStore, clock: Callable[[], float] = time.time) -> None:
        super().__init__(clock)
        self._credentials = credentials
        self._audience = Audience(credentials.client_id, credentials.xsappname)
        self._keys = keys
        self._own = credentials.tenant

    async def verify(self, token: str, fetched: bool = False) -> VerifiedToken:
        """See `TokenVerifier`."""
        kid, claims = open_token(token)
        verified = self._judge(token, claims)
        tenant = verified.principal.tenant
        is_credible = fetched or tenant.id == self._own.id
        key = await self._keys.find(zone_keys(self._credentials, tenant.id), kid, is_credible)
        check_signature(token, key)
        if not self._credentials.is_shared:
            self._settle(tenant)
        return verified

    def _settle(self, tenant: Tenant) -> None:
        """Take the tenant for the application's own where none is named; refuse any other from then on."""
        if not self._own.is_named:
            self._own = tenant
        elif tenant != self._own:
            raise refused(ANOTHER_TENANT)

    def _judge(self, token: str, claims: Claims) -> VerifiedToken:
        expires_at = check_times(claims, self._clock())
        client_id = text(claims, "cid")
        if not client_id:
            raise refused("the token names no client")
        tenant = tenant_of(claims, self._credentials, self._own)
        check_issuer(claims, self._credentials)
        if not self._audience.accepts(claims):
            raise refused("the token is meant for another application")
        scopes = scopes_of(claims)
        user = user_of(claims, tenant)
        if user is None:
            return ServiceToken(ServicePrincipal(tenant, client_id), token, scopes, expires_at)
        return UserToken(user, token, scopes, expires_at)


def user_token(verified: VerifiedToken) -> UserToken:
    """The token if it is a user's; refuses a technical one."""
    if not isinstance(verified, UserToken):
        raise refused("the token names no user")
    return verified


def open_token(token: str) -> tuple[str, Claims]:
    """Key id and claims of a token nobody has verified yet. Raises `TOKEN_REFUSED`."""
    if len(token) > MAX_TOKEN or not token.isascii():
        raise refused("this is not a JSON Web Token")
    return key_id(decode_header(token)), decode_claims(token)


def check_signature(token: str, key: RSAKey) -> None:
    """Refuse a token that this key has not signed."""
    from app.tokens.signature import is_signed_by

    if not is_signed_by(token, key):
        raise refused("the token's signature is invalid")


def key_id(header: Claims) -> str:
    """The key id of a header we can verify: RS256 and nothing else, no address or path in place of an id."""
    if header.get("alg") != "RS256":
        raise refused("the token is not signed with RS256")
    kid = text(header, "kid")
    if "crit" in header or not _KEY_ID.fullmatch(kid):
        raise refused("the token's header is malformed")
    return kid
