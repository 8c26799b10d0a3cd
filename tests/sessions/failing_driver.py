"""A storage driver of one's own that fails as it is told to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.sessions.session_table import Glimpse, Row, SessionTable
from tests.sessions.own_driver import MemoryTable


class FailingTable(MemoryTable):
    """Raises `error` wherever it is asked something, and answers `nonsense` about rows that have ended."""

    error: Exception | None = None
    nonsense: Any = None

    async def glance(self, key: bytes) -> Glimpse | None:
        self._fail()
        return await super().glance(key)

    async def read(self, key: bytes) -> Row | None:
        self._fail()
        return await super().read(key)

    async def take_ended(self, now: float) -> list[bytes]:
        self._fail()
        return self.nonsense or await super().take_ended(now)

    async def aclose(self) -> None:
        self._fail()

    def _fail(self) -> None:
        if self.error is not None:
            raise self.error


TABLE = FailingTable()


def make_table(credentials: Mapping[str, Any]) -> SessionTable:
    """What `externalStoreFilePath` names."""
    return TABLE
