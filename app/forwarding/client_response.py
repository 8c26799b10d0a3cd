"""The backend's answer as the client gets it: hop-by-hop headers gone, ours added."""

from __future__ import annotations

from functools import lru_cache

from app.answer import Headers
from app.forwarding.headers import HOP_BY_HOP, HeaderList, nominated

COOKIE = b"set-cookie"
_CONNECTION = b"connection"
_BODYLESS = (204, 304)


@lru_cache(maxsize=4096)
def _passes(name: bytes) -> bool:
    return name not in HOP_BY_HOP and name != COOKIE


def shape_headers(status: int, headers: HeaderList, ours: Headers | HeaderList) -> HeaderList:
    """Headers for the client; `ours` take the place of the backend's with the same names.

    Cookies of the backend never pass by themselves: the caller decides which are among `ours`. A length that the status
    forbids is dropped (RFC 9110, 8.6); nothing is ever recomputed.
    """
    dropped = {name for name, _ in ours}
    if status in _BODYLESS:
        dropped.add(b"content-length")
    shaped: HeaderList = []
    for name, value in headers:
        if _passes(name):
            if name not in dropped:
                shaped.append((name, value))
        elif name == _CONNECTION and value.lower() not in (b"keep-alive", b"close"):
            hop_by_hop = nominated((value,))
            shaped = [pair for pair in shaped if pair[0] not in hop_by_hop]
            dropped |= hop_by_hop
    shaped += ours
    return shaped
