"""Origins of pages, and which of them may open a web socket: browsers send cookies with it from anywhere (RFC 6455,
10.2). Pure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from app.errors import Failure, GatewayError
from app.public_address import public_scheme
from app.request_head import RequestHead

_ORIGIN = re.compile(r"([A-Za-z]+)://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?")
ALLOW_CREDENTIALS = (b"access-control-allow-credentials", b"true")
"""Lets an origin act with the cookies of the user (Fetch standard, 3.2.3)."""
MAX_SHOWN = 200
_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}


@dataclass(frozen=True, slots=True)
class OriginRule:
    """An entry of `WS_ALLOWED_ORIGINS`, `CJ_PROTECT_WHITELIST` or a `cors` policy: only what it states is compared.

    `host` is a name, or `*.domain` for everything below a domain; `port` 0 and an empty `protocol` match any.
    """

    host: str
    protocol: str = ""
    port: int = 0

    @classmethod
    def of(cls, host: str, protocol: str | None, port: str | None) -> OriginRule:
        """The rule of a configured entry, where `*` and absent stand for anything."""
        return cls(host, "" if protocol in (None, "*") else str(protocol), 0 if port in (None, "*") else int(port or 0))

    def matches(self, origin: Origin) -> bool:
        """Whether this rule lets an origin in."""
        if self.protocol and self.protocol.lower() != origin.scheme:
            return False
        if self.port and self.port != origin.port:
            return False
        host = self.host.lower()
        return origin.host.endswith(host[1:]) if host.startswith("*.") else origin.host == host


@dataclass(frozen=True, slots=True)
class Origin:
    """A parsed Origin header."""

    scheme: str
    host: str
    port: int


def parse_origin(text: str) -> Origin | None:
    """An origin in the form browsers send (`scheme://host[:port]`); None for anything else, `null` included."""
    match = _ORIGIN.fullmatch(text)
    scheme = match[1].lower() if match else ""
    if match is None or scheme not in _PORTS:
        return None
    port = int(match[3]) if match[3] else _PORTS[scheme]
    return Origin(scheme, match[2].lower(), port) if port <= 65535 else None


def check_origin(head: RequestHead, rules: Sequence[OriginRule] | None) -> None:
    """Let a web socket pass that a page of a listed origin opens, or of our own where no list is configured (None);
    raise `ORIGIN_REFUSED` for any other.
    """
    origin = parse_origin(head.header(b"origin") or "")
    if origin is None or not (is_our_page(origin, head) if rules is None else any(r.matches(origin) for r in rules)):
        raise origin_refused(head)


def origin_refused(head: RequestHead) -> GatewayError:
    """The failure of a request whose page may not make it; the log names the page's origin."""
    named = head.header(b"origin")
    if named is None:
        return GatewayError(Failure.ORIGIN_REFUSED, "it has no header Origin", advice="Send Origin, as browsers do.")
    return GatewayError(Failure.ORIGIN_REFUSED, logged=f"origin {named[:MAX_SHOWN]}")


def is_our_page(origin: Origin, head: RequestHead) -> bool:
    """Whether an origin is the address by which browsers reach us. Whoever can change pages on their way over plain
    http is not believed where we are reached by https.
    """
    host = head.header(b"x-forwarded-host") or head.header(b"host") or ""
    weaker = origin.scheme == "http" and public_scheme(head) == "https"
    return is_own(origin, (host,)) and not weaker


def is_own(origin: Origin, hosts: Sequence[str]) -> bool:
    """Whether an origin is ours. The scheme is not compared, but the port is, where `host` leaves it to the scheme."""
    return any(parse_origin(f"{origin.scheme}://{host}") == origin for host in hosts)
