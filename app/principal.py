"""Who acts: tenants, principals and the tokens that prove them. Frozen values, made to be parts of cache keys."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Tenant:
    """A tenant of the platform: `id` is the zone id (`zid`), `subdomain` its name in host names."""

    id: str
    subdomain: str

    @property
    def is_named(self) -> bool:
        """Whether anything tells it from others."""
        return bool(self.id or self.subdomain)


@dataclass(frozen=True, slots=True)
class OnlyTenant(Tenant):
    """The tenant of a fixed application whose binding does not name it: its tokens do, and all name the same."""

    id: str = ""
    subdomain: str = ""


@dataclass(frozen=True, slots=True)
class UserPrincipal:
    """A business user. `user_id` is unique within tenant and origin (identity provider)."""

    tenant: Tenant
    origin: str
    user_id: str


@dataclass(frozen=True, slots=True)
class TechnicalPrincipal:
    """The application itself, acting in a tenant."""

    tenant: Tenant


@dataclass(frozen=True, slots=True)
class ServicePrincipal:
    """Another application, acting for itself in a tenant; `client_id` is its OAuth client."""

    tenant: Tenant
    client_id: str


Principal = UserPrincipal | TechnicalPrincipal | ServicePrincipal


def principal_bytes(principal: Principal) -> bytes:
    """Names a caller unambiguously: what is sealed or signed for one is worth nothing to another."""
    tenant = [principal.tenant.id, principal.tenant.subdomain]
    match principal:
        case UserPrincipal():
            name = ["user", *tenant, principal.origin, principal.user_id]
        case ServicePrincipal():
            name = ["service", *tenant, principal.client_id]
        case TechnicalPrincipal():
            name = ["nobody", *tenant]
    return json.dumps(name).encode()


@dataclass(frozen=True, slots=True)
class UserToken:
    """A validated access token of a user; `expires_at` in epoch seconds. The value never appears in a `repr`."""

    principal: UserPrincipal
    value: str = field(repr=False)
    scopes: frozenset[str]
    expires_at: int

    @property
    def fingerprint(self) -> str:
        """A digest that names this very token in cache keys, without revealing it."""
        return _fingerprint(self.value)


@dataclass(frozen=True, slots=True)
class ServiceToken:
    """A validated technical token of another application: there is no user behind it."""

    principal: ServicePrincipal
    value: str = field(repr=False)
    scopes: frozenset[str]
    expires_at: int

    @property
    def fingerprint(self) -> str:
        """See `UserToken`."""
        return _fingerprint(self.value)


def _fingerprint(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class UserCaller:
    """A request made on behalf of a user.

    `ias_token` is what the identity service issued, where the user has logged in there; without an XSUAA to exchange
    it at, it is the `token` itself. `access_token` is what that service issued beside it for backends to see.
    """

    token: UserToken
    ias_token: UserToken | None = None
    access_token: UserToken | None = None

    @property
    def forwarded(self) -> UserToken:
        """The token that a backend gets which wants the one of the login."""
        return self.access_token or self.ias_token or self.token

    @property
    def expires_at(self) -> int:
        """When the first of the tokens ends, in epoch seconds."""
        return min(each.expires_at for each in (self.token, self.ias_token, self.access_token) if each is not None)

    @property
    def principal(self) -> UserPrincipal:
        return self.token.principal

    @property
    def tenant(self) -> Tenant:
        return self.token.principal.tenant


@dataclass(frozen=True, slots=True)
class ServiceCaller:
    """A request that another application makes for itself: backends see its token, but no user."""

    token: ServiceToken

    @property
    def forwarded(self) -> ServiceToken:
        """See `UserCaller`."""
        return self.token

    @property
    def principal(self) -> ServicePrincipal:
        return self.token.principal

    @property
    def tenant(self) -> Tenant:
        return self.token.principal.tenant


@dataclass(frozen=True, slots=True)
class AnonymousCaller:
    """A request on a public route: backends see the application itself, in this tenant."""

    tenant: Tenant

    @property
    def principal(self) -> TechnicalPrincipal:
        return TechnicalPrincipal(self.tenant)


KnownCaller = UserCaller | ServiceCaller
Caller = KnownCaller | AnonymousCaller


def caller_of(token: UserToken | ServiceToken) -> KnownCaller:
    """Who calls with this token."""
    return UserCaller(token) if isinstance(token, UserToken) else ServiceCaller(token)
