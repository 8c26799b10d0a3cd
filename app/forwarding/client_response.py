"""The backend's answer as the client gets it: hop-by-hop headers gone, ours added, cookies where they belong."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from app.answer import Headers
from app.forwarding.headers import HOP_BY_HOP, HeaderList, nominated

CookieFilter = Callable[[bytes], bool]
"""Decides about one Set-Cookie value of a backend: True when the client may have it."""

_COOKIE = b"set-cookie"
_CONNECTION = b"connection"
_LENGTH = b"content-length"


@lru_cache(maxsize=4096)
def _passes(name: bytes) -> bool:
    return name not in HOP_BY_HOP and name != _COOKIE


def shape_headers(
    status: int, headers: HeaderList, added: Headers, defaults: Headers, may_have_cookie: CookieFilter
) -> HeaderList:
    """Headers for the client.

    `added` replace those of the backend with the same names, `defaults` are used where the backend has none.
    A length that the status forbids is dropped (RFC 9110, 8.6); nothing is ever recomputed.
    """
    ours = {name for name, _ in added}
    shaped: HeaderList = []
    dropped: frozenset[bytes] = frozenset()
    for name, value in headers:
        if _passes(name):
            if name not in ours:
                shaped.append((name, value))
        elif name == _COOKIE:
            if may_have_cookie(value):
                shaped.append((name, value))
        elif name == _CONNECTION:
            dropped |= nominated((value,))
    if dropped - {b"keep-alive"} or status in (204, 304):
        dropped |= {_LENGTH} if status in (204, 304) else frozenset()
        shaped = [pair for pair in shaped if pair[0] not in dropped]
    shaped += added
    if defaults:
        present = {name for name, _ in shaped}
        shaped += [pair for pair in defaults if pair[0] not in present]
    return shaped
