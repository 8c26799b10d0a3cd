"""The backend's answer as the client gets it: hop-by-hop headers gone, ours added."""

from __future__ import annotations

from collections.abc import Mapping

from app.answer import Headers
from app.forwarding.headers import HOP_BY_HOP, HeaderList, nominated

COOKIE = b"set-cookie"
_CONNECTION = b"connection"
_LENGTH = frozenset((b"content-length",))
_BODYLESS = (204, 304)
_NEVER = HOP_BY_HOP | {COOKIE}


def shape_headers(status: int, headers: HeaderList, names: Mapping[bytes, bytes], ours: Headers) -> HeaderList:
    """Headers for the client; `ours` take the place of the backend's with the same names.

    `names` are the backend's headers by name. Cookies of the backend never pass by themselves: the caller decides which
    are among `ours`. A length that the status forbids is dropped (RFC 9110, 8.6); nothing is ever recomputed.
    """
    withheld = _NEVER
    if ours:
        withheld |= {name for name, _ in ours}
    if status in _BODYLESS:
        withheld |= _LENGTH
    if _CONNECTION in names:
        withheld |= nominated([value for name, value in headers if name == _CONNECTION])
    shaped = [pair for pair in headers if pair[0] not in withheld]
    shaped += ours
    return shaped
