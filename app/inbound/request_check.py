"""Refuses requests that could be read in two ways, before anything is done with them.

llhttp, strict, has already refused broken syntax. What is checked here is what it lets through and an intermediary must
not (RFC 9112, 3.2, 6.1, 6.3; attack cases 1 to 28, 51).
"""

from __future__ import annotations

import re

from app.errors import Failure, GatewayError

MAX_TARGET = 8192
MAX_HEADERS = 100
MAX_HEAD_BYTES = 64 * 1024

METHODS = frozenset(
    b"GET HEAD POST PUT PATCH DELETE OPTIONS MERGE PROPFIND PROPPATCH MKCOL COPY MOVE LOCK UNLOCK REPORT SEARCH "
    b"LINK UNLINK QUERY".split()
)
"""CONNECT would open a tunnel and TRACE would echo secrets; both are refused like unknown methods."""

_HOST = re.compile(rb"(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+(?::\d{1,5})?|\[[0-9A-Fa-f:.]+\](?::\d{1,5})?")
_ABSOLUTE = re.compile(rb"https?://([^/?#@]*)((?:[/?].*)?)", re.IGNORECASE)
_TRANSFER_ENCODING = b"transfer-encoding"
_TLS = b"\x16\x03"
"""How a TLS client begins."""
_BAD_TARGET = re.compile(rb"[^\x21-\x7e]|#")


class Rejected(GatewayError):
    """The request is refused and the connection closed; nothing after it is read."""


def check_headers(method: bytes, version: str, headers: list[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """The headers by name. Raises Rejected for a head whose framing or host is ambiguous. Names are lower-case."""
    if version not in ("1.1", "1.0"):
        raise Rejected(Failure.VERSION_NOT_SUPPORTED)
    if method not in METHODS:
        raise _method_refused(method)
    if len(headers) > MAX_HEADERS:
        raise Rejected(Failure.HEADERS_TOO_LARGE, f"more than {MAX_HEADERS} header fields")
    fields = dict(headers)
    if len(fields) != len(headers) and (_count(headers, b"host") > 1 or _count(headers, _TRANSFER_ENCODING) > 1):
        raise Rejected(Failure.BAD_REQUEST, "repeated Host or Transfer-Encoding")
    host = fields.get(b"host")
    if host is None and version == "1.1":
        raise Rejected(Failure.BAD_REQUEST, "missing Host")
    if host is not None and not _HOST.fullmatch(host):
        raise Rejected(Failure.BAD_REQUEST, "invalid Host")
    if _TRANSFER_ENCODING in fields and (fields[_TRANSFER_ENCODING].lower() != b"chunked" or version != "1.1"):
        raise Rejected(Failure.BAD_REQUEST, "invalid Transfer-Encoding")
    if b"expect" in fields and any(value.lower() != b"100-continue" for name, value in headers if name == b"expect"):
        raise Rejected(Failure.EXPECTATION_FAILED)
    return fields


def framing(headers: list[tuple[bytes, bytes]]) -> tuple[bytes, bytes] | None:
    """The header that says where the body of a request ends, None for a request without a body."""
    for name, value in headers:
        if name == _TRANSFER_ENCODING or (name == b"content-length" and value != b"0"):
            return name, value
    return None


def origin_form(url: bytes, headers: list[tuple[bytes, bytes]]) -> bytes:
    """The target in origin form, unchanged but for that.

    An absolute-form target is taken apart; its authority replaces the Host header (RFC 9112, 3.2.2).
    """
    if len(url) > MAX_TARGET:
        raise Rejected(Failure.URI_TOO_LONG, f"more than {MAX_TARGET} bytes")
    if _BAD_TARGET.search(url):
        raise Rejected(Failure.BAD_REQUEST, "invalid target")
    if url.startswith(b"/"):
        return url
    absolute = _ABSOLUTE.fullmatch(url)
    if absolute is None or not _HOST.fullmatch(absolute[1]):
        raise Rejected(Failure.BAD_REQUEST, "invalid target")
    headers[:] = [(b"host", absolute[1]), *(pair for pair in headers if pair[0] != b"host")]
    rest = absolute[2]
    return rest if rest.startswith(b"/") else b"/" + rest


def malformed(data: bytes) -> Rejected:
    """The refusal of bytes that are no HTTP."""
    return Rejected(Failure.BAD_REQUEST, "TLS where plain HTTP is spoken" if data[:2] == _TLS else "malformed request")


def too_large() -> Rejected:
    """The refusal of a head, of trailers or of chunk extensions beyond MAX_HEAD_BYTES."""
    return Rejected(Failure.HEADERS_TOO_LARGE, f"more than {MAX_HEAD_BYTES} bytes")


def _count(headers: list[tuple[bytes, bytes]], wanted: bytes) -> int:
    return sum(name == wanted for name, _ in headers)


def _method_refused(method: bytes) -> Rejected:
    if method in (b"TRACE", b"CONNECT"):
        return Rejected(Failure.METHOD_NOT_ALLOWED, headers=((b"allow", b", ".join(sorted(METHODS))),))
    return Rejected(Failure.METHOD_NOT_SUPPORTED)
