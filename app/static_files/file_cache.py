"""The files a directory has lately served, bounded by their bytes; the least recently used leave first."""

from __future__ import annotations

from collections import OrderedDict

from app.static_files.stored_file import Stamp, StoredFile

ENTRY_OVERHEAD = 1024
"""Bytes that an entry counts for beside its content, so that many empty files are bounded, too."""


class FileCache:
    """Stored files by location, for as long as the file on disk has the same stamp."""

    def __init__(self, max_bytes: int = 4 * 1024 * 1024) -> None:
        self._max_bytes = max_bytes
        self._entries: OrderedDict[str, StoredFile] = OrderedDict()
        self.bytes = 0

    def get(self, location: str, stamp: Stamp) -> StoredFile | None:
        """The stored file, unless it is unknown or has changed since."""
        entry = self._entries.get(location)
        if entry is None or entry.stamp != stamp:
            return None
        self._entries.move_to_end(location)
        return entry

    def put(self, file: StoredFile) -> None:
        """Keep a file; one that needs more than a quarter of the room is not kept."""
        self._forget(file.location)
        weight = _weight(file)
        if weight * 4 > self._max_bytes:
            return
        self._entries[file.location] = file
        self.bytes += weight
        while self.bytes > self._max_bytes:
            self._forget(next(iter(self._entries)))

    def _forget(self, location: str) -> None:
        entry = self._entries.pop(location, None)
        if entry is not None:
            self.bytes -= _weight(entry)


def _weight(file: StoredFile) -> int:
    return ENTRY_OVERHEAD + len(file.body or b"")
