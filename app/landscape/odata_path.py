"""The resource path of an OData address, resolved against a store: a collection, an entity, a property, a count."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from app.landscape.odata_literal import read_key
from app.landscape.odata_schema import EntityType, Navigation, Row, bad_request, not_found
from app.landscape.odata_store import Store

_SEGMENT = re.compile(r"([\w$]+)(?:\((.*)\))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Target:
    """What a path leads to. One row when `single`; `origin` is the row and navigation it was reached by."""

    entity_type: EntityType
    rows: list[Row]
    single: bool = False
    count: bool = False
    property_name: str = ""
    raw: bool = False
    origin: tuple[Row, Navigation] | None = None

    @property
    def row(self) -> Row:
        """The one row; raises ODataError when the path leads nowhere, or to many."""
        if not self.single:
            raise bad_request("The request addresses a collection, not an entity")
        if not self.rows:
            raise not_found("The entity does not exist")
        return self.rows[0]


def resolve(path: str, store: Store) -> Target:
    """The target of a decoded path relative to the service, such as `SalesOrders('1')/Items`; raises ODataError."""
    first, *rest = _segments(path)
    name, key = _parts(first)
    entity_type = store.schema.of_set(name)
    target = _keyed(Target(entity_type, store.rows(entity_type)), key, store)
    for segment in rest:
        target = _step(target, segment, store)
    return target


def _segments(path: str) -> list[str]:
    """Split at slashes outside of quotes: a key may hold one."""
    parts = re.findall(r"(?:'(?:[^']|'')*'|[^/'])+", path)
    if not parts:
        raise bad_request("The resource path is empty")
    return parts


def _parts(segment: str) -> tuple[str, str | None]:
    match = _SEGMENT.fullmatch(segment)
    if match is None:
        raise bad_request(f"Invalid segment '{segment}'")
    return match[1], match[2]


def _keyed(target: Target, key: str | None, store: Store) -> Target:
    if key is None or (key == "" and not target.single):
        return target
    values = read_key(target.entity_type, key)
    row = store.get(target.entity_type, values)
    if not any(row is item for item in target.rows):
        raise not_found(f"{target.entity_type.name} ({key}) does not exist here")
    return replace(target, rows=[row], single=True)


def _step(target: Target, segment: str, store: Store) -> Target:
    name, key = _parts(segment)
    if target.property_name:
        if name != "$value":
            raise not_found(f"Resource not found for segment '{segment}'")
        return replace(target, raw=True)
    if name == "$count" and not target.single:
        return replace(target, count=True)
    row = target.row
    navigation = target.entity_type.navigation(name)
    if navigation is None:
        if key is not None or not target.entity_type.has(name):
            raise not_found(f"Resource not found for segment '{segment}'")
        return replace(target, property_name=name)
    reached = Target(
        store.schema.of_set(navigation.target),
        store.related(row, navigation),
        single=not navigation.many,
        origin=(row, navigation),
    )
    return _keyed(reached, key, store)
