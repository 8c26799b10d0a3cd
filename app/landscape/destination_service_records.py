"""What the Destination service stores per tenant: destinations, fragments, certificates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from app.landscape.users import Tenant

SECRET_PROPERTIES = frozenset(
    (
        "Password",
        "clientSecret",
        "tokenServicePassword",
        "KeyStorePassword",
        "TrustStorePassword",
        "tokenService.KeyStorePassword",
    )
)

Properties = Mapping[str, str]


class Level(StrEnum):
    """Where a destination is kept."""

    SUBACCOUNT = "subaccount"
    INSTANCE = "instance"


@dataclass(frozen=True, slots=True)
class Found:
    """A destination and where it was found."""

    level: Level
    properties: Properties


class Records:
    """The stored things, kept apart by tenant and level."""

    def __init__(self) -> None:
        self._destinations: dict[tuple[Tenant, Level, str], Properties] = {}
        self._fragments: dict[tuple[Tenant, Level, str], Properties] = {}
        self._certificates: dict[tuple[Tenant, str], bytes] = {}

    def define(self, tenant: Tenant, properties: Properties, level: Level = Level.SUBACCOUNT) -> None:
        """Store (or replace) a destination; all values are texts, `Name` is its key."""
        self._destinations[tenant, level, properties["Name"]] = dict(properties)

    def define_fragment(self, tenant: Tenant, properties: Properties, level: Level = Level.SUBACCOUNT) -> None:
        """Store a fragment; `FragmentName` is its key."""
        self._fragments[tenant, level, properties["FragmentName"]] = dict(properties)

    def remove(self, tenant: Tenant, name: str, level: Level = Level.SUBACCOUNT) -> None:
        """Forget a destination; harmless when there is none."""
        self._destinations.pop((tenant, level, name), None)

    def add_certificate(self, tenant: Tenant, name: str, content: bytes) -> None:
        """Store a key store or a certificate under its file name."""
        self._certificates[tenant, name] = content

    def find(self, tenant: Tenant, name: str) -> Found | None:
        """Instance level first, then the subaccount; never another tenant."""
        for level in (Level.INSTANCE, Level.SUBACCOUNT):
            properties = self._destinations.get((tenant, level, name))
            if properties is not None:
                return Found(level, properties)
        return None

    def fragment(self, tenant: Tenant, level: Level, name: str) -> Properties | None:
        """A fragment of the same level, without its own name."""
        properties = self._fragments.get((tenant, level, name))
        return {key: value for key, value in properties.items() if key != "FragmentName"} if properties else None

    def list(self, tenant: Tenant, level: Level) -> list[Properties]:
        """The raw destinations of one level."""
        return [
            properties
            for (owner, kept, _), properties in self._destinations.items()
            if (owner, kept) == (tenant, level)
        ]

    def certificate(self, tenant: Tenant, name: str) -> bytes | None:
        """The content of a stored certificate."""
        return self._certificates.get((tenant, name))


def without_secrets(properties: Properties) -> Properties:
    """The destination as `$skipCredentials=true` shows it."""
    return {name: value for name, value in properties.items() if name not in SECRET_PROPERTIES}
