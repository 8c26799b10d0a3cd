"""The tenants of the landscape and the people in them."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, field

_CROWD = re.compile(r"crowd-[1-9][0-9]{0,2}")
_NAMESPACE = uuid.UUID("6f1d0c6e-51a4-4a39-8f0e-2f6c3f2a7b10")

DEMO_PASSWORD = "Welcome1"  # noqa: S105 the one password of everybody in an emulated identity provider


def stable_id(*parts: str) -> str:
    """An id that is the same in every run, derived from names."""
    return str(uuid.uuid5(_NAMESPACE, "/".join(parts)))


@dataclass(frozen=True, slots=True)
class User:
    """A person in a tenant. `roles` are names of `ROLE_SCOPES`."""

    login: str
    given_name: str
    family_name: str
    email: str
    roles: tuple[str, ...] = ()
    attributes: dict[str, list[str]] = field(default_factory=dict, hash=False)

    @property
    def name(self) -> str:
        """Given and family name."""
        return f"{self.given_name} {self.family_name}"

    @property
    def global_id(self) -> str:
        """The person's id across tenants (`user_uuid`)."""
        return stable_id("person", self.email)


@dataclass(frozen=True, slots=True)
class Tenant:
    """A subaccount with its users. Zone id and subaccount id differ on purpose: on the platform they may."""

    subdomain: str
    users: tuple[User, ...]

    @property
    def zone_id(self) -> str:
        """What tokens call `zid` and bindings `zoneid`/`tenantid`."""
        return stable_id("zone", self.subdomain)

    @property
    def subaccount_id(self) -> str:
        """What tokens call `ext_attr.subaccountid`."""
        return stable_id("subaccount", self.subdomain)

    def user(self, name: str) -> User | None:
        """A user by login or e-mail address: one of those listed, or one of the crowd (`crowd-1` to `crowd-999`)."""
        listed = next((user for user in self.users if name in (user.login, user.email)), None)
        return listed or self._of_crowd(name)

    def _of_crowd(self, name: str) -> User | None:
        """People for load tests, who are on no login page."""
        login = name.removesuffix(f"@{self.subdomain}.example")
        if not _CROWD.fullmatch(login):
            return None
        number = login.partition("-")[2]
        return User(login, "Crowd", number, f"{login}@{self.subdomain}.example", ("Viewer",))

    def user_id(self, user: User) -> str:
        """The person's id in this tenant (`user_id`)."""
        return stable_id("user", self.subdomain, user.login)


ROLE_SCOPES: dict[str, tuple[str, ...]] = {
    "Viewer": ("Read",),
    "Editor": ("Read", "Write"),
    "Administrator": ("Read", "Write", "Admin"),
}

_ANNA = User("anna", "Anna", "Arnold", "anna.arnold@acme.example", ("Editor",), {"country": ["DE"]})
_BOB = User("bob", "Bob", "Berger", "bob.berger@acme.example", ("Viewer",), {"country": ["AT"]})
_CARLA = User("carla", "Carla", "Conti", "carla.conti@acme.example")
_DORA = User("dora", "Dora", "Dietz", "dora.dietz@acme.example", ("Administrator",))
_GINA = User("gina", "Gina", "Gomez", "gina.gomez@globex.example", ("Editor",), {"country": ["ES"]})
_ANNA_AS_GUEST = User("anna", "Anna", "Arnold", "anna.arnold@acme.example", ("Viewer",), {"country": ["DE"]})

ACME = Tenant("acme", (_ANNA, _BOB, _CARLA, _DORA))
GLOBEX = Tenant("globex", (_GINA, _ANNA_AS_GUEST))
TENANTS = (ACME, GLOBEX)
PROVIDER = ACME


def tenant_by_subdomain(subdomain: str) -> Tenant | None:
    """The tenant whose subdomain this is."""
    return next((tenant for tenant in TENANTS if tenant.subdomain == subdomain), None)


def tenant_by_zone(zone_id: str) -> Tenant | None:
    """The tenant whose zone id this is."""
    return next((tenant for tenant in TENANTS if tenant.zone_id == zone_id), None)
