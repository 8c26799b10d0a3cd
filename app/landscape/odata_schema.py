"""What an OData service describes: entity types, their properties, how they hang together. Shared by V2 and V4."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any

Value = str | int | bool | Decimal | datetime | None
Row = dict[str, Value]
Key = tuple[Value, ...]


class Edm(Enum):
    """A primitive type; the value is its name in V2 and in V4."""

    STRING = ("Edm.String", "Edm.String")
    INT32 = ("Edm.Int32", "Edm.Int32")
    DECIMAL = ("Edm.Decimal", "Edm.Decimal")
    BOOLEAN = ("Edm.Boolean", "Edm.Boolean")
    TIMESTAMP = ("Edm.DateTime", "Edm.DateTimeOffset")

    @property
    def v2(self) -> str:
        """Type name in V2 metadata."""
        return self.value[0]

    @property
    def v4(self) -> str:
        """Type name in V4 metadata."""
        return self.value[1]


class ODataError(Exception):
    """A request the service refuses: HTTP status, the service's own code, a sentence for people."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


def bad_request(message: str) -> ODataError:
    """400: the request cannot be understood."""
    return ODataError(400, "/IWBEP/CM_MGW_RT/021", message)


def not_found(message: str) -> ODataError:
    """404: no such segment or entity."""
    return ODataError(404, "/IWBEP/CM_MGW_RT/020", message)


@dataclass(frozen=True, slots=True)
class Property:
    """A property of an entity type. `scale` digits behind the point of a decimal."""

    name: str
    type: Edm = Edm.STRING
    max_length: int | None = None
    scale: int = 2


def plain_value(item: Property, value: Any) -> Value:
    """A JSON value for a property whose type JSON has itself; raises ODataError when it does not fit."""
    if not isinstance(value, str | int) or type(value) is not _PLAIN.get(item.type):
        raise bad_request(f"Property {item.name} has a value that is no {item.type.v2}")
    if isinstance(value, int) and not -(2**31) <= value < 2**31:
        raise bad_request(f"Property {item.name} has a value beyond the range of {item.type.v2}")
    if isinstance(value, str) and item.max_length and len(value) > item.max_length:
        raise bad_request(f"Property {item.name} is longer than {item.max_length} characters")
    return value


_PLAIN: Mapping[Edm, type] = {Edm.STRING: str, Edm.INT32: int, Edm.BOOLEAN: bool}


@dataclass(frozen=True, slots=True)
class Navigation:
    """A way from one entity to others: rows of `target` where each (own, other) pair of properties is equal."""

    name: str
    target: str
    join: tuple[tuple[str, str], ...]
    many: bool = False


@dataclass(frozen=True, slots=True)
class EntityType:
    """An entity type and its one set. `generated_key`: the service numbers new entities itself."""

    name: str
    set_name: str
    keys: tuple[str, ...]
    properties: tuple[Property, ...]
    navigations: tuple[Navigation, ...] = ()
    generated_key: bool = False

    def property(self, name: str) -> Property:
        """A property by name; raises ODataError."""
        found = next((item for item in self.properties if item.name == name), None)
        if found is None:
            raise bad_request(f"Property {name} is not defined for entity type {self.name}")
        return found

    def navigation(self, name: str) -> Navigation | None:
        """A navigation by name; None when there is none."""
        return next((item for item in self.navigations if item.name == name), None)

    def has(self, name: str) -> bool:
        """Whether the type has this property."""
        return any(item.name == name for item in self.properties)

    def key_of(self, row: Mapping[str, Value]) -> Key:
        """The key values of a row, in the order of the key."""
        return tuple(row.get(name) for name in self.keys)


@dataclass(frozen=True, slots=True)
class Schema:
    """The entity types of a service below one namespace."""

    namespace: str
    entity_types: tuple[EntityType, ...]

    def find(self, set_name: str) -> EntityType | None:
        """The type of an entity set; None when there is no such set."""
        return next((item for item in self.entity_types if item.set_name == set_name), None)

    def of_set(self, set_name: str) -> EntityType:
        """The type of an entity set; raises ODataError."""
        found = self.find(set_name)
        if found is None:
            raise not_found(f"Resource not found for segment '{set_name}'")
        return found
