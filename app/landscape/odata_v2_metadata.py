"""`$metadata` of an OData V2 service: EDMX 1.0 in the manner of SAP Gateway, associations included."""

from __future__ import annotations

from collections.abc import Iterator

from app.landscape.odata_schema import Edm, EntityType, Navigation, Property, Schema

_HEAD = (
    '<?xml version="1.0" encoding="utf-8"?>'
    '<edmx:Edmx Version="1.0" xmlns:edmx="http://schemas.microsoft.com/ado/2007/06/edmx" '
    'xmlns:m="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata" '
    'xmlns:sap="http://www.sap.com/Protocols/SAPData"><edmx:DataServices m:DataServiceVersion="2.0">'
)


def metadata_xml(schema: Schema) -> bytes:
    """The whole document."""
    name = f"{schema.namespace}_Entities"
    types = "".join(_entity_type(schema, item) for item in schema.entity_types)
    associations = "".join(_association(schema, *pair) for pair in _navigations(schema))
    sets = "".join(_entity_set(schema, item) for item in schema.entity_types)
    association_sets = "".join(_association_set(schema, *pair) for pair in _navigations(schema))
    container = (
        f'<EntityContainer Name="{name}" m:IsDefaultEntityContainer="true" sap:supported-formats="atom json">'
        f"{sets}{association_sets}</EntityContainer>"
    )
    return (
        f'{_HEAD}<Schema Namespace="{schema.namespace}" xml:lang="en" sap:schema-version="1" '
        f'xmlns="http://schemas.microsoft.com/ado/2008/09/edm">{types}{associations}{container}</Schema>'
        "</edmx:DataServices></edmx:Edmx>"
    ).encode()


def _navigations(schema: Schema) -> Iterator[tuple[EntityType, Navigation]]:
    return ((item, navigation) for item in schema.entity_types for navigation in item.navigations)


def _entity_type(schema: Schema, item: EntityType) -> str:
    keys = "".join(f'<PropertyRef Name="{key}"/>' for key in item.keys)
    properties = "".join(_property(entry, is_key=entry.name in item.keys) for entry in item.properties)
    navigations = "".join(
        f'<NavigationProperty Name="{entry.name}" Relationship="{schema.namespace}.{_name(item, entry)}" '
        f'FromRole="From_{_name(item, entry)}" ToRole="To_{_name(item, entry)}"/>'
        for entry in item.navigations
    )
    return f'<EntityType Name="{item.name}"><Key>{keys}</Key>{properties}{navigations}</EntityType>'


def _property(item: Property, *, is_key: bool) -> str:
    facets = f' MaxLength="{item.max_length}"' if item.max_length else ""
    if item.type is Edm.DECIMAL:
        facets = f' Precision="15" Scale="{item.scale}"'
    if item.type is Edm.TIMESTAMP:
        facets = ' Precision="7"'
    nullable = "false" if is_key else "true"
    return f'<Property Name="{item.name}" Type="{item.type.v2}" Nullable="{nullable}"{facets} sap:label="{item.name}"/>'


def _name(item: EntityType, navigation: Navigation) -> str:
    return f"{item.name}_{navigation.name}"


def _association(schema: Schema, item: EntityType, navigation: Navigation) -> str:
    name, target = _name(item, navigation), schema.of_set(navigation.target)
    many = "*" if navigation.many else "0..1"
    own = "1" if navigation.many else "*"
    return (
        f'<Association Name="{name}">'
        f'<End Type="{schema.namespace}.{item.name}" Multiplicity="{own}" Role="From_{name}"/>'
        f'<End Type="{schema.namespace}.{target.name}" Multiplicity="{many}" Role="To_{name}"/></Association>'
    )


def _association_set(schema: Schema, item: EntityType, navigation: Navigation) -> str:
    name = _name(item, navigation)
    return (
        f'<AssociationSet Name="{name}Set" Association="{schema.namespace}.{name}">'
        f'<End EntitySet="{item.set_name}" Role="From_{name}"/>'
        f'<End EntitySet="{navigation.target}" Role="To_{name}"/></AssociationSet>'
    )


def _entity_set(schema: Schema, item: EntityType) -> str:
    return f'<EntitySet Name="{item.set_name}" EntityType="{schema.namespace}.{item.name}"/>'
