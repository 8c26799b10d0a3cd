"""What may pass from the client to a backend and back: the one place that lists which headers are trusted.

Order is a security property: hop-by-hop headers and what the client must not send go first, our own headers and the
destination's credentials are set last.
"""

from __future__ import annotations

from collections.abc import Iterable

HeaderList = list[tuple[bytes, bytes]]

HOP_BY_HOP = frozenset(
    b"connection keep-alive proxy-connection proxy-authenticate proxy-authorization public te trailer "
    b"transfer-encoding upgrade http2-settings".split()
)
"""RFC 9110, 7.6.1, and the reference's own list."""

IDENTITY = frozenset(
    b"x-ias-token x-user-token x-tenant tenantid x-custom-host ssl-client-cert ssl_client_cert "
    b"x-forwarded-client-cert x-forwarded-user x-forwarded-email x-forwarded-groups x-forwarded-preferred-username "
    b"x-forwarded-access-token x-forwarded-uri".split()
)
"""Headers by which somebody would be believed to be a user, or to ask for something else; they come from us or not at
all.
"""

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


_FRAMING = frozenset((b"content-length",))
_SET_BY_US = frozenset(
    b"host cookie authorization x-forwarded-for x-request-id x-correlationid x-correlation-id".split()
)
"""Headers we write ourselves, from what the client sent or without it."""

_REMEMBERED = 4096


class _Passing(dict[bytes, bool]):
    """Whether a request header of this (lower-case) name is copied as it is; decided once for each name."""

    def __missing__(self, name: bytes) -> bool:
        if len(self) >= _REMEMBERED:
            self.clear()
        ours = name in _SET_BY_US or name in FORWARDED or name in HOP_BY_HOP or name in IDENTITY
        passes = not (ours or name.startswith(IDENTITY_PREFIXES) or is_disguised(name))
        self[name] = passes
        return passes


request_header_passes = _Passing()


def is_disguised(name: bytes) -> bool:
    """Whether a backend that maps `_` to `-` (CGI, WSGI, PHP) would take this for a trusted header."""
    if b"_" not in name:
        return False
    twin = name.replace(b"_", b"-")
    return twin.startswith(TWIN_PREFIXES) or twin in HOP_BY_HOP or twin in IDENTITY or twin in _FRAMING


_PER_REQUEST = frozenset((b"basic", b"bearer", b"digest", b"dpop"))


def holds_for_socket(authorization: bytes) -> bool:
    """Whether credentials may hold for all that follows on the socket, as those of `Negotiate` and `NTLM` do (RFC 4559,
    6): whoever got such a socket next would be served as the one who sent them.
    """
    return authorization.split(b" ", 1)[0].lower() not in _PER_REQUEST


_NONE: frozenset[bytes] = frozenset()
_NOT_FOR_NOMINATION = frozenset((b"close", b"content-length", b"host"))
"""Without its length a body would be read as the next message, so nobody may have it removed (attack 42)."""


_NAMES_NOTHING = frozenset((b"keep-alive", b"Keep-Alive", b"close"))
"""What most `Connection` headers say: that is no name of a header that would pass."""


def nominated(values: Iterable[bytes]) -> frozenset[bytes]:
    """Header names that `Connection` declares hop-by-hop (RFC 9110, 7.6.1), lower-case."""
    lists = [value.lower().split(b",") for value in values if value not in _NAMES_NOTHING]
    return frozenset(token.strip() for tokens in lists for token in tokens) - _NOT_FOR_NOMINATION if lists else _NONE
