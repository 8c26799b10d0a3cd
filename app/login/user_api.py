"""The user API (service `sap-approuter-userapi`): who is logged in, by the token and by what XSUAA adds. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum

from app.answer import Answer
from app.errors import Failure, GatewayError
from app.principal import KnownCaller, ServiceCaller, UserToken
from app.tokens.claims import Claims, decode_claims

_PROTOCOL_CLAIMS = frozenset({
    "iss", "ias_iss", "aud", "azp", "app_tid", "zone_uuid", "sub", "iat", "exp", "nbf", "jti", "nonce", "at_hash",
    "sid", "auth_time", "cnf", "sub_jwk", "acr", "amr", "ias_apis", "scim_id", "forward_corp_idp_token", "given_name",
    "family_name", "name", "mail", "first_name", "last_name",
})  # fmt: skip
"""Claims of the identity service that are about a login, prove something, or are in the main properties already."""


class Endpoint(StrEnum):
    """What can be asked for; the value is the path."""

    CURRENT_USER = "/currentUser"
    ATTRIBUTES = "/attributes"


def endpoint_of(method: str, path: str) -> Endpoint:
    """What a request asks for (`path` is the rewritten one, without query).

    Raises `NO_ROUTE` for another path, `METHOD_NOT_ALLOWED` for anything but GET and HEAD.
    """
    if path not in tuple(Endpoint):
        raise GatewayError(Failure.NO_ROUTE)
    if method not in ("GET", "HEAD"):
        raise GatewayError(Failure.METHOD_NOT_ALLOWED, headers=((b"allow", b"GET, HEAD"),))
    return Endpoint(path)


def token_for_user_info(endpoint: Endpoint, caller: KnownCaller) -> UserToken | None:
    """The token with which XSUAA is asked for a user's attributes; None where it is not.

    Tokens of the identity service have them in their claims.
    """
    if endpoint is not Endpoint.ATTRIBUTES or isinstance(caller, ServiceCaller) or caller.ias_token is not None:
        return None
    return caller.token


def user_api(endpoint: Endpoint, caller: KnownCaller, user_attributes: Mapping[str, object]) -> Answer:
    """The answer. `user_attributes` are those that XSUAA has told.

    Users are described as they logged in: by the identity service where it was there. An application that calls for
    itself is named by its client id, and has no other properties.
    """
    claims = _claims(caller)
    body = current_user(claims) if endpoint is Endpoint.CURRENT_USER else attributes(claims, user_attributes)
    return Answer(
        200,
        ((b"content-type", b"application/json; charset=utf-8"), (b"cache-control", b"no-store")),
        json.dumps({**body, "scopes": sorted(caller.token.scopes)}, ensure_ascii=False).encode(),
    )


def _claims(caller: KnownCaller) -> Claims:
    if isinstance(caller, ServiceCaller):
        return {"user_name": caller.principal.client_id}
    return decode_claims((caller.ias_token or caller.token).value)


def current_user(claims: Claims) -> dict[str, object]:
    """The main properties and a name to show."""
    user = _main_properties(claims)
    first, last, name = user["firstname"], user["lastname"], user["name"]
    return {**user, "displayName": f"{first} {last} ({name})" if first and last else name}


def attributes(claims: Claims, user_attributes: Mapping[str, object]) -> dict[str, object]:
    """The identity provider's attributes and the main properties, which win.

    The identity service adds the attributes configured for an application to the claims themselves.
    """
    if is_of_xsuaa(claims):
        return {**user_attributes, **_main_properties(claims)}
    custom = {name: value for name, value in claims.items() if name not in _PROTOCOL_CLAIMS}
    return {**custom, **_main_properties(claims)}


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
