"""Issuing: which scopes somebody gets, and the answer of the token endpoint that carries the tokens."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from app.landscape.faults import Fault, Faults
from app.landscape.keys import SigningKeys
from app.landscape.tokens import Grant, client_claims, user_claims
from app.landscape.users import ROLE_SCOPES, Tenant, User
from app.landscape.xsuaa_client import OAuthClient, OAuthError
from app.landscape.xsuaa_state import Login, RefreshToken, XsuaaState

EXPIRED_SECONDS_AGO = 3600
EXCHANGE_SCOPE = "uaa.user"
ATTRIBUTES_SCOPE = "user_attributes"


@dataclass(frozen=True, slots=True)
class Issued:
    """An answer of the token endpoint, and the user name or client id it was issued for."""

    principal: str
    body: dict[str, Any]


def scopes_of_user(user: User, client: OAuthClient) -> tuple[str, ...]:
    """All scopes a user can have in a client's token; only people with a role may have their token exchanged."""
    own = [scope for role in user.roles for scope in ROLE_SCOPES[role]] if client.roles_apply else []
    exchange = (EXCHANGE_SCOPE,) if user.roles else ()
    about = (ATTRIBUTES_SCOPE,) if client.sees_attributes else ()
    return tuple(dict.fromkeys(("openid", *about, *(f"{client.app_name}.{scope}" for scope in own), *exchange)))


def narrowed(granted: tuple[str, ...], requested: str) -> tuple[str, ...]:
    """The granted scopes that were asked for; all when none were. Raises OAuthError 400 when nothing is left."""
    if not requested.strip():
        return granted
    left = tuple(scope for scope in granted if scope in requested.split())
    if not left:
        raise OAuthError(400, "invalid_scope", f"{requested.split()} is invalid. None of it is allowed here.")
    return left


class TokenIssuer:
    """Makes tokens. `base_of` gives the address of a tenant's XSUAA, without a trailing slash."""

    def __init__(self, keys: SigningKeys, state: XsuaaState, faults: Faults, base_of: Callable[[Tenant], str]) -> None:
        self._keys = keys
        self._state = state
        self._faults = faults
        self._base_of = base_of

    def user_answer(
        self,
        client: OAuthClient,
        login: Login,
        grant_type: str,
        *,
        scope: str = "",
        refreshable: bool = False,
        nonce: str = "",
    ) -> Issued:
        """The token answer for a user. Raises OAuthError 401 when the user's access was revoked."""
        self.check_not_revoked(login)
        scopes = narrowed(scopes_of_user(login.user, client), scope)
        grant = self._grant(client, login.tenant, grant_type, scopes)
        if self._faults.is_on(Fault.EXPIRED_TOKEN, login.tenant.subdomain):
            grant = replace(grant, issued_at=grant.issued_at - grant.validity - EXPIRED_SECONDS_AGO)
        base = self._base_of(login.tenant)
        claims = user_claims(grant, login.user, base, login.auth_time, login.origin)
        answer = self._answer(claims, login.tenant, client.token_validity)
        if "openid" in scopes and grant_type in ("authorization_code", "password"):
            answer["id_token"] = self._sign(_id_claims(claims, client, nonce), login.tenant)
        if refreshable:
            answer["refresh_token"] = self.refresh_token(client.client_id, login, scope, client.refresh_validity)
        return Issued(login.user.email, answer)

    def client_answer(self, client: OAuthClient, tenant: Tenant, scope: str, authorities: str) -> Issued:
        """The token answer for a client itself; `authorities` is the JSON text of the form parameter."""
        grant = self._grant(client, tenant, "client_credentials", narrowed(client.authorities, scope))
        grant = replace(grant, az_attr=_az_attr(authorities))
        answer = self._answer(client_claims(grant, self._base_of(tenant)), tenant, client.token_validity)
        return Issued(client.client_id, answer)

    def refresh_token(self, client_id: str, login: Login, scope: str, validity: int) -> str:
        """A new refresh token for a client."""
        return self._state.refresh_tokens.add(RefreshToken(client_id, login, scope), validity) + "-r"

    def check_not_revoked(self, login: Login) -> None:
        """Raises OAuthError 401 when the user's access was revoked (a fault that can be switched on)."""
        if self.is_revoked(login.user):
            raise OAuthError(401, "invalid_token", "The user's access was revoked")

    def is_revoked(self, user: User) -> bool:
        """Whether the fault is on for this user, by login or e-mail."""
        return any(self._faults.is_on(Fault.REVOKED_USER, name) for name in (user.login, user.email))

    def _grant(self, client: OAuthClient, tenant: Tenant, grant_type: str, scopes: tuple[str, ...]) -> Grant:
        return Grant(tenant, client.client_id, client.instance_id, grant_type, scopes, client.token_validity)

    def _answer(self, claims: dict[str, Any], tenant: Tenant, validity: int) -> dict[str, Any]:
        return {
            "access_token": self._sign(claims, tenant),
            "token_type": "bearer",
            "expires_in": validity - 1,
            "scope": " ".join(claims["scope"]),
            "jti": claims["jti"],
        }

    def _sign(self, claims: dict[str, Any], tenant: Tenant) -> str:
        return self._keys.sign(claims, {"jku": f"{self._base_of(tenant)}/token_keys"})


def new_login(tenant: Tenant, user: User, origin: str = "") -> Login:
    """A login that happens now."""
    return Login(tenant, user, int(time.time()), origin or "sap.default")


def _id_claims(claims: dict[str, Any], client: OAuthClient, nonce: str) -> dict[str, Any]:
    left_out = ("scope", "az_attr", "grant_type")
    kept = {name: value for name, value in claims.items() if name not in left_out}
    return {**kept, "aud": [client.client_id], **({"nonce": nonce} if nonce else {})}


def _az_attr(authorities: str) -> dict[str, Any]:
    if not authorities:
        return {}
    try:
        attributes = json.loads(authorities)["az_attr"]
    except (ValueError, KeyError, TypeError):
        attributes = None
    if not isinstance(attributes, dict):
        raise OAuthError(400, "invalid_request", "authorities must be JSON with az_attr")
    return attributes
