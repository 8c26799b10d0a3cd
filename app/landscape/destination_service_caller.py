"""Who asks the Destination service, for whom: its header rules (protocols, sections 4.2 and 4.6)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import KeySet, KeySetSerialization

from app.landscape.destination_service_records import Properties
from app.landscape.tokens import TokenRefused, TokenVerifier, accepts_audience, decode
from app.landscape.users import Tenant, tenant_by_subdomain, tenant_by_zone


class FindRefused(Exception):
    """The call itself is wrong: HTTP status and what the `ErrorMessage` says."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass(frozen=True, slots=True)
class UserToken:
    """A checked user token with its claims."""

    text: str
    claims: Mapping[str, Any]

    @property
    def tenant(self) -> Tenant | None:
        """The tenant of the user; None for a foreign token."""
        return tenant_by_zone(str(self.claims.get("zid", "")))

    @property
    def name(self) -> str:
        """The user's name as the token has it."""
        return str(self.claims.get("user_name") or self.claims.get("email") or self.claims.get("sub", ""))


@dataclass(frozen=True, slots=True)
class Caller:
    """The tenant whose destinations are asked for, and the user (if any) tokens are to be got for."""

    tenant: Tenant
    user: UserToken | None
    headers: Mapping[str, str]

    def token_tenant(self) -> Tenant | None:
        """The tenant a `Common` token service URL is completed with; None when nobody named one."""
        if self.user:
            return self.user.tenant
        name = self.headers.get("x-tenant", "")
        return tenant_by_subdomain(name) if name else None

    def needed(self, header: str) -> str:
        """A header this destination cannot do without. Raises FindRefused 400."""
        value = self.headers.get(header, "")
        if not value:
            raise FindRefused(400, f"The header {header} is missing")
        return value


async def authenticated(headers: Mapping[str, str], verifier: TokenVerifier, client_id: str, app_name: str) -> Caller:
    """The caller by the Authorization header alone. Raises FindRefused 401."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise FindRefused(401, "Missing or malformed Authorization header")
    try:
        claims = await verifier.verify(token.strip())
    except TokenRefused as refused:
        raise FindRefused(401, f"Unauthorized: {refused}") from None
    tenant = tenant_by_zone(str(claims.get("zid", "")))
    if tenant is None or not accepts_audience(claims, client_id, app_name):
        raise FindRefused(401, "Unauthorized: the token is not meant for this service instance")
    technical = claims.get("grant_type") == "client_credentials"
    return Caller(tenant, None if technical else UserToken(token.strip(), claims), headers)


async def with_named_user(caller: Caller, properties: Properties, verifier: TokenVerifier) -> Caller:
    """The caller, `X-user-token` outranking the Authorization header. Raises FindRefused 400 or 401."""
    token = caller.headers.get("x-user-token", "")
    if not token:
        return caller
    if caller.headers.get("x-tenant"):
        raise FindRefused(400, "The headers X-user-token and X-tenant must not be used together")
    try:
        return Caller(caller.tenant, await _checked_user(token, properties, verifier), caller.headers)
    except TokenRefused as refused:
        raise FindRefused(401, f"The token in X-user-token is not valid: {refused}") from None


async def _checked_user(token: str, properties: Properties, verifier: TokenVerifier) -> UserToken:
    own_keys = properties.get("x_user_token.jwks")
    if own_keys:
        return UserToken(token, decode(token, _key_set(own_keys)))
    claims = await verifier.verify(token)
    if tenant_by_zone(str(claims.get("zid", ""))) is None or claims.get("grant_type") == "client_credentials":
        raise TokenRefused("it stands for no user of a tenant")
    return UserToken(token, claims)


def _key_set(text: str) -> KeySet:
    try:
        published: KeySetSerialization = json.loads(text)
        return KeySet.import_key_set(published)
    except (ValueError, KeyError, TypeError, JoseError):
        raise FindRefused(400, "The property x_user_token.jwks holds no key set") from None
