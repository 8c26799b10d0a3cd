"""A storage driver of one's own, as the rest of the gateway sees it: whatever it raises, the store does not answer."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress

from app.errors import Failure, GatewayError
from app.sessions.session_table import Glimpse, Row, SessionTable

log = logging.getLogger("gangway.sessions")


class GuardedTable:
    """The `SessionTable` of a driver. `name`: the store's name in messages.

    A failure is logged with its trace when it is another one than the last, not once more with each request.
    """

    def __init__(self, table: SessionTable, name: str) -> None:
        self._table = table
        self._name = name
        self._failing: type[Exception] | None = None

    async def glance(self, key: bytes) -> Glimpse | None:
        """See `SessionTable`."""
        with self._guarded():
            return await self._table.glance(key)

    async def read(self, key: bytes) -> Row | None:
        """See `SessionTable`."""
        with self._guarded():
            return await self._table.read(key)

    async def create(self, key: bytes, parts: Mapping[bytes, bytes], ends_at: float, keep: float) -> None:
        """See `SessionTable`."""
        with self._guarded():
            await self._table.create(key, parts, ends_at, keep)

    async def name(self, name: bytes, key: bytes, keep: float) -> None:
        """See `SessionTable`."""
        with self._guarded():
            await self._table.name(name, key, keep)

    async def named(self, name: bytes) -> list[bytes]:
        """See `SessionTable`."""
        with self._guarded():
            return await self._table.named(name)

    async def write(
        self, key: bytes, changed: Mapping[bytes, bytes], once: Mapping[bytes, bytes], removed: Collection[bytes]
    ) -> int:
        """See `SessionTable`."""
        with self._guarded():
            return await self._table.write(key, changed, once, removed)

    async def prolong(self, key: bytes, ends_at: float, keep: float) -> None:
        """See `SessionTable`."""
        with self._guarded():
            await self._table.prolong(key, ends_at, keep)

    async def delete(self, key: bytes) -> None:
        """See `SessionTable`."""
        with self._guarded():
            await self._table.delete(key)

    async def take_ended(self, now: float) -> list[bytes]:
        """See `SessionTable`."""
        with self._guarded():
            return await self._table.take_ended(now)

    async def claim(self, key: bytes, holder: bytes, seconds: float) -> bool:
        """See `SessionTable`."""
        with self._guarded():
            return await self._table.claim(key, holder, seconds)

    async def release(self, key: bytes, holder: bytes) -> None:
        """See `SessionTable`."""
        with self._guarded():
            await self._table.release(key, holder)

    async def aclose(self) -> None:
        """See `SessionTable`. What else has to be closed is closed all the same."""
        with suppress(GatewayError), self._guarded():
            await self._table.aclose()

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except GatewayError:
            raise
        except Exception as error:  # the last resort: nobody knows what a driver may raise
            if type(error) is not self._failing:
                log.exception("the driver of the session store failed", extra={"fields": {"store": self._name}})
            self._failing = type(error)
            detail = f"the driver of the session store {self._name} failed ({type(error).__name__})"
            raise GatewayError(Failure.STORE_UNAVAILABLE, detail) from None
        self._failing = None
