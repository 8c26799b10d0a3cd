"""The user API (service `sap-approuter-userapi`): who is logged in, from the token's claims. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping

from app.answer import Answer
from app.errors import Failure, GatewayError
from app.principal import ServiceToken, UserToken
from app.tokens.claims import Claims, decode_claims


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
    """The identity provider's attributes and the main properties, which win."""
    container = claims.get("ext_cxt")
    source = container if isinstance(container, Mapping) else claims
    found = source.get("xs.user.attributes")
    return {**(found if isinstance(found, Mapping) else {}), **_main_properties(claims)}


def _main_properties(claims: Claims) -> dict[str, str]:
    extension = claims.get("ext_attr")
    outer = extension if isinstance(extension, Mapping) else {}
    return {
        "firstname": _text(outer.get("given_name")) or _text(claims.get("given_name")),
        "lastname": _text(outer.get("family_name")) or _text(claims.get("family_name")),
        "email": _text(claims.get("email")),
        "name": _text(claims.get("user_name")),
    }


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
