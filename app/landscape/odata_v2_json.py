"""Entities of OData V2 as JSON: `d`/`results`, decimals as strings, timestamps as `/Date(milliseconds)/`."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from app.landscape.odata_literal import key_text, read_decimal, read_timestamp
from app.landscape.odata_query import Shape
from app.landscape.odata_schema import Edm, EntityType, Property, Row, Value, bad_request, plain_value
from app.landscape.odata_store import Store

_DATE = re.compile(r"/Date\((-?\d{1,15})(?:[+-]\d{4})?\)/")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def entity_json(store: Store, entity_type: EntityType, row: Row, shape: Shape, base: str) -> dict[str, Any]:
    """One entity: metadata, properties, and each navigation inline or as a deferred link."""
    uri = f"{base}/{entity_type.set_name}{key_text(entity_type, row)}"
    data: dict[str, Any] = {"__metadata": {"id": uri, "uri": uri, "type": _type_name(store, entity_type)}}
    for item in entity_type.properties:
        if not shape.select or item.name in shape.select:
            data[item.name] = value_json(row[item.name])
    for navigation in entity_type.navigations:
        inner = shape.expand.get(navigation.name)
        if inner is not None:
            target = store.schema.of_set(navigation.target)
            entries = [entity_json(store, target, item, inner, base) for item in store.related(row, navigation)]
            data[navigation.name] = {"results": entries} if navigation.many else next(iter(entries), None)
        elif not shape.select:
            data[navigation.name] = {"__deferred": {"uri": f"{uri}/{navigation.name}"}}
    return data


def _type_name(store: Store, entity_type: EntityType) -> str:
    return f"{store.schema.namespace}.{entity_type.name}"


def value_json(value: Value) -> Any:
    """A value as V2 writes it in JSON."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, datetime):
        return f"/Date({(value - _EPOCH) // timedelta(milliseconds=1)})/"
    return value


def values_from_json(entity_type: EntityType, data: dict[str, Any]) -> Row:
    """The properties of a request body; navigations and `__metadata` are left out. Raises ODataError."""
    own = {name: value for name, value in data.items() if name != "__metadata" and not entity_type.navigation(name)}
    return {name: _read(entity_type.property(name), value) for name, value in own.items()}


def _read(item: Property, value: Any) -> Value:
    if value is None:
        return None
    if item.type is Edm.DECIMAL and isinstance(value, str | int | float) and not isinstance(value, bool):
        return read_decimal(str(value), item.scale)
    if item.type is Edm.TIMESTAMP and isinstance(value, str):
        return _read_date(value)
    return plain_value(item, value)


def _read_date(text: str) -> datetime:
    match = _DATE.fullmatch(text)
    if match is None:
        return read_timestamp(text)
    try:
        return _EPOCH + timedelta(milliseconds=int(match[1]))
    except OverflowError:
        raise bad_request(f"Malformed timestamp {text}") from None
