"""The rows of an OData service, in memory: read, create, update, delete, all or nothing for a changeset."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime

from app.landscape.odata_schema import EntityType, Key, Navigation, ODataError, Row, Schema, Value, not_found

_FIRST_NUMBER = 5_000_000


class Store:
    """Rows by entity set and key, in the order they came."""

    def __init__(self, schema: Schema, rows: Mapping[str, list[Row]]) -> None:
        self.schema = schema
        self._tables: dict[str, dict[Key, Row]] = {}
        for entity_type in schema.entity_types:
            known = rows.get(entity_type.set_name, [])
            self._tables[entity_type.set_name] = {entity_type.key_of(row): dict(row) for row in known}

    def rows(self, entity_type: EntityType) -> list[Row]:
        """All rows of a set."""
        return list(self._tables[entity_type.set_name].values())

    def get(self, entity_type: EntityType, key: Key) -> Row:
        """One row; raises ODataError when there is none."""
        row = self._tables[entity_type.set_name].get(key)
        if row is None:
            raise not_found(f"{entity_type.name} {', '.join(map(str, key))} does not exist")
        return row

    def related(self, row: Row, navigation: Navigation) -> list[Row]:
        """The rows a navigation leads to."""
        target = self.schema.of_set(navigation.target)
        wanted = [(other, row[own]) for own, other in navigation.join]
        return [item for item in self.rows(target) if all(item[name] == value for name, value in wanted)]

    def create(self, entity_type: EntityType, values: Row, user: str) -> Row:
        """A new row with every property, stamped with its creator; raises ODataError when the key is bad or taken."""
        row: Row = {item.name: values.get(item.name) for item in entity_type.properties}
        if entity_type.generated_key and row[entity_type.keys[0]] in (None, ""):
            row[entity_type.keys[0]] = self._next_number(entity_type)
        key = entity_type.key_of(row)
        if any(part in (None, "") for part in key):
            raise ODataError(400, "SHOP/001", f"The key of {entity_type.name} is incomplete")
        table = self._tables[entity_type.set_name]
        if key in table:
            raise ODataError(400, "SHOP/002", f"{entity_type.name} {', '.join(map(str, key))} exists already")
        _stamp(entity_type, row, user, ("CreatedBy", "CreatedAt", "ChangedBy", "ChangedAt"))
        table[key] = row
        return row

    def update(self, entity_type: EntityType, row: Row, values: Row, user: str, *, replace: bool) -> Row:
        """Change a row (`replace`: what is not given becomes null); keys and who created it stay."""
        fixed = {*entity_type.keys, "CreatedBy", "CreatedAt"}
        names = [item.name for item in entity_type.properties if item.name not in fixed]
        row.update({name: values.get(name) for name in names if replace or name in values})
        _stamp(entity_type, row, user, ("ChangedBy", "ChangedAt"))
        return row

    def delete(self, entity_type: EntityType, row: Row) -> None:
        """Remove a row, and the rows that are part of it (navigations to many whose key starts with its key)."""
        for navigation in entity_type.navigations:
            target = self.schema.of_set(navigation.target)
            if navigation.many and target.keys[: len(entity_type.keys)] == entity_type.keys:
                for part in self.related(row, navigation):
                    self.delete(target, part)
        del self._tables[entity_type.set_name][entity_type.key_of(row)]

    @contextmanager
    def all_or_nothing(self) -> Iterator[None]:
        """Undo every change made inside when it ends with an ODataError."""
        before = {name: {key: dict(row) for key, row in table.items()} for name, table in self._tables.items()}
        try:
            yield
        except ODataError:
            self._tables = before
            raise

    def _next_number(self, entity_type: EntityType) -> str:
        taken = [str(key[0]) for key in self._tables[entity_type.set_name]]
        return str(max([_FIRST_NUMBER, *(int(text) for text in taken if text.isdigit())]) + 1)


def _stamp(entity_type: EntityType, row: Row, user: str, names: tuple[str, ...]) -> None:
    now = datetime.now(UTC)
    stamps: dict[str, Value] = {name: now if name.endswith("At") else user for name in names}
    row.update({name: value for name, value in stamps.items() if entity_type.has(name)})
