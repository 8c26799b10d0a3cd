"""A static file as it is answered: its validators and headers, and its content while that is small."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from app.answer import Headers


@dataclass(frozen=True, slots=True)
class Stamp:
    """What changes when a file changes or another takes its name; times in nanoseconds since the epoch."""

    device: int
    inode: int
    modified_ns: int
    changed_ns: int
    size: int

    @classmethod
    def of(cls, status: os.stat_result) -> Stamp:
        """The stamp of a file with this status."""
        return cls(status.st_dev, status.st_ino, status.st_mtime_ns, status.st_ctime_ns, status.st_size)


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file known to lie inside its root.

    `size` is that of the answer, which differs from the file's where placeholders are replaced. `body` is None for
    files that are streamed from `location`. `headers` are those of a complete answer, `content-length` included.
    `coding` names the content coding of a compressed form; `compressible` tells that such forms may be made, `replaced`
    that placeholders were looked for.
    """

    location: str
    stamp: Stamp
    size: int
    etag: bytes
    last_modified: bytes
    headers: Headers
    body: bytes | None = field(default=None, repr=False)
    coding: bytes = b""
    compressible: bool = False
    replaced: bool = False
