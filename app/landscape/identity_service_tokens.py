"""What the identity service writes into its tokens (protocols, sections 3.3 and 3.4)."""

from __future__ import annotations

import hashlib
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from typing import Any

from app.landscape.identity_service_client import IdentityClient
from app.landscape.identity_service_state import IdentitySession
from app.landscape.users import Tenant

LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"


def user_claims(
    issuer: str,
    client: IdentityClient,
    tenant: Tenant,
    session: IdentitySession,
    audience: Sequence[str],
    nonce: str = "",
) -> dict[str, Any]:
    """The payload of a token that stands for a user."""
    user = session.login.user
    claims = {
        **_common(issuer, client, tenant, audience),
        "sub": user.global_id,
        "user_uuid": user.global_id,
        "scim_id": user.global_id,
        "sap_id_type": "user",
        "email": user.email,
        "email_verified": True,
        "given_name": user.given_name,
        "family_name": user.family_name,
        "groups": list(user.roles),
        "sid": session.sid,
        "auth_time": session.login.auth_time,
    }
    return claims | {"nonce": nonce} if nonce else claims


def access_token_hash(token: str) -> str:
    """What an id token says of the access token beside it (OpenID Connect Core 1.0, 3.1.3.6)."""
    half = hashlib.sha256(token.encode()).digest()[:16]
    return urlsafe_b64encode(half).rstrip(b"=").decode()


def client_claims(issuer: str, client: IdentityClient, tenant: Tenant, audience: Sequence[str]) -> dict[str, Any]:
    """The payload of a technical token."""
    return {**_common(issuer, client, tenant, audience), "sub": client.client_id, "sap_id_type": "app"}


def logout_claims(issuer: str, client_id: str, session: IdentitySession, by_session: bool = True) -> dict[str, Any]:
    """The payload of a logout token; without `by_session` it names the user alone."""
    now = int(time.time())
    claims: dict[str, Any] = {
        "iss": issuer,
        "aud": client_id,
        "iat": now,
        "exp": now + 120,
        "jti": uuid.uuid4().hex,
        "events": {LOGOUT_EVENT: {}},
        "sub": session.login.user.global_id,
    }
    return claims | {"sid": session.sid} if by_session else claims


def _common(issuer: str, client: IdentityClient, tenant: Tenant, audience: Sequence[str]) -> dict[str, Any]:
    now = int(time.time())
    return {
        "iss": issuer,
        "ias_iss": issuer,
        "aud": audience[0] if len(audience) == 1 else list(audience),
        "azp": client.client_id,
        "app_tid": tenant.zone_id,
        "iat": now,
        "exp": now + client.token_validity,
        "jti": uuid.uuid4().hex,
    }
