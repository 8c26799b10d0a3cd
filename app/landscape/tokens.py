"""What XSUAA writes into its tokens (protocols, section 2.3), and how a station checks a token it is shown (2.4)."""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, KeySetSerialization
from joserfc.jws import extract_compact

from app.landscape.keys import REGISTRY
from app.landscape.users import Tenant, User
from app.landscape.web_client import Unreachable, WebClient

CLOCK_SKEW_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token is issued for. `issued_at` and `validity` in seconds."""

    tenant: Tenant
    client_id: str
    instance_id: str
    grant_type: str
    scopes: tuple[str, ...]
    validity: int
    issued_at: int = field(default_factory=lambda: int(time.time()))
    az_attr: dict[str, Any] = field(default_factory=dict)


def user_claims(grant: Grant, user: User, base: str, auth_time: int, origin: str = "sap.default") -> dict[str, Any]:
    """The payload of a token that stands for a user; `base` is the tenant's XSUAA address."""
    return {
        **_common_claims(grant, base),
        "sub": grant.tenant.user_id(user),
        "user_id": grant.tenant.user_id(user),
        "user_uuid": user.global_id,
        "user_name": user.email,
        "email": user.email,
        "given_name": user.given_name,
        "family_name": user.family_name,
        "origin": origin,
        "auth_time": auth_time,
        "xs.user.attributes": user.attributes,
        "xs.system.attributes": {"xs.saml.groups": [], "xs.rolecollections": list(user.roles)},
    }


def client_claims(grant: Grant, base: str) -> dict[str, Any]:
    """The payload of a technical token: the client stands for itself."""
    return {**_common_claims(grant, base), "sub": grant.client_id, "authorities": list(grant.scopes)}


def audiences(scopes: tuple[str, ...]) -> list[str]:
    """The applications named by the scopes, in order: `shop!t9.Read` -> `shop!t9`, `openid` -> `openid`."""
    return list(dict.fromkeys(scope.rpartition(".")[0] or scope for scope in scopes))


def _common_claims(grant: Grant, base: str) -> dict[str, Any]:
    return {
        "iss": f"{base}/oauth/token",
        "zid": grant.tenant.zone_id,
        "aud": audiences(grant.scopes),
        "cid": grant.client_id,
        "client_id": grant.client_id,
        "azp": grant.client_id,
        "grant_type": grant.grant_type,
        "scope": list(grant.scopes),
        "iat": grant.issued_at,
        "exp": grant.issued_at + grant.validity,
        "jti": uuid.uuid4().hex,
        "rev_sig": uuid.uuid4().hex[:8],
        "ext_attr": {
            "enhancer": "XSUAA",
            "subaccountid": grant.tenant.subaccount_id,
            "zdn": grant.tenant.subdomain,
            "serviceinstanceid": grant.instance_id,
        },
        "az_attr": grant.az_attr,
    }


class TokenRefused(ValueError):
    """A token that must not be believed; the text says why and holds nothing of the token."""


def decode(token: str, keys: KeySet) -> dict[str, Any]:
    """The claims of a token signed by one of the keys and valid now. Raises TokenRefused."""
    try:
        claims = jwt.decode(token, keys, registry=REGISTRY).claims
    except (JoseError, ValueError) as error:
        raise TokenRefused(f"the token cannot be verified ({type(error).__name__})") from None
    expires = claims.get("exp")
    if not isinstance(expires, int) or expires + CLOCK_SKEW_SECONDS < time.time():
        raise TokenRefused("the token has expired")
    return dict(claims)


def unverified_issuer(token: str) -> str:
    """Who claims to have issued a token; empty when it is none."""
    try:
        claims = json.loads(extract_compact(token.encode(), registry=REGISTRY).payload)
    except (JoseError, ValueError):
        return ""
    return str(claims.get("iss", "")) if isinstance(claims, dict) else ""


class TokenVerifier:
    """Checks tokens of one XSUAA with the keys it publishes; unknown key ids make it fetch the keys anew.

    `uaa_url` is the address of XSUAA on its bare domain, from the station's own configuration: neither `jku` nor
    `iss` of a token is believed (protocols, section 2.4).
    """

    def __init__(self, uaa_url: str, client: WebClient | None = None) -> None:
        self._url = f"{uaa_url}/token_keys"
        self._client = client or WebClient()
        self._keys: KeySet | None = None

    async def verify(self, token: str) -> dict[str, Any]:
        """The claims of a good token. Raises TokenRefused."""
        try:
            keys = self._keys
            if keys is None or not _knows(keys, token):
                keys = self._keys = await self._fetch()
            return decode(token, keys)
        except Unreachable:
            raise TokenRefused("the token keys cannot be fetched") from None

    async def _fetch(self) -> KeySet:
        answer = await self._client.get(self._url)
        published: KeySetSerialization = answer.json()  # type: ignore[assignment]
        if answer.status != 200 or not published.get("keys"):
            raise TokenRefused("the token keys cannot be fetched")
        return KeySet.import_key_set(published)


def accepts_audience(claims: dict[str, Any], client_id: str, app_name: str) -> bool:
    """Whether a token is meant for an application (protocols, section 2.4: `aud`, else the token's own client)."""
    candidates = {str(entry).partition(".")[0] for entry in claims.get("aud", [])}
    if claims.get("cid") == client_id or not candidates.isdisjoint((client_id, app_name)):
        return True
    return "!b" in client_id and any(candidate.endswith(f"|{client_id}") for candidate in candidates)


def _knows(keys: KeySet, token: str) -> bool:
    try:
        kid = extract_compact(token.encode(), registry=REGISTRY).headers().get("kid")
    except (JoseError, ValueError):
        raise TokenRefused("the token is malformed") from None
    return any(key.kid == kid for key in keys.keys)
