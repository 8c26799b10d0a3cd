"""Claims of XSUAA tokens: reading what was verified, and deciding whether claims make a token ours (protocols 2.3)."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from app.bindings.credentials import XsuaaCredentials
from app.errors import Failure, GatewayError
from app.principal import Tenant, UserPrincipal
from app.tokens.endpoints import is_label, is_zone

Claims = Mapping[str, Any]
SKEW_SECONDS = 60
ANOTHER_TENANT = "the token belongs to another tenant"


def decode_claims(token: str) -> Claims:
    """The claims of a token that was verified before (sessions keep the token only, to stay small).

    Raises `TOKEN_REFUSED` when this is no JWT.
    """
    return _decode_object(token, 1)


def decode_header(token: str) -> Claims:
    """The protected header, unverified. Raises `TOKEN_REFUSED`."""
    return _decode_object(token, 0)


def _decode_object(token: str, index: int) -> Claims:
    parts = token.split(".")
    try:
        part = parts[index] if len(parts) == 3 else ""
        value = json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, RecursionError):
        raise refused("this is not a JSON Web Token") from None
    if not isinstance(value, dict):
        raise refused("this is not a JSON Web Token")
    return value


def refused(reason: str) -> GatewayError:
    """The error of a token that is not accepted."""
    return GatewayError(Failure.TOKEN_REFUSED, reason)


@dataclass(frozen=True, slots=True)
class Audience:
    """Who we are in `aud` and `cid`: client id and application name."""

    client_id: str
    xsappname: str

    def accepts(self, claims: Claims) -> bool:
        """The rule of the official libraries (protocols 2.4)."""
        if text(claims, "cid") == self.client_id:
            return True
        candidates = audience_candidates(claims)
        own = {self.client_id, self.xsappname} - {""}
        brokers = tuple(f"|{name}" for name in own if "!b" in name)
        return bool(own & candidates) or any(c.endswith(brokers) for c in candidates if brokers)


def audience_candidates(claims: Claims) -> set[str]:
    """`aud` entries up to the first dot; without any, the prefixes of the scopes and the client id."""
    audience = claims.get("aud")
    entries = [audience] if isinstance(audience, str) else string_list(claims, "aud")
    candidates = {entry.partition(".")[0].strip() for entry in entries} - {""}
    if candidates:
        return candidates
    prefixes = {scope.partition(".")[0].strip() for scope in string_list(claims, "scope") if "." in scope}
    return (prefixes | {text(claims, "cid")}) - {""}


def check_times(claims: Claims, now: float) -> int:
    """`exp` in epoch seconds; refuses what has ended or not begun, with 60 s of tolerance for clocks."""
    expires = _epoch(claims, "exp")
    if expires is None:
        raise refused("the token has no expiry")
    if expires + SKEW_SECONDS <= now:
        raise refused("the token has expired")
    for name in ("nbf", "iat"):
        if name in claims and (begins := _epoch(claims, name)) is not None and begins - SKEW_SECONDS > now:
            raise refused("the token is not valid yet")
    return expires


def check_issuer(claims: Claims, credentials: XsuaaCredentials) -> None:
    """An issuer outside our authorization server's domain is refused.

    The keys decide already; this keeps what was signed for something else out. Old landscapes wrote a name below
    `.localhost` there, which can be nobody else's.
    """
    issuer = claims.get("iss")
    if issuer is None:
        return
    host = _host(issuer) if isinstance(issuer, str) else None
    domain = _host(f"//{credentials.uaadomain}")
    if not host or not domain:
        raise refused("the issuer is unknown")
    if host not in (domain, _host(credentials.url)) and not host.endswith((f".{domain}", ".localhost")):
        raise refused("the issuer is unknown")


def _host(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def tenant_of(claims: Claims, credentials: XsuaaCredentials, own: Tenant) -> Tenant:
    """The tenant a token belongs to: `zid` decides, never `iss`. A dedicated application knows only its `own`, which
    is not named before the first token where the binding does not say.
    """
    zone = text(claims, "zid")
    if not is_zone(zone):
        raise refused("the token names no tenant")
    if zone == own.id:
        return shared_tenant(zone, own.subdomain)
    if not credentials.is_shared:
        if own.is_named:
            raise refused(ANOTHER_TENANT)
        return shared_tenant(zone, "")
    extension = claims.get("ext_attr")
    subdomain = text(extension, "zdn") if isinstance(extension, Mapping) else ""
    return shared_tenant(zone, subdomain if is_label(subdomain) else "")


@lru_cache(maxsize=4096)
def shared_tenant(zone: str, subdomain: str) -> Tenant:
    """Equal tenants are one object: a session holds a reference only, and comparing is quick."""
    return Tenant(zone, subdomain)


def user_of(claims: Claims, tenant: Tenant) -> UserPrincipal | None:
    """The user of a token, or None for a technical token. A user nobody can tell apart is refused."""
    if claims.get("grant_type") == "client_credentials":
        return None
    user_id = text(claims, "user_id")
    if not user_id:
        raise refused("the token names no user")
    return UserPrincipal(tenant, text(claims, "origin"), user_id)


def scopes_of(claims: Claims) -> frozenset[str]:
    """The scopes; equal sets are one object."""
    return _scopes(tuple(string_list(claims, "scope")))


@lru_cache(maxsize=1024)
def _scopes(names: tuple[str, ...]) -> frozenset[str]:
    return frozenset(names)


def string_list(claims: Claims, name: str) -> list[str]:
    """A claim that is a list of strings, empty when it is missing; another type refuses the token."""
    value = claims.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise refused(f"the claim {name} is malformed")
    return value


def text(claims: Claims, name: str) -> str:
    """A claim that is a string, empty when it is missing; another type refuses the token."""
    value = claims.get(name, "")
    if not isinstance(value, str):
        raise refused(f"the claim {name} is malformed")
    return value


def _epoch(claims: Claims, name: str) -> int | None:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1 << 53:
        if name in claims:
            raise refused(f"the claim {name} is malformed")
        return None
    return int(value)
