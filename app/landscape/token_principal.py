"""Whom a token stands for, as the on-premise side reads its claims (protocols, 2.3 and 5.4)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

Claims = Mapping[str, Any]
Validate = Callable[[str], Awaitable[Claims]]
"""Checks a token (signature, expiry) and returns its claims; raises ValueError for one that must not be believed."""

USER_NAME_CLAIMS = ("user_name", "email", "mail", "user_uuid", "sub")
APPLICATION_NAME_CLAIMS = ("client_id", "cid", "sub", "azp")


class PrincipalKind(StrEnum):
    """What the backend is told about the caller."""

    NONE = "none"
    USER = "user"
    APPLICATION = "application"


@dataclass(frozen=True, slots=True)
class Principal:
    """Identity a request is propagated as; `name` goes into the certificate, `identity` tells equal names apart."""

    kind: PrincipalKind
    name: str = ""
    identity: str = ""


NOBODY = Principal(PrincipalKind.NONE)


def is_user_token(claims: Claims) -> bool:
    """Whether a token was issued for a user, not for an application."""
    return claims.get("grant_type") != "client_credentials" and any(claims.get(name) for name in USER_NAME_CLAIMS[:4])


def user_principal(claims: Claims) -> Principal:
    """The user of a token; raises ValueError when it names none."""
    name = _first(claims, USER_NAME_CLAIMS)
    unique = _first(claims, ("user_uuid", "user_id", "sub", *USER_NAME_CLAIMS))
    return Principal(PrincipalKind.USER, name, f"{claims.get('origin', '')}/{unique}")


def application_principal(claims: Claims) -> Principal:
    """The application (technical user) of a token; raises ValueError when it names none."""
    name = _first(claims, APPLICATION_NAME_CLAIMS)
    return Principal(PrincipalKind.APPLICATION, name, name)


def tenant_of(claims: Claims) -> str:
    """The tenant a token belongs to; raises ValueError without one."""
    return _first(claims, ("zid", "app_tid"))


def _first(claims: Claims, names: tuple[str, ...]) -> str:
    for name in names:
        value = claims.get(name)
        if isinstance(value, str) and value:
            return value
    raise ValueError(f"the token has none of the claims {', '.join(names)}")
