"""`Cache-Control`: who may keep an answer (RFC 9111, 5.2.2). Shared caches must not keep what is one user's."""

from __future__ import annotations

from app.answer import Headers

CACHE_CONTROL = b"cache-control"
PRIVATE = (CACHE_CONTROL, b"private")
_FOR_SHARED_CACHES = frozenset((b"public", b"s-maxage", b"proxy-revalidate", b"private"))


def unshared(headers: Headers) -> Headers:
    """Headers that say something about caches; `private` where they did not."""
    return headers if any(name == CACHE_CONTROL for name, _ in headers) else (*headers, PRIVATE)


def make_private(headers: list[tuple[bytes, bytes]]) -> None:
    """Have no shared cache keep an answer with these headers (lower-case names), in place; browsers may."""
    values = [value for name, value in headers if name == CACHE_CONTROL]
    headers[:] = [pair for pair in headers if pair[0] != CACHE_CONTROL]
    headers.append((CACHE_CONTROL, b", ".join([PRIVATE[1], *_others(b", ".join(values))])))


def _others(value: bytes) -> list[bytes]:
    """The directives but those about shared caches; all where quoted lists of names are among them."""
    if b'"' in value:
        return [value]
    directives = [each.strip() for each in value.split(b",")]
    return [each for each in directives if each and each.partition(b"=")[0].strip().lower() not in _FOR_SHARED_CACHES]
