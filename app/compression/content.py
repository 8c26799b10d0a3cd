"""Which answers gain by compression: decided from status and headers alone."""

from __future__ import annotations

from functools import lru_cache

from app.answer import Headers

_EVENT_STREAM = b"text/event-stream"
_MIXED = b"multipart/mixed"
_SUFFIXES = (b"+json", b"+xml", b"+text", b"+yaml")
_TYPES = frozenset(
    b"""
    application/ecmascript application/javascript application/json application/json5 application/ld+json
    application/rtf application/toml application/vnd.ms-fontobject application/wasm application/x-javascript
    application/x-ndjson application/x-sh application/x-yaml application/xml application/xml-dtd application/yaml
    font/otf font/ttf image/bmp image/vnd.microsoft.icon image/x-icon image/x-ms-bmp
    """.split()
)
_LONGEST = 256
_NO_CONTENT = frozenset({204, 205, 206, 304})
"""No body, or a part of one, whose bytes are counted without a coding (RFC 9110, 14.2)."""


def is_compressible(content_type: bytes, mixed: bool = False) -> bool:
    """Whether content of this type shrinks: text in the widest sense, never event streams.

    `mixed`: `compressResponseMixedTypeContent`, whether multipart/mixed counts, too.
    """
    return len(content_type) <= _LONGEST and _is_compressible(content_type, mixed)


@lru_cache(maxsize=1024)
def _is_compressible(content_type: bytes, mixed: bool) -> bool:
    media_type = content_type.partition(b";")[0].strip().lower()
    if media_type == _MIXED:
        return mixed
    if media_type == _EVENT_STREAM:
        return False
    return media_type.startswith(b"text/") or media_type in _TYPES or media_type.endswith(_SUFFIXES)


def may_compress(status: int, headers: Headers | list[tuple[bytes, bytes]], mixed: bool) -> bool:
    """Whether an answer may be compressed for a client that wants that; `headers` have lower-case names.

    Never: what is encoded already, has no body or a part of one, or is marked `no-transform` (RFC 9111, 5.2.2.6).
    """
    found = dict(headers)
    content_type = found.get(b"content-type")
    if content_type is None or not is_compressible(content_type, mixed):
        return False
    if status < 200 or status in _NO_CONTENT or b"content-encoding" in found:
        return False
    return b"cache-control" not in found or not _forbids(headers)


def declared_size(headers: Headers | list[tuple[bytes, bytes]]) -> int | None:
    """Bytes of the body as announced; None when they are not."""
    for name, value in headers:
        if name == b"content-length":
            return int(value)
    return None


def _forbids(headers: Headers | list[tuple[bytes, bytes]]) -> bool:
    return any(name == b"cache-control" and b"no-transform" in value.lower() for name, value in headers)
