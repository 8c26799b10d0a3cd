"""The user API (service `sap-approuter-userapi`): who is logged in, from the token's claims. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping

from app.answer import Answer
from app.errors import Failure, GatewayError
from app.principal import ServiceToken, UserToken
from app.tokens.claims import Claims, decode_claims

_PROTOCOL_CLAIMS = frozenset({
    "iss", "ias_iss", "aud", "azp", "azp_app_tid", "app_tid", "zone_uuid", "sub", "iat", "exp", "nbf", "jti",
    "nonce", "at_hash", "sid", "auth_time", "cnf", "acr", "amr", "sap_id_type", "ias_apis", "scim_id", "user_uuid",
    "email_verified", "forward_corp_idp_token", "given_name", "family_name", "name", "mail", "first_name",
    "last_name", "preferred_username",
})  # fmt: skip
"""Claims of the identity service that say nothing about a user, or what the main properties say already."""


def user_api(method: str, path: str, token: UserToken | ServiceToken) -> Answer:
    """Answer `/currentUser` or `/attributes` (`path` is the rewritten one, without query).

    An application that calls for itself is named by its client id, and has no other properties.
    Raises `NO_ROUTE` for another path, `METHOD_NOT_ALLOWED` for anything but GET and HEAD.
    """
    if path not in ("/currentUser", "/attributes"):
        raise GatewayError(Failure.NO_ROUTE)
    if method not in ("GET", "HEAD"):
        raise GatewayError(Failure.METHOD_NOT_ALLOWED, headers=((b"allow", b"GET, HEAD"),))
    claims = decode_claims(token.value)
    if isinstance(token, ServiceToken):
        claims = {"user_name": token.principal.client_id}
    body = current_user(claims) if path == "/currentUser" else attributes(claims)
    if is_of_xsuaa(claims) or isinstance(token, ServiceToken):
        body["scopes"] = sorted(token.scopes)
    return Answer(
        200,
        ((b"content-type", b"application/json; charset=utf-8"), (b"cache-control", b"no-store")),
        json.dumps(body, ensure_ascii=False).encode(),
    )


def current_user(claims: Claims) -> dict[str, object]:
    """The main properties and a name to show."""
    user = _main_properties(claims)
    name = " ".join(part for part in (user["firstname"], user["lastname"]) if part)
    shown = f"{name} ({user['email']})" if name and user["email"] else name or user["name"]
    return {**user, "displayName": shown}


def attributes(claims: Claims) -> dict[str, object]:
    """The identity provider's attributes and the main properties, which win.

    The identity service adds the attributes configured for an application to the claims themselves.
    """
    if not is_of_xsuaa(claims):
        custom = {name: value for name, value in claims.items() if name not in _PROTOCOL_CLAIMS}
        return {**custom, **_main_properties(claims)}
    container = claims.get("ext_cxt")
    source = container if isinstance(container, Mapping) else claims
    found = source.get("xs.user.attributes")
    return {**(found if isinstance(found, Mapping) else {}), **_main_properties(claims)}


def _main_properties(claims: Claims) -> dict[str, str]:
    extension = claims.get("ext_attr")
    outer = extension if isinstance(extension, Mapping) else {}
    return {
        "firstname": _first(outer.get("given_name"), claims.get("given_name"), claims.get("first_name")),
        "lastname": _first(outer.get("family_name"), claims.get("family_name"), claims.get("last_name")),
        "email": _first(claims.get("email"), claims.get("mail")),
        "name": _first(claims.get("user_name"), "" if is_of_xsuaa(claims) else claims.get("sub")),
    }


def is_of_xsuaa(claims: Claims) -> bool:
    """Whether claims are XSUAA's; the identity service's are named differently."""
    return "iss" not in claims or "zid" in claims


def _first(*values: object) -> str:
    """The first text that is not empty."""
    return next((value for value in values if isinstance(value, str) and value), "")
