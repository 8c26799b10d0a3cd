"""The address of a destination, taken apart and made safe for a request line."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import SplitResult, quote, urlsplit

_DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_PATH_SAFE = "/%:@!$&'()*+,;=-._~"
_CONTROL_OR_SPACE = re.compile(r"[\x00-\x20\x7f\\]")
_HOST = re.compile(r"[a-z0-9._-]{1,253}|[0-9a-f:.]{2,45}")


@dataclass(frozen=True, slots=True)
class DestinationUrl:
    """`host` without brackets, lower case, in ASCII; `path` without trailing slash; `query` without `?`."""

    secure: bool
    host: str
    port: int
    path: str = ""
    query: str = ""

    @property
    def host_and_port(self) -> str:
        """Host (an IPv6 address in brackets) and port."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def authority(self) -> str:
        """What a `Host` header says: the port only where it is not the default one."""
        default = _DEFAULT_PORTS["https" if self.secure else "http"]
        return self.host_and_port.removesuffix(f":{default}") if self.port == default else self.host_and_port


def parse_url(text: str) -> DestinationUrl:
    """Take apart an absolute http, https, ws or wss address.

    Raises ValueError, saying what is wrong, for anything else: another scheme, no host, user information (it belongs
    into the destination's credentials), a fragment, control characters, a port out of range. What it says never repeats
    the address.
    """
    if _CONTROL_OR_SPACE.search(text):
        raise ValueError("has a space, a backslash or a control character")
    parts = _split(text)
    if parts.scheme not in _DEFAULT_PORTS:
        raise ValueError("does not begin with http://, https://, ws:// or wss://")
    if "@" in parts.netloc:
        raise ValueError("has user information before the host")
    if parts.fragment:
        raise ValueError("has a fragment")
    return DestinationUrl(
        secure=parts.scheme in ("https", "wss"),
        host=_ascii_host(parts.hostname),
        port=_port(parts),
        path=quote(parts.path.rstrip("/"), safe=_PATH_SAFE),
        query=quote(parts.query, safe=_PATH_SAFE + "?"),
    )


def _split(text: str) -> SplitResult:
    try:
        return urlsplit(text)
    except ValueError:  # its text would repeat the address, and what is secret in it
        raise ValueError("has no valid host name") from None


def _ascii_host(host: str | None) -> str:
    try:
        encoded = (host or "").encode("idna").decode("ascii").lower()
    except UnicodeError as error:
        raise ValueError("has an invalid host name") from error
    if not _HOST.fullmatch(encoded):
        raise ValueError("has no valid host name")
    return encoded


def _port(parts: SplitResult) -> int:
    try:
        port = parts.port
    except ValueError:  # its text would repeat what may be a part of a password
        port = 0
    if port == 0:
        raise ValueError("has a port that is no number from 1 to 65535")
    return port or _DEFAULT_PORTS[parts.scheme]
