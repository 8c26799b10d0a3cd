"""`$metadata` of an OData V4 service: CSDL 4.0 in XML, and the service document."""

from __future__ import annotations

from typing import Any

from app.landscape.odata_schema import Edm, EntityType, Navigation, Property, Schema

_HEAD = (
    '<?xml version="1.0" encoding="utf-8"?>'
    '<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>'
)


def metadata_xml(schema: Schema) -> bytes:
    """The whole document."""
    types = "".join(_entity_type(schema, item) for item in schema.entity_types)
    sets = "".join(_entity_set(schema, item) for item in schema.entity_types)
    return (
        f'{_HEAD}<Schema Namespace="{schema.namespace}" xmlns="http://docs.oasis-open.org/odata/ns/edm">{types}'
        f'<EntityContainer Name="Container">{sets}</EntityContainer></Schema></edmx:DataServices></edmx:Edmx>'
    ).encode()


def service_document(schema: Schema, base: str) -> dict[str, Any]:
    """The list of entity sets."""
    entries = [{"name": item.set_name, "kind": "EntitySet", "url": item.set_name} for item in schema.entity_types]
    return {"@odata.context": f"{base}/$metadata", "value": entries}


def _entity_type(schema: Schema, item: EntityType) -> str:
    keys = "".join(f'<PropertyRef Name="{key}"/>' for key in item.keys)
    properties = "".join(_property(entry, is_key=entry.name in item.keys) for entry in item.properties)
    navigations = "".join(_navigation(schema, entry) for entry in item.navigations)
    return f'<EntityType Name="{item.name}"><Key>{keys}</Key>{properties}{navigations}</EntityType>'


def _property(item: Property, *, is_key: bool) -> str:
    facets = f' MaxLength="{item.max_length}"' if item.max_length else ""
    if item.type is Edm.DECIMAL:
        facets = f' Precision="15" Scale="{item.scale}"'
    if item.type is Edm.TIMESTAMP:
        facets = ' Precision="3"'
    nullable = ' Nullable="false"' if is_key else ""
    return f'<Property Name="{item.name}" Type="{item.type.v4}"{nullable}{facets}/>'


def _navigation(schema: Schema, item: Navigation) -> str:
    target = f"{schema.namespace}.{schema.of_set(item.target).name}"
    type_name = f"Collection({target})" if item.many else target
    return f'<NavigationProperty Name="{item.name}" Type="{type_name}"/>'


def _entity_set(schema: Schema, item: EntityType) -> str:
    bindings = "".join(
        f'<NavigationPropertyBinding Path="{entry.name}" Target="{entry.target}"/>' for entry in item.navigations
    )
    return f'<EntitySet Name="{item.set_name}" EntityType="{schema.namespace}.{item.name}">{bindings}</EntitySet>'
