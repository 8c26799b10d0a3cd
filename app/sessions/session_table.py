"""What a store outside of the process has to be able to do: hold rows of sealed parts, and a lock for each.

This is the interface of storage drivers of one's own (`externalStoreFilePath`). Everything that has to do with
sessions, their secrets and their time is decided above it: a driver sees digests, sealed bytes and deadlines.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Glimpse:
    """The least one has to know of a row: `version` grows with every `write`; `ends_at` in epoch seconds."""

    version: int
    ends_at: float


@dataclass(frozen=True, slots=True)
class Row:
    """A whole row."""

    version: int
    ends_at: float
    parts: Mapping[bytes, bytes] = field(repr=False)


class SessionTable(Protocol):
    """Rows by key. All methods raise GatewayError `STORE_UNAVAILABLE` when the store does not answer."""

    async def glance(self, key: bytes) -> Glimpse | None:
        """The current version of a row; None when there is none."""

    async def read(self, key: bytes) -> Row | None:
        """A whole row; None when there is none."""

    async def create(self, key: bytes, parts: Mapping[bytes, bytes], ends_at: float, keep: float) -> None:
        """A new row of version 1, which the store forgets by itself after `keep` seconds.

        Rows whose `ends_at` is infinite are never among those that have ended.
        """

    async def name(self, name: bytes, key: bytes, keep: float) -> None:
        """Let a key be found under a name, for `keep` seconds; many keys can have the same.

        The key need not be that of a row: what is noted of a login that has ended is found under a name, too.
        """

    async def named(self, name: bytes) -> list[bytes]:
        """All keys that have a name, whether or not there is a row for them."""

    async def write(
        self, key: bytes, changed: Mapping[bytes, bytes], once: Mapping[bytes, bytes], removed: Collection[bytes]
    ) -> int:
        """Write some parts of a row, all or none, and leave the others alone.

        Parts in `once` stay what they are if they are there already. Returns the new version; 0 when there is no such
        row, and then nothing is written.
        """

    async def prolong(self, key: bytes, ends_at: float, keep: float) -> None:
        """Give a row another end; nothing when there is no such row."""

    async def delete(self, key: bytes) -> None:
        """Remove a row, if there is one."""

    async def take_ended(self, now: float) -> list[bytes]:
        """Keys of rows whose `ends_at` has come, some at a time; each is handed to one caller only."""

    async def claim(self, key: bytes, holder: bytes, seconds: float) -> bool:
        """Take the row's lock, or keep it for longer; False while another holder has it."""

    async def release(self, key: bytes, holder: bytes) -> None:
        """Give the lock back, if it is still this holder's."""

    async def aclose(self) -> None:
        """Release connections."""
