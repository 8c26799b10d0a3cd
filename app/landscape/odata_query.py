"""System query options (`$filter`, `$orderby`, `$top`, …) read from an address and applied to rows. No I/O."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from app.landscape.odata_expression import parse_filter
from app.landscape.odata_schema import EntityType, Row, Schema, Value, bad_request

_DEEPEST_EXPAND = 4
_NESTED = re.compile(r"(\w+)(?:\((.*)\))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Shape:
    """Which properties of an entity are shown (none named: all), and which navigations inline with what shape."""

    select: tuple[str, ...] = ()
    expand: Mapping[str, Shape] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class QueryOptions:
    """What a collection request asks for. `count`: the number of matches is wanted, too."""

    shape: Shape
    matches: Callable[[Row], bool] | None
    order: tuple[tuple[str, bool], ...]
    top: int | None
    skip: int
    count: bool


def read_options(query: Mapping[str, str], entity_type: EntityType, schema: Schema, *, count: bool) -> QueryOptions:
    """The options of a request; raises ODataError for a value that means nothing."""
    text = query.get("$filter", "").strip()
    return QueryOptions(
        shape=read_shape(query, entity_type, schema),
        matches=parse_filter(text, entity_type) if text else None,
        order=_order(query.get("$orderby", ""), entity_type),
        top=_number(query, "$top"),
        skip=_number(query, "$skip") or 0,
        count=count,
    )


def apply_options(rows: list[Row], options: QueryOptions) -> tuple[list[Row], int]:
    """The rows of the asked page, and how many match in all."""
    matching = [row for row in rows if options.matches is None or options.matches(row)]
    for name, descending in reversed(options.order):
        matching.sort(key=lambda row, name=name: _sortable(row[name]), reverse=descending)  # type: ignore[misc]
    end = None if options.top is None else options.skip + options.top
    return matching[options.skip : end], len(matching)


def _sortable(value: Value) -> tuple[bool, Value]:
    """Nothing sorts before everything else."""
    return (value is not None, value if value is not None else 0)


def _number(query: Mapping[str, str], name: str) -> int | None:
    text = query.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise bad_request(f"Invalid value for {name}")
    return int(text)


def _order(text: str, entity_type: EntityType) -> tuple[tuple[str, bool], ...]:
    order = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, direction = part.partition(" ")
        if direction.strip() not in ("", "asc", "desc"):
            raise bad_request(f"Invalid $orderby {part}")
        order.append((entity_type.property(name).name, direction.strip() == "desc"))
    return tuple(order)


def read_shape(query: Mapping[str, str], entity_type: EntityType, schema: Schema, *, depth: int = 0) -> Shape:
    """`$select` and `$expand`: paths (V2, `Items/Product`) or nested options (V4, `Items($expand=Product)`)."""
    if depth > _DEEPEST_EXPAND:
        raise bad_request("$expand is nested too deeply")
    select = [part.strip() for part in query.get("$select", "").split(",") if part.strip() not in ("", "*")]
    own = tuple(name for name in select if "/" not in name and entity_type.navigation(name) is None)
    for name in own:
        entity_type.property(name)
    expand: dict[str, Shape] = {}
    for item in _split(query.get("$expand", ""), ","):
        _add_expansion(expand, item, select, entity_type, schema, depth + 1)
    return Shape(own, expand)


def _add_expansion(
    expand: dict[str, Shape], item: str, select: list[str], entity_type: EntityType, schema: Schema, depth: int
) -> None:
    head, _, path = item.partition("/") if "(" not in item else (item, "", "")
    match = _NESTED.fullmatch(head)
    navigation = entity_type.navigation(match[1]) if match else None
    if match is None or navigation is None:
        raise bad_request(f"Invalid $expand {item}")
    options = dict(_option(part) for part in _split(match[2] or "", ";"))
    inner = [name.partition("/")[2] for name in select if name.startswith(navigation.name + "/")]
    options.setdefault("$select", ",".join(inner))
    options.setdefault("$expand", path)
    shape = read_shape(options, schema.of_set(navigation.target), schema, depth=depth)
    known = expand.get(navigation.name, Shape())
    expand[navigation.name] = Shape(shape.select or known.select, {**known.expand, **shape.expand})


def _option(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or name.strip() not in ("$select", "$expand"):
        raise bad_request(f"Unsupported option in $expand: {text}")
    return name.strip(), value


def _split(text: str, separator: str) -> list[str]:
    """Split where no parenthesis is open."""
    parts, depth, start = [], 0, 0
    for position, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if character == separator and depth == 0:
            parts.append(text[start:position].strip())
            start = position + 1
    return [part for part in [*parts, text[start:].strip()] if part]
