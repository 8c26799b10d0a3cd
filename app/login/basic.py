"""Callers with name and password (`authenticationType: basic`): exchanged for a token with the password grant."""

from __future__ import annotations

import binascii
import hmac
import os
import time
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from app.bindings.credentials import XsuaaCredentials
from app.errors import Failure, GatewayError
from app.login.tenant import check_tenant
from app.principal import Tenant, UserToken
from app.tokens.expiring_map import ExpiringMap
from app.tokens.grants import Grants
from app.tokens.single_flight import SingleFlight
from app.tokens.token_response import TokenRefused
from app.tokens.verifier import Verifier

KEEP_SECONDS = 300.0
MAX_REMEMBERED = 10_000
MAX_HEADER = 4096
_CHALLENGE = ((b"www-authenticate", b'Basic realm="Login", charset="UTF-8"'),)


class Purpose(Enum):
    """Why a password is exchanged: a `basic` route wants it, or a service shows it for its user. What was cached for
    one serves no request of the other.
    """

    ROUTE = "route"
    SERVICE = "service"


@dataclass(frozen=True, slots=True)
class PasswordKey:
    """Names the token of a password: `digest` is made of tenant, user and password with a key of this process."""

    tenant: Tenant
    purpose: Purpose
    digest: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class UserPassword:
    """What an Authorization header of scheme Basic says (RFC 7617)."""

    user: str
    password: str = field(repr=False)


def challenge(reason: str = "") -> GatewayError:
    """The error that asks for name and password."""
    return GatewayError(Failure.BASIC_REQUIRED, reason, _CHALLENGE)


def parse_basic(header: str | None) -> UserPassword | None:
    """Read a header value; None when it is not of scheme Basic or malformed."""
    scheme, _, encoded = (header or "").strip().partition(" ")
    if scheme.lower() != "basic" or len(encoded) > MAX_HEADER:
        return None
    try:
        text = b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    user, colon, password = text.partition(":")
    return UserPassword(user, password) if colon and user else None


class PasswordLogin:
    """Tokens for names and passwords.

    A token is kept for five minutes at most, under a digest with a key of this process: passwords are not kept.
    """

    def __init__(
        self,
        credentials: XsuaaCredentials,
        grants: Grants,
        verifier: Verifier,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._credentials = credentials
        self._grants = grants
        self._verifier = verifier
        self._clock = clock
        self._digest_key = os.urandom(32)
        self._tokens: ExpiringMap[PasswordKey, UserToken] = ExpiringMap(MAX_REMEMBERED, clock)
        self._running: SingleFlight[PasswordKey, UserToken] = SingleFlight()

    async def token(self, header: str | None, tenant: Tenant, purpose: Purpose) -> UserToken:
        """The token of the user a header names. Raises `BASIC_REQUIRED` with a challenge, or like `Grants`."""
        given = parse_basic(header)
        if given is None:
            raise challenge()
        text = "\0".join((tenant.id, tenant.subdomain, given.user, given.password))
        key = PasswordKey(tenant, purpose, hmac.digest(self._digest_key, text.encode(), "sha256"))
        return self._tokens.get(key) or await self._running.run(key, lambda: self._log_in(key, given))

    async def _log_in(self, key: PasswordKey, given: UserPassword) -> UserToken:
        try:
            response = await self._grants.password(self._credentials, key.tenant, given.user, given.password)
        except TokenRefused as refusal:
            if refusal.is_about_us:
                raise
            raise challenge("user name or password is wrong") from None
        token = await self._verifier.verify_user(response.access_token)
        check_tenant(token.principal.tenant, key.tenant)
        self._tokens.put(key, token, min(KEEP_SECONDS, token.expires_at - self._clock()))
        return token
