"""Which part of a file answers a request, and under which status (RFC 9110, sections 13 and 14)."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from app.answer import Headers
from app.request_head import RequestHead
from app.static_files.byte_range import Part, UnsatisfiableRange, byte_range
from app.static_files.stored_file import StoredFile

_CONDITIONS = frozenset(
    {b"if-match", b"if-unmodified-since", b"if-none-match", b"if-modified-since", b"if-range", b"range"}
)
_LISTS = frozenset({b"if-match", b"if-none-match"})
_NOTHING = (b"content-length", b"0")
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
    """The answer to a GET or HEAD request for a file: 200, 206, 304, 412 or 416; HEAD has no bytes.

    Conditions are looked at in the order of RFC 9110, 13.2.2.
    """
    conditions = _conditions(head)
    if not conditions:
        answer = FileAnswer(200, file.headers, 0, file.size)
    elif not _is_expected(conditions, file):
        answer = FileAnswer(412, (_NOTHING,), 0, 0)
    elif _is_unchanged(conditions, file):
        kept = tuple(pair for pair in file.headers if pair[0] not in _NOT_IN_304)
        answer = FileAnswer(304, kept, 0, 0)
    else:
        answer = _ranged(head.method, conditions, file)
    return FileAnswer(answer.status, answer.headers, 0, 0) if head.method == "HEAD" else answer


def _conditions(head: RequestHead) -> _Conditions:
    """The conditions of a request by name; several lines of tags are one list (RFC 9110, 5.3)."""
    conditions: dict[bytes, bytes] = {}
    for name, value in head.headers:
        if name in _CONDITIONS:
            conditions[name] = conditions[name] + b"," + value if name in conditions and name in _LISTS else value
    return conditions


def _is_expected(conditions: _Conditions, file: StoredFile) -> bool:
    """Whether the file is one that the client wants: `If-Match`, by strong comparison, else `If-Unmodified-Since`."""
    tags = conditions.get(b"if-match")
    if tags is not None:
        return tags.strip() == b"*" or any(tag.strip() == file.etag for tag in tags.split(b","))
    limit = _moment(conditions.get(b"if-unmodified-since", b""))
    return limit is None or _last_moment(file) <= limit


def _is_unchanged(conditions: _Conditions, file: StoredFile) -> bool:
    tags = conditions.get(b"if-none-match")
    if tags is not None:  # RFC 9110, 13.1.3: If-Modified-Since is then ignored
        return tags.strip() == b"*" or any(tag.strip().removeprefix(b"W/") == file.etag for tag in tags.split(b","))
    since = conditions.get(b"if-modified-since", b"")
    if since == file.last_modified:
        return True
    limit = _moment(since)
    return limit is not None and _last_moment(file) <= limit


def _last_moment(file: StoredFile) -> tuple[int, ...]:
    return time.strptime(file.last_modified.decode(), _HTTP_DATE)[:6]


def _moment(date: bytes) -> tuple[int, ...] | None:
    """A date in a form to compare; None for one that cannot be read, which is no condition."""
    try:
        return time.strptime(date.decode(), _HTTP_DATE)[:6]
    except ValueError:
        return None


def _ranged(method: str, conditions: _Conditions, file: StoredFile) -> FileAnswer:
    whole = FileAnswer(200, file.headers, 0, file.size)
    wanted = conditions.get(b"range")
    if wanted is None or method != "GET" or not _may_be_partial(conditions, file):
        return whole
    try:
        part = byte_range(wanted.decode("latin-1"), file.size)
    except UnsatisfiableRange:
        return FileAnswer(416, ((b"content-range", b"bytes */%d" % file.size), _NOTHING), 0, 0)
    return whole if part is None else _partial(part, file)


def _may_be_partial(conditions: _Conditions, file: StoredFile) -> bool:
    """Whether `If-Range`, if sent, names the file as it is (strong comparison; RFC 9110, 13.1.5). A date is
    also that of its compressed forms.
    """
    named = conditions.get(b"if-range")
    return named in (None, file.etag) or (named == file.last_modified and not file.compressible)


def _partial(part: Part, file: StoredFile) -> FileAnswer:
    length = (b"content-length", b"%d" % (part.stop - part.start))
    extent = (b"content-range", b"bytes %d-%d/%d" % (part.start, part.stop - 1, file.size))
    others = tuple(pair for pair in file.headers if pair[0] != b"content-length")
    return FileAnswer(206, (*others, length, extent), part.start, part.stop)
