"""The files a directory has lately served, bounded by their bytes; the least recently used leave first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

from app.static_files.stored_file import Stamp, StoredFile

ENTRY_OVERHEAD = 1024
"""Bytes that an entry counts for beside its content, so that many empty files are bounded, too."""


K = TypeVar("K", bound=Hashable)


class FileCache(Generic[K]):
    """Stored files by keys of the user's choice, for as long as the file on disk has the same stamp."""

    def __init__(self, max_bytes: int = 4 * 1024 * 1024) -> None:
        self._max_bytes = max_bytes
        self._entries: OrderedDict[K, StoredFile] = OrderedDict()
        self.bytes = 0

    def get(self, key: K, stamp: Stamp) -> StoredFile | None:
        """The stored file, unless it is unknown or has changed since."""
        entry = self._entries.get(key)
        if entry is None or entry.stamp != stamp:
            return None
        self._entries.move_to_end(key)
        return entry

    def put(self, key: K, file: StoredFile) -> None:
        """Keep a file; one that needs more than a quarter of the room is not kept."""
        self._forget(key)
        weight = _weight(file)
        if weight * 4 > self._max_bytes:
            return
        self._entries[key] = file
        self.bytes += weight
        while self.bytes > self._max_bytes:
            self._forget(next(iter(self._entries)))

    def _forget(self, key: K) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self.bytes -= _weight(entry)


def _weight(file: StoredFile) -> int:
    return ENTRY_OVERHEAD + len(file.body or b"")
