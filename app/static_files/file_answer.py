"""Which part of a file answers a request, and under which status (RFC 9110, sections 13 and 14)."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from app.answer import Headers
from app.request_head import RequestHead
from app.static_files.byte_range import Part, UnsatisfiableRange, byte_range
from app.static_files.stored_file import StoredFile

_CONDITIONS = frozenset({b"if-none-match", b"if-modified-since", b"if-range", b"range"})
_NOT_IN_304 = frozenset({b"content-type", b"content-length", b"content-encoding"})
_HTTP_DATE = "%a, %d %b %Y %H:%M:%S GMT"
_Conditions = Mapping[bytes, bytes]


@dataclass(frozen=True, slots=True)
class FileAnswer:
    """The head of an answer, and the bytes of the file that follow."""

    status: int
    headers: Headers
    start: int
    stop: int


def file_answer(head: RequestHead, file: StoredFile) -> FileAnswer:
    """The answer to a GET or HEAD request for a file: 200, 206, 304 or 416; HEAD has no bytes."""
    conditions = {name: value for name, value in head.headers if name in _CONDITIONS}
    if not conditions:
        answer = FileAnswer(200, file.headers, 0, file.size)
    elif _is_unchanged(conditions, file):
        kept = tuple(pair for pair in file.headers if pair[0] not in _NOT_IN_304)
        answer = FileAnswer(304, kept, 0, 0)
    else:
        answer = _ranged(head.method, conditions, file)
    return FileAnswer(answer.status, answer.headers, 0, 0) if head.method == "HEAD" else answer


def _is_unchanged(conditions: _Conditions, file: StoredFile) -> bool:
    tags = conditions.get(b"if-none-match")
    if tags is not None:  # RFC 9110, 13.1.3: If-Modified-Since is then ignored
        return tags.strip() == b"*" or any(tag.strip().removeprefix(b"W/") == file.etag for tag in tags.split(b","))
    since = conditions.get(b"if-modified-since")
    return since is not None and (since == file.last_modified or _not_after(file.last_modified, since))


def _not_after(date: bytes, limit: bytes) -> bool:
    try:
        return time.strptime(date.decode(), _HTTP_DATE)[:6] <= time.strptime(limit.decode(), _HTTP_DATE)[:6]
    except ValueError:  # a date that cannot be read is no condition
        return False


def _ranged(method: str, conditions: _Conditions, file: StoredFile) -> FileAnswer:
    whole = FileAnswer(200, file.headers, 0, file.size)
    wanted = conditions.get(b"range")
    if wanted is None or method != "GET" or not _may_be_partial(conditions, file):
        return whole
    try:
        part = byte_range(wanted.decode("latin-1"), file.size)
    except UnsatisfiableRange:
        return FileAnswer(416, ((b"content-range", b"bytes */%d" % file.size), (b"content-length", b"0")), 0, 0)
    return whole if part is None else _partial(part, file)


def _may_be_partial(conditions: _Conditions, file: StoredFile) -> bool:
    """Whether `If-Range`, if sent, names the file as it is (strong comparison; RFC 9110, 13.1.5)."""
    return conditions.get(b"if-range") in {None, file.etag, file.last_modified}


def _partial(part: Part, file: StoredFile) -> FileAnswer:
    length = (b"content-length", b"%d" % (part.stop - part.start))
    extent = (b"content-range", b"bytes %d-%d/%d" % (part.start, part.stop - 1, file.size))
    others = tuple(pair for pair in file.headers if pair[0] != b"content-length")
    return FileAnswer(206, (*others, length, extent), part.start, part.stop)
