"""Reads a static file and prepares its answer. Blocking: call it in a thread."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import replace
from email.utils import formatdate

from app.compression.content import may_compress
from app.errors import Failure, GatewayError
from app.static_files.content_types import content_type, replaced_content_type
from app.static_files.path import FilePath
from app.static_files.placeholders import Placeholders
from app.static_files.stored_file import Stamp, StoredFile

SMALL = 64 * 1024
"""Files up to this size in bytes are read whole; larger ones are streamed."""


def not_found() -> GatewayError:
    """The error for a file that does not exist, or that nobody may know to exist."""
    return GatewayError(Failure.NO_ROUTE, "There is no such file.")


def load(
    root: str, path: FilePath, location: str, placeholders: Placeholders | None, cache_control: str | None
) -> StoredFile:
    """The file at `location`, which must lie below `root` when all symbolic links are followed.

    `root` is itself free of symbolic links. Raises GatewayError (404) when the file lies outside or is no regular
    file, and OSError when it cannot be read.
    """
    real = resolved(root, location)
    replaced = placeholders is not None and placeholders.concern(path.text)
    with open(real, "rb") as file:
        stamp = Stamp.of(os.fstat(file.fileno()))
        body = file.read() if replaced or stamp.size <= SMALL else None
    if body is not None and placeholders is not None and replaced:
        body = placeholders.fill(body)
    kind = (replaced_content_type if replaced else content_type)(path.segments[-1])
    return replace(_stored(location, stamp, body, kind, cache_control), replaced=replaced)


def resolved(root: str, location: str) -> str:
    """The path of a regular file without symbolic links. Raises like `load`."""
    real = os.path.realpath(location, strict=True)
    if not real.startswith(os.path.join(root, "")):
        raise not_found()
    if not stat.S_ISREG(os.stat(real).st_mode):  # before opening: a named pipe would block
        raise not_found()
    return real


def _stored(location: str, stamp: Stamp, body: bytes | None, kind: bytes, cache_control: str | None) -> StoredFile:
    etag = _etag(stamp, body)
    modified = formatdate(stamp.modified_ns // 1_000_000_000, usegmt=True).encode()
    size = stamp.size if body is None else len(body)
    headers = [
        (b"content-type", kind),
        (b"content-length", b"%d" % size),
        (b"etag", etag),
        (b"last-modified", modified),
        (b"accept-ranges", b"bytes"),
    ]
    if cache_control is not None:
        headers.append((b"cache-control", cache_control.encode("ascii")))
    compressible = may_compress(200, headers, mixed=False)
    return StoredFile(location, stamp, size, etag, modified, tuple(headers), body, compressible=compressible)


def _etag(stamp: Stamp, body: bytes | None) -> bytes:
    """A strong validator: of the content where it was read, since packaging tools like to reset modification times."""
    if body is None:
        return b'"%x-%x"' % (stamp.modified_ns, stamp.size)
    return b'"%s"' % hashlib.blake2b(body, digest_size=12).hexdigest().encode()
