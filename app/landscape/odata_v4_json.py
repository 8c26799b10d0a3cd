"""Entities of OData V4 as JSON, their ETags, and values read back.

Decimals are numbers, or texts (`exact`) for who cannot read them without loss: `IEEE754Compatible` (JSON format, 3.2).
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from app.landscape.odata_literal import read_decimal, read_timestamp
from app.landscape.odata_query import Shape
from app.landscape.odata_schema import Edm, EntityType, Property, Row, Value, plain_value
from app.landscape.odata_store import Store


def wants_exact(accept: str) -> bool:
    """Whether an Accept header asks for decimals as texts."""
    return "ieee754compatible=true" in accept.lower()


def entity_json(
    store: Store, entity_type: EntityType, row: Row, shape: Shape, *, exact: bool = False
) -> dict[str, Any]:
    """One entity with its ETag, the selected properties and the expanded navigations."""
    data: dict[str, Any] = {"@odata.etag": etag(row)}
    for item in entity_type.properties:
        if not shape.select or item.name in shape.select:
            data[item.name] = value_json(row[item.name], exact=exact)
    for name, inner in shape.expand.items():
        navigation = entity_type.navigation(name)
        if navigation is not None:
            target = store.schema.of_set(navigation.target)
            rows = store.related(row, navigation)
            entries = [entity_json(store, target, item, inner, exact=exact) for item in rows]
            data[name] = entries if navigation.many else next(iter(entries), None)
    return data


def etag(row: Row) -> str:
    """A weak validator over every value of a row."""
    text = json.dumps([str(value) for value in row.values()])
    return f'W/"{hashlib.sha256(text.encode()).hexdigest()[:24]}"'


def value_json(value: Value, *, exact: bool = False) -> Any:
    """A value as V4 writes it in JSON."""
    if isinstance(value, Decimal):
        return str(value) if exact else float(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return value


def value_text(value: Value) -> str:
    """A value as `$value` shows it."""
    shown = str(value) if isinstance(value, Decimal) else value_json(value)
    return shown if isinstance(shown, str) else json.dumps(shown)


def values_from_json(entity_type: EntityType, data: dict[str, Any]) -> Row:
    """The properties of a request body; annotations and navigations are left out. Raises ODataError."""
    own = {name: value for name, value in data.items() if "@" not in name and not entity_type.navigation(name)}
    return {name: _read(entity_type.property(name), value) for name, value in own.items()}


def _read(item: Property, value: Any) -> Value:
    if value is None:
        return None
    if item.type is Edm.DECIMAL and isinstance(value, str | int | float) and not isinstance(value, bool):
        return read_decimal(str(value), item.scale)
    if item.type is Edm.TIMESTAMP and isinstance(value, str):
        return read_timestamp(value)
    return plain_value(item, value)
