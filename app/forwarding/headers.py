"""What may pass from the client to a backend and back: the one place that lists which headers are trusted.

Order is a security property: hop-by-hop headers and what the client must not send go first, our own headers and the
destination's credentials are set last.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from functools import lru_cache

HeaderList = list[tuple[bytes, bytes]]

HOP_BY_HOP = frozenset(
    b"connection keep-alive proxy-connection proxy-authenticate proxy-authorization public te trailer "
    b"transfer-encoding upgrade".split()
)
"""RFC 9110, 7.6.1, and the reference's own list."""

IDENTITY = frozenset(b"x-ias-token x-user-token x-tenant ssl-client-cert ssl_client_cert".split())
"""Headers by which somebody would be believed to be a user; they come from us or not at all."""

IDENTITY_PREFIXES = (b"sap-connectivity-", b"proxy-", b"x-approuter-", b"sap-cp-connectivity-")
FORWARDED = (b"x-forwarded-host", b"x-forwarded-path", b"x-forwarded-proto")
TWIN_PREFIXES = (
    *IDENTITY_PREFIXES,
    b"x-forwarded-",
    b"x-ias-",
    b"x-user-",
    b"authorization",
    b"cookie",
    b"ssl-client-",
)


class Treatment(IntEnum):
    """What becomes of a request header."""

    PASS = 0
    DROP = 1
    HOST = 2
    COOKIE = 3
    AUTHORIZATION = 4
    FORWARDED = 5
    FORWARDED_FOR = 6
    CONNECTION = 7


_SPECIAL = {
    b"host": Treatment.HOST,
    b"cookie": Treatment.COOKIE,
    b"authorization": Treatment.AUTHORIZATION,
    b"x-forwarded-for": Treatment.FORWARDED_FOR,
    b"connection": Treatment.CONNECTION,
    b"http2-settings": Treatment.DROP,
    b"x-request-id": Treatment.DROP,  # these three are set anew with the id under which we log
    b"x-correlationid": Treatment.DROP,
    b"x-correlation-id": Treatment.DROP,
} | dict.fromkeys(FORWARDED, Treatment.FORWARDED)


@lru_cache(maxsize=4096)
def request_treatment(name: bytes) -> Treatment:
    """What becomes of a request header of this (lower-case) name."""
    special = _SPECIAL.get(name)
    if special is not None:
        return special
    stripped = name in HOP_BY_HOP or name in IDENTITY or name.startswith(IDENTITY_PREFIXES) or is_disguised(name)
    return Treatment.DROP if stripped else Treatment.PASS


def is_disguised(name: bytes) -> bool:
    """Whether a backend that maps `_` to `-` (CGI, WSGI, PHP) would take this for a trusted header."""
    return b"_" in name and name.replace(b"_", b"-").startswith(TWIN_PREFIXES)


def nominated(values: Iterable[bytes]) -> frozenset[bytes]:
    """Header names that `Connection` declares hop-by-hop (RFC 9110, 7.6.1), lower-case."""
    return frozenset(token.strip().lower() for value in values for token in value.split(b",")) - {b"close"}
