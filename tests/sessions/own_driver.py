"""A storage driver of one's own, as docs/sessions.md describes it: the rows are in this process's memory."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from app.sessions.session_table import Glimpse, Row, SessionTable

NOT_A_FUNCTION = "text"


class MemoryTable:
    """A `SessionTable` that forgets nothing by itself."""

    def __init__(self) -> None:
        self.rows: dict[bytes, Row] = {}
        self.names: dict[bytes, set[bytes]] = {}
        self.holders: dict[bytes, bytes] = {}

    async def glance(self, key: bytes) -> Glimpse | None:
        row = self.rows.get(key)
        return Glimpse(row.version, row.ends_at) if row is not None else None

    async def read(self, key: bytes) -> Row | None:
        return self.rows.get(key)

    async def create(self, key: bytes, parts: Mapping[bytes, bytes], ends_at: float, keep: float) -> None:
        self.rows[key] = Row(1, ends_at, dict(parts))

    async def name(self, name: bytes, key: bytes, keep: float) -> None:
        self.names.setdefault(name, set()).add(key)

    async def named(self, name: bytes) -> list[bytes]:
        return list(self.names.get(name, ()))

    async def write(
        self, key: bytes, changed: Mapping[bytes, bytes], once: Mapping[bytes, bytes], removed: Collection[bytes]
    ) -> int:
        row = self.rows.get(key)
        if row is None:
            return 0
        parts = {**once, **row.parts, **changed}
        kept = {name: part for name, part in parts.items() if name not in removed}
        self.rows[key] = Row(row.version + 1, row.ends_at, kept)
        return row.version + 1

    async def prolong(self, key: bytes, ends_at: float, keep: float) -> None:
        if (row := self.rows.get(key)) is not None:
            self.rows[key] = Row(row.version, ends_at, row.parts)

    async def delete(self, key: bytes) -> None:
        self.rows.pop(key, None)

    async def take_ended(self, now: float) -> list[bytes]:
        return [key for key, row in self.rows.items() if row.ends_at <= now]

    async def claim(self, key: bytes, holder: bytes, seconds: float) -> bool:
        return self.holders.setdefault(key, holder) == holder

    async def release(self, key: bytes, holder: bytes) -> None:
        if self.holders.get(key) == holder:
            del self.holders[key]

    async def aclose(self) -> None:
        """Nothing to release."""


def make_table(credentials: Mapping[str, Any]) -> SessionTable:
    """What `externalStoreFilePath` names."""
    return MemoryTable()
