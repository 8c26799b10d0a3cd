"""Origins of pages, and which of them may open a web socket: browsers send cookies with it from anywhere (RFC 6455,
10.2). Pure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from app.errors import Failure, GatewayError

_ORIGIN = re.compile(r"([A-Za-z]+)://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?")
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


def check_origin(origin: str | None, hosts: Sequence[str], rules: Sequence[OriginRule]) -> None:
    """Let a web socket of our own pages or of a listed origin pass, raise `ORIGIN_REFUSED` for any other.

    `hosts` are the names we are reached by (Host, and x-forwarded-host where it is believed).
    """
    parsed = parse_origin(origin) if origin is not None else None
    if parsed is not None and (is_own(parsed, hosts) or any(rule.matches(parsed) for rule in rules)):
        return
    raise GatewayError(Failure.ORIGIN_REFUSED)


def is_own(origin: Origin, hosts: Sequence[str]) -> bool:
    """Whether an origin is ours. The scheme is not compared, but the port is, where `host` leaves it to the scheme."""
    return any(parse_origin(f"{origin.scheme}://{host}") == origin for host in hosts)
