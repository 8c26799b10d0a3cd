"""Who acts: tenants, principals and the tokens that prove them. Frozen values, made to be parts of cache keys."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Tenant:
    """A tenant of the platform: `id` is the zone id (`zid`), `subdomain` its name in host names."""

    id: str
    subdomain: str


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


Principal = UserPrincipal | TechnicalPrincipal


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
        return hashlib.sha256(self.value.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class UserCaller:
    """A request made on behalf of a user."""

    token: UserToken

    @property
    def principal(self) -> UserPrincipal:
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


Caller = UserCaller | AnonymousCaller
