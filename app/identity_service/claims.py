"""Claims of the identity service's tokens, and what they come to (protocols 3.3, 3.4). Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace

from app.bindings.credentials import IdentityCredentials
from app.identity_service.issuer import own_issuer, with_scheme
from app.principal import ServicePrincipal, Tenant, UserPrincipal, UserToken
from app.tokens.claims import Claims, decode_claims, refused, shared_tenant, string_list, text
from app.tokens.endpoints import is_zone

LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"


def check_audience(claims: Claims, client_id: str) -> None:
    """Refuse a token that is not meant for this client."""
    audience = claims.get("aud")
    if client_id not in ([audience] if isinstance(audience, str) else string_list(claims, "aud")):
        raise refused("the token is meant for another application")


def app_tid(claims: Claims) -> str:
    """The tenant a token names, empty when it names none."""
    return text(claims, "app_tid") or text(claims, "zone_uuid")


def tenant_of(claims: Claims, issuer: str, credentials: IdentityCredentials, own: Tenant) -> Tenant:
    """The tenant a token belongs to; `issuer` vouches for it.

    Without `app_tid` it is our own, provided that the issuer and `iss`, which may name a custom domain, are both the
    binding's. An application with one tenant knows no other.
    """
    named = app_tid(claims)
    if not named:
        said = with_scheme(text(claims, "iss"), credentials).rstrip("/")
        if {issuer.lower(), said.lower()} != {own_issuer(credentials).lower()}:
            raise refused("the token names no tenant")
        return own
    if not is_zone(named):
        raise refused("the token's tenant is malformed")
    return own if named in (own.id, credentials.app_tid) else shared_tenant(named, "")


def principal_of(claims: Claims, tenant: Tenant, issuer: str) -> UserPrincipal | ServicePrincipal:
    """Whom a token stands for. `sub` is unique at its issuer."""
    subject = text(claims, "sub")
    if not subject:
        raise refused("the token names nobody")
    client = text(claims, "azp")
    if text(claims, "sap_id_type") == "app" or subject == client:
        return ServicePrincipal(tenant, client or subject)
    return UserPrincipal(tenant, issuer, subject)


def check_same_user(token: UserToken, other: UserToken) -> None:
    """Refuse a token of somebody else. An application may have its own `sub` in id tokens; `user_uuid` is global."""
    if token.principal == other.principal:
        return
    uuid = text(decode_claims(token.value), "user_uuid")
    same_place = replace(token.principal, user_id="") == replace(other.principal, user_id="")
    if not uuid or not same_place or uuid != text(decode_claims(other.value), "user_uuid"):
        raise refused("the token belongs to somebody else")


def check_is_no_logout_token(claims: Claims) -> None:
    """A logout token is signed by the same keys for the same audience; it proves nothing about a caller."""
    if "events" in claims:
        raise refused("this is a logout token")


def login_names(claims: Claims, issuer: str) -> tuple[bytes, ...]:
    """Names of a login by which its end may be reported: session, then subject, as digests."""
    found = ((kind, text(claims, kind)) for kind in ("sid", "sub"))
    return tuple(_name(issuer, kind, value) for kind, value in found if value)


def _name(issuer: str, kind: str, value: str) -> bytes:
    return hashlib.sha256("\0".join((issuer, kind, value)).encode()).digest()


def check_logout_claims(claims: Claims) -> None:
    """Refuse what is not a logout token (OpenID Connect Back-Channel Logout 1.0, 2.4 and 2.6)."""
    events = claims.get("events")
    if not isinstance(events, Mapping) or not isinstance(events.get(LOGOUT_EVENT), Mapping):
        raise refused("this is no logout token")
    if "nonce" in claims:
        raise refused("a logout token has no nonce")
    if not text(claims, "sid") and not text(claims, "sub"):
        raise refused("the logout token names neither a session nor a user")
    if not text(claims, "jti"):
        raise refused("the logout token has no id")
