"""`$batch` of OData V2 and V4 in the multipart form: requests inside a body, changesets all or nothing."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

from app.landscape.odata_exchange import ODataAnswer, ODataRequest, part_of
from app.landscape.odata_schema import ODataError, bad_request
from app.landscape.odata_store import Store

Handle = Callable[[ODataRequest], ODataAnswer]

_BOUNDARY = re.compile(r'boundary="?([^";\s]{1,70})"?')
_REQUEST_LINE = re.compile(r"([A-Z]+) (\S+) HTTP/1\.1")
_REFERENCE = re.compile(r"^\$(\w+)")


@dataclass(frozen=True, slots=True)
class Dialect:
    """What the versions of OData do not agree on: `stops` says that after a failure nothing more is done (V4, 11.7.2),
    unless the request prefers `continue-on-error`.
    """

    status: int
    headers: Mapping[str, str]
    stops: bool


V2 = Dialect(202, {"DataServiceVersion": "2.0"}, stops=False)
V4 = Dialect(200, {"OData-Version": "4.0"}, stops=True)


class _ChangesetFailed(ODataError):
    """One request of a changeset failed; its answer stands for the whole."""

    def __init__(self, answer: ODataAnswer) -> None:
        super().__init__(answer.status, "", "The changeset failed")
        self.answer = answer


@dataclass(frozen=True, slots=True)
class _Part:
    """Headers and content of one part of a multipart body."""

    headers: Mapping[str, str]
    content: bytes


def handle(request: ODataRequest, handle_one: Handle, store: Store, dialect: Dialect) -> ODataAnswer:
    """The answer to a whole batch: a part for each request, and a nested multipart for each changeset."""
    if request.method != "POST":
        raise ODataError(405, "/IWFND/CM_MGW/083", "A batch must be sent with POST")
    boundary = f"batch_{uuid.uuid4().hex}"
    stops = dialect.stops and "continue-on-error" not in request.headers.get("prefer", "")
    answers = []
    for part in _split(request.headers.get("content-type", ""), request.body):
        answer, failed = _one_or_changeset(request, part, handle_one, store)
        answers.append(answer)
        if failed and stops:
            break
    headers = {"Content-Type": f"multipart/mixed; boundary={boundary}", **dialect.headers}
    return ODataAnswer(dialect.status, headers, _join(boundary, answers))


def _one_or_changeset(request: ODataRequest, part: _Part, handle_one: Handle, store: Store) -> tuple[bytes, bool]:
    """The part that answers a part, and whether what it asked for failed."""
    if part.headers.get("content-type", "").startswith("multipart/mixed"):
        try:
            with store.all_or_nothing():
                return _changeset(request, part, handle_one), False
        except _ChangesetFailed as failed:
            return _single(failed.answer), True
    answer = handle_one(_read(request, part))
    return _single(answer), answer.status >= 400


def _changeset(request: ODataRequest, part: _Part, handle_one: Handle) -> bytes:
    boundary = f"changeset_{uuid.uuid4().hex}"
    answers = _run_changeset(request, part, handle_one)
    return f"Content-Type: multipart/mixed; boundary={boundary}\r\n\r\n".encode() + _join(boundary, answers)


def _run_changeset(request: ODataRequest, changeset: _Part, handle_one: Handle) -> list[bytes]:
    answers: list[bytes] = []
    created: dict[str, str] = {}
    for part in _split(changeset.headers["content-type"], changeset.content):
        inner = _read(request, part, created)
        content_id = inner.headers.get("content-id") or part.headers.get("content-id", "")
        if inner.method == "GET":
            raise bad_request("A changeset must not contain GET")
        answer = handle_one(inner)
        if answer.status >= 400:
            raise _ChangesetFailed(answer)
        if content_id:
            created[content_id] = answer.headers.get("Location", "")
        answers.append(_single(answer, content_id))
    return answers


def _split(content_type: str, body: bytes) -> list[_Part]:
    match = _BOUNDARY.search(content_type)
    if match is None or not content_type.startswith("multipart/mixed"):
        raise bad_request("A batch needs content type multipart/mixed with a boundary")
    pieces = (b"\r\n" + body).split(b"\r\n--" + match[1].encode())
    if len(pieces) < 2 or not pieces[-1].startswith(b"--"):
        raise bad_request("The multipart body is not ended by its boundary")
    return [_part(piece) for piece in pieces[1:-1]]


def _part(piece: bytes) -> _Part:
    head, _, content = piece.lstrip(b" \t").removeprefix(b"\r\n").partition(b"\r\n\r\n")
    return _Part(_headers(head), content)


def _headers(head: bytes) -> dict[str, str]:
    pairs = (line.partition(":") for line in head.decode("utf-8", "replace").split("\r\n") if ":" in line)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _read(request: ODataRequest, part: _Part, created: Mapping[str, str] | None = None) -> ODataRequest:
    if not part.headers.get("content-type", "").startswith("application/http"):
        raise bad_request("A part of a batch must be application/http")
    head, _, body = part.content.lstrip(b"\r\n").partition(b"\r\n\r\n")
    line, _, rest = head.partition(b"\r\n")
    match = _REQUEST_LINE.fullmatch(line.decode("utf-8", "replace").strip())
    if match is None:
        raise bad_request("A part of a batch has a malformed request line")
    url = _REFERENCE.sub(lambda found: (created or {}).get(found[1], found[0]), match[2])
    headers = _headers(rest)
    length = headers.get("content-length", "")
    body = body[: int(length)] if length.isascii() and length.isdigit() else body.removesuffix(b"\r\n")
    headers.setdefault("accept", request.headers.get("accept", ""))
    return part_of(request, match[1], url, headers, body)


def _single(answer: ODataAnswer, content_id: str = "") -> bytes:
    """A part that holds one answer. V2 looks for the content id in the answer, V4 in the part."""
    name = f"Content-ID: {content_id}\r\n" if content_id else ""
    headers = {**answer.headers, "Content-Length": str(len(answer.body))}
    lines = "".join(f"{header}: {value}\r\n" for header, value in headers.items()) + name
    inner = f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}\r\n{lines}\r\n".encode() + answer.body
    outer = f"Content-Type: application/http\r\nContent-Length: {len(inner)}\r\n{name}"
    return f"{outer}Content-Transfer-Encoding: binary\r\n\r\n".encode() + inner


def _join(boundary: str, parts: list[bytes]) -> bytes:
    marker = f"--{boundary}".encode()
    return b"".join(marker + b"\r\n" + part + b"\r\n" for part in parts) + marker + b"--\r\n"
