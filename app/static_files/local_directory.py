"""Serves the files of a route's `localDir`."""

from __future__ import annotations

import asyncio
import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from app.answer import Answer, Headers, redirect
from app.cache_control import make_private
from app.errors import Failure, GatewayError
from app.http_date import date_header
from app.request_head import RequestHead
from app.send_answer import Send, send_answer
from app.static_files.compressed_files import VARIES, CompressedFiles
from app.static_files.file_answer import FileAnswer, file_answer
from app.static_files.file_cache import FileCache
from app.static_files.loading import SMALL, load, not_found
from app.static_files.path import FilePath, file_path
from app.static_files.placeholders import Placeholders
from app.static_files.stored_file import Stamp, StoredFile
from app.vary import VARY, add_vary

INDEX = "index.html"
_ALLOW = ((b"allow", b"GET, HEAD"),)
_ABSENT = frozenset(
    {errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENAMETOOLONG, errno.EINVAL}
)
_URL_CHARACTERS = "!$%&'()*+,-./:;=?@[]_~"


def _never() -> bool:
    return False


class LocalDirectory:
    """A directory and the way a route serves it: `cache_control` and `placeholders` are the route's properties."""

    def __init__(
        self,
        root: Path,
        *,
        cache_control: str | None = None,
        placeholders: Placeholders | None = None,
        cache: FileCache[str] | None = None,
        compressed: CompressedFiles | None = None,
    ) -> None:
        self._root = os.path.realpath(root)
        self._cache_control = cache_control
        self._placeholders = placeholders
        self._cache: FileCache[str] = FileCache() if cache is None else cache
        self._compressed = compressed

    async def serve(
        self,
        head: RequestHead,
        path: str,
        send: Send,
        headers: Headers = (),
        is_gone: Callable[[], bool] = _never,
        *,
        personal: bool = False,
    ) -> None:
        """Answer a request with the file at `path`, the rewritten target.

        `headers` (lower-case names) are added where the answer has none of that name. `is_gone` tells that the client
        has left: no more of the file is then read. `personal`: the headers are one user's, no shared cache may keep
        them, whatever the route says of the file.

        Raises GatewayError before anything is sent: NO_ROUTE, PATH_REFUSED, METHOD_NOT_ALLOWED with `Allow`, INTERNAL
        when a file cannot be read; afterwards only where the file breaks off, so that the connection is aborted.
        """
        if head.method not in {"GET", "HEAD"}:
            raise GatewayError(Failure.METHOD_NOT_ALLOWED, "Static files are read only.", _ALLOW)
        try:
            found = await self._find(head, file_path(path))
        except OSError as error:
            raise _failure(error) from error
        if isinstance(found, Answer):
            return await send_answer(found.with_headers(headers), head.method, send)
        if self._compressed is not None and found.compressible:
            headers += VARIES
            found = await self._compressed.best(head, found, self._root)
        answer = file_answer(head, found)
        await _send_file(found, answer, send, _complete(answer, headers, personal), is_gone)

    async def _find(self, head: RequestHead, wanted: FilePath) -> StoredFile | Answer:
        """The file, or the redirect of a directory's address to the one with a slash."""
        if wanted.directory:
            wanted = wanted.index(INDEX)
        location = self._root + wanted.text
        status = os.stat(location)
        if stat.S_ISDIR(status.st_mode):
            if not head.path.endswith("/"):
                return _with_slash(head)
            return await self._find(head, FilePath(wanted.segments, directory=True))
        cached = self._cache.get(location, Stamp.of(status))
        return cached or await self._load(wanted, location)

    async def _load(self, wanted: FilePath, location: str) -> StoredFile:
        file = await asyncio.to_thread(load, self._root, wanted, location, self._placeholders, self._cache_control)
        self._cache.put(location, file)
        return file


def _with_slash(head: RequestHead) -> Answer:
    """Redirect to the same address with a slash, relative to it: whatever the path says, the host stays."""
    segment = head.path.rpartition("/")[2]
    query = "?" + head.query if head.query else ""
    return redirect("./" + quote(f"{segment}/{query}".encode("latin-1"), safe=_URL_CHARACTERS))


def _failure(error: OSError) -> GatewayError:
    return not_found() if error.errno in _ABSENT else GatewayError(Failure.INTERNAL, "The file could not be read.")


def _complete(answer: FileAnswer, extra: Headers, personal: bool) -> list[tuple[bytes, bytes]]:
    """The headers of an answer, with others that it has not got itself."""
    own = {name for name, _ in answer.headers}
    headers = [*answer.headers, date_header()]
    for name, value in extra:
        if name == VARY:
            add_vary(headers, value)
        elif name not in own:
            headers.append((name, value))
    if personal:
        make_private(headers)
    return headers


async def _send_file(
    file: StoredFile, answer: FileAnswer, send: Send, headers: list[tuple[bytes, bytes]], is_gone: Callable[[], bool]
) -> None:
    start = {"type": "http.response.start", "status": answer.status, "headers": headers}
    if file.body is not None or answer.start == answer.stop:
        await send(start)
        await send({"type": "http.response.body", "body": (file.body or b"")[answer.start : answer.stop]})
    else:
        await _stream(file, answer, start, send, is_gone)


async def _stream(
    file: StoredFile, answer: FileAnswer, start: dict[str, object], send: Send, is_gone: Callable[[], bool]
) -> None:
    """Send a large file piece by piece: a slow client holds one of them in memory."""
    with await asyncio.to_thread(open, file.location, "rb", 0) as source:
        if Stamp.of(os.fstat(source.fileno())) != file.stamp:
            raise GatewayError(Failure.INTERNAL, "The file changed while it was being read.")
        await send(start)
        source.seek(answer.start)
        left = answer.stop - answer.start
        while left and not is_gone():
            piece = await asyncio.to_thread(source.read, min(SMALL, left))
            if not piece:
                raise GatewayError(Failure.INTERNAL, "The file became shorter while it was sent.")
            left -= len(piece)
            await send({"type": "http.response.body", "body": piece, "more_body": left > 0})
