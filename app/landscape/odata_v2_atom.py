"""Answers of OData V2 as XML: Atom feeds and entries, the service document, errors. What Gateway sends by default."""

from __future__ import annotations

from datetime import UTC, datetime
from xml.sax.saxutils import escape, quoteattr

from app.landscape.odata_literal import key_text
from app.landscape.odata_query import Shape
from app.landscape.odata_schema import EntityType, ODataError, Row, Schema, Value
from app.landscape.odata_store import Store

_DECLARATION = '<?xml version="1.0" encoding="utf-8"?>'
_NAMESPACES = (
    'xmlns="http://www.w3.org/2005/Atom" '
    'xmlns:m="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata" '
    'xmlns:d="http://schemas.microsoft.com/ado/2007/08/dataservices"'
)
_RELATED = "http://schemas.microsoft.com/ado/2007/08/dataservices/related/"
_SCHEME = "http://schemas.microsoft.com/ado/2007/08/dataservices/scheme"


def feed_xml(
    store: Store, entity_type: EntityType, rows: list[Row], shape: Shape, base: str, total: int | None
) -> bytes:
    """A collection, with the number of matches when it was asked for."""
    count = "" if total is None else f"<m:count>{total}</m:count>"
    return f"{_DECLARATION}{_feed(store, entity_type, rows, shape, base, _NAMESPACES, count)}".encode()


def entry_xml(store: Store, entity_type: EntityType, row: Row, shape: Shape, base: str) -> bytes:
    """One entity."""
    return f"{_DECLARATION}{_entry(store, entity_type, row, shape, base, _NAMESPACES)}".encode()


def _feed(
    store: Store, entity_type: EntityType, rows: list[Row], shape: Shape, base: str, names: str, count: str
) -> str:
    entries = "".join(_entry(store, entity_type, row, shape, base, "") for row in rows)
    title = f'<title type="text">{entity_type.set_name}</title>'
    uri = escape(f"{base}/{entity_type.set_name}")
    return f"<feed {names}><id>{uri}</id>{title}<updated>{_now()}</updated>{count}{entries}</feed>"


def _entry(store: Store, entity_type: EntityType, row: Row, shape: Shape, base: str, names: str) -> str:
    path = entity_type.set_name + key_text(entity_type, row)
    term = quoteattr(f"{store.schema.namespace}.{entity_type.name}")
    properties = "".join(
        _property(item.name, row[item.name], item.type.v2)
        for item in entity_type.properties
        if not shape.select or item.name in shape.select
    )
    return (
        f"<entry {names}><id>{escape(f'{base}/{path}')}</id><title type='text'>{escape(path)}</title>"
        f"<updated>{_now()}</updated><category term={term} scheme={quoteattr(_SCHEME)}/>"
        f'<link href={quoteattr(path)} rel="self" title={quoteattr(entity_type.name)}/>'
        f"{_links(store, entity_type, row, shape, base)}"
        f'<content type="application/xml"><m:properties>{properties}</m:properties></content></entry>'
    )


def _links(store: Store, entity_type: EntityType, row: Row, shape: Shape, base: str) -> str:
    path = entity_type.set_name + key_text(entity_type, row)
    links = []
    for navigation in entity_type.navigations:
        kind = "feed" if navigation.many else "entry"
        inner, inline = shape.expand.get(navigation.name), ""
        if inner is not None:
            target, rows = store.schema.of_set(navigation.target), store.related(row, navigation)
            entries = [_entry(store, target, item, inner, base, "") for item in rows[:1]]
            content = _feed(store, target, rows, inner, base, "", "") if navigation.many else "".join(entries)
            inline = f"<m:inline>{content}</m:inline>"
        links.append(
            f"<link href={quoteattr(f'{path}/{navigation.name}')} rel={quoteattr(_RELATED + navigation.name)} "
            f'type="application/atom+xml;type={kind}" title={quoteattr(navigation.name)}>{inline}</link>'
        )
    return "".join(links)


def _property(name: str, value: Value, type_name: str) -> str:
    kind = "" if type_name == "Edm.String" else f' m:type="{type_name}"'
    if value is None:
        return f'<d:{name}{kind} m:null="true"/>'
    return f"<d:{name}{kind}>{escape(value_text(value))}</d:{name}>"


def value_text(value: Value) -> str:
    """A value as plain text, as `$value` and XML show it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds")
    return "" if value is None else str(value)


def service_document_xml(schema: Schema, base: str) -> bytes:
    """The list of entity sets."""
    sets = "".join(
        f'<app:collection href="{item.set_name}"><atom:title type="text">{item.set_name}</atom:title></app:collection>'
        for item in schema.entity_types
    )
    names = 'xmlns:app="http://www.w3.org/2007/app" xmlns:atom="http://www.w3.org/2005/Atom"'
    title = '<atom:title type="text">Data</atom:title>'
    workspace = f"<app:workspace>{title}{sets}</app:workspace>"
    return f"{_DECLARATION}<app:service xml:base={quoteattr(base + '/')} {names}>{workspace}</app:service>".encode()


def error_xml(error: ODataError) -> bytes:
    """A refused request."""
    name = "http://schemas.microsoft.com/ado/2007/08/dataservices/metadata"
    message = f'<message xml:lang="en">{escape(error.message)}</message>'
    return f'{_DECLARATION}<error xmlns="{name}"><code>{escape(error.code)}</code>{message}</error>'.encode()


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
