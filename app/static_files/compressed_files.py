"""Compressed forms of static files: made once and kept, or taken from `name.br` and `name.gz` beside the original.

A form is as good as its original's stamp: when the file changes, the form is made anew. Range requests get the file as
it is, and so does everybody where it is too large to be kept. HEAD gets the headers of the form that GET would get
(RFC 9110, 8.6).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass

from app.answer import Headers
from app.compression.answer_compression import ACCEPT_ENCODING, encoded_headers, weak_etag
from app.compression.coding import Coding, preferred
from app.compression.encoders import compress_once
from app.errors import GatewayError
from app.request_head import RequestHead
from app.static_files.file_cache import FileCache
from app.static_files.loading import resolved
from app.static_files.stored_file import Stamp, StoredFile
from app.tokens.single_flight import SingleFlight
from app.vary import VARY

CODINGS = (Coding.BROTLI, Coding.ZSTD, Coding.GZIP)
"""In the order of how small they make what may take its time."""

KEPT_BYTES = 32 * 1024 * 1024
"""What all forms together may take."""

LARGEST = 8 * 1024 * 1024
"""Files above this size in bytes are not compressed: it would take seconds, and their forms too much room."""

VARIES: Headers = ((VARY, ACCEPT_ENCODING),)
_SUFFIXES = {Coding.BROTLI: ".br", Coding.GZIP: ".gz"}


@dataclass(frozen=True, slots=True)
class FormKey:
    """Names a form. `headers` are those of the original as its route has it: they name its content, which depends on
    the placeholders that the route replaces, and say how long it may be kept.
    """

    location: str
    headers: Headers
    coding: Coding


class CompressedFiles:
    """The forms of all directories. `min_size`: bytes from which on files are compressed."""

    def __init__(self, min_size: int, cache: FileCache[FormKey] | None = None) -> None:
        self._min_size = min_size
        self._cache: FileCache[FormKey] = FileCache(KEPT_BYTES) if cache is None else cache
        self._making: SingleFlight[FormKey, StoredFile | None] = SingleFlight()

    async def best(self, head: RequestHead, file: StoredFile, root: str) -> StoredFile:
        """The form of a file that suits a request; the file itself when none does.

        `root` is the directory which forms beside the file may not leave; they do not serve where placeholders of the
        file are replaced.
        """
        accept = head.first.get(b"accept-encoding")
        if accept is None or b"range" in head.first:
            return file
        if not file.compressible or file.size < self._min_size:
            return file
        beside = None if file.replaced else await self._beside(file, accept, root)
        if beside is not None:
            return beside
        coding = preferred(accept, CODINGS)
        if coding is None or file.size > LARGEST:
            return file
        key = FormKey(file.location, file.headers, coding)
        kept = self._cache.get(key, file.stamp)
        return kept or await self._form(key, lambda: _made(file, coding)) or file

    async def _beside(self, file: StoredFile, accept: bytes, root: str) -> StoredFile | None:
        stamps = {coding: stamp for coding, suffix in _SUFFIXES.items() if (stamp := _stamp_beside(file, suffix))}
        coding = preferred(accept, tuple(stamps)) if stamps else None
        if coding is None:
            return None
        key = FormKey(file.location + _SUFFIXES[coding], file.headers, coding)
        kept = self._cache.get(key, stamps[coding])
        return kept or await self._form(key, lambda: _read_beside(file, coding, key.location, root))

    async def _form(self, key: FormKey, make: Callable[[], StoredFile | None]) -> StoredFile | None:
        """Make a form once, however many want it at the same time; None when that is not possible."""

        async def made_and_kept() -> StoredFile | None:
            form = await asyncio.to_thread(make)
            if form is not None:
                self._cache.put(key, form)
            return form

        return await self._making.run(key, made_and_kept)


def _stamp_beside(file: StoredFile, suffix: str) -> Stamp | None:
    """The stamp of a form beside the file; None when there is none, or one that is older than the file."""
    try:
        stamp = Stamp.of(os.stat(file.location + suffix))
    except OSError:
        return None
    return stamp if stamp.modified_ns >= file.stamp.modified_ns else None


def _read_beside(file: StoredFile, coding: Coding, location: str, root: str) -> StoredFile | None:
    try:
        with open(resolved(root, location), "rb") as source:
            stamp = Stamp.of(os.fstat(source.fileno()))
            body = source.read() if stamp.size <= LARGEST else None
    except (OSError, GatewayError):  # without it, we make a form ourselves
        return None
    return _form_of(file, coding, location, stamp, body)


def _made(file: StoredFile, coding: Coding) -> StoredFile | None:
    body = file.body
    if body is None:
        try:
            with open(file.location, "rb") as source:
                unchanged = Stamp.of(os.fstat(source.fileno())) == file.stamp
                body = source.read() if unchanged else None
        except OSError:
            return None
    return None if body is None else _form_of(file, coding, file.location, file.stamp, compress_once(coding, body))


def _form_of(file: StoredFile, coding: Coding, location: str, stamp: Stamp, body: bytes | None) -> StoredFile:
    size = stamp.size if body is None else len(body)
    headers = (*weak_etag(encoded_headers(list(file.headers), coding)), (b"content-length", b"%d" % size))
    return StoredFile(location, stamp, size, file.etag, file.last_modified, headers, body, coding.value)
