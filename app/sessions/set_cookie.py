"""Reading Set-Cookie headers of backends, and matching cookies to requests (RFC 6265, 5.1 and 5.2). Pure."""

from __future__ import annotations

import time
from dataclasses import dataclass
from email.utils import mktime_tz, parsedate_tz


@dataclass(frozen=True, slots=True)
class SetCookie:
    """One header. `persistent`: it has a lifetime; `expired`: the lifetime is over, which deletes the cookie.

    `domain` (lower case, no leading dot) and `path` are empty when the header does not state a usable one.
    """

    name: str
    value: str
    domain: str = ""
    path: str = ""
    persistent: bool = False
    expired: bool = False


def parse_set_cookie(line: str) -> SetCookie | None:
    """Read a header value; None for what a browser would ignore."""
    pair, *attributes = line.split(";")
    name, equals, value = pair.partition("=")
    name, value = name.strip(), value.strip()
    if not equals or not name or any(c < " " or c == "\x7f" for c in line):
        return None
    found: dict[str, str] = {}
    for attribute in attributes:
        key, _, content = attribute.partition("=")
        found[key.strip().lower()] = content.strip()
    ends = _lifetime(found)
    return SetCookie(
        name,
        value,
        domain=found.get("domain", "").removeprefix(".").lower(),
        path=path if (path := found.get("path", "")).startswith("/") else "",
        persistent=ends is not None,
        expired=ends is not None and ends <= 0,
    )


def _lifetime(attributes: dict[str, str]) -> float | None:
    """Seconds to live; Max-Age has precedence, what cannot be read does not count."""
    age = attributes.get("max-age", "")
    digits = age.removeprefix("-")
    if digits.isascii() and digits.isdigit():
        return -1.0 if age.startswith("-") else float(digits[:12])
    date = parsedate_tz(attributes.get("expires", "").replace("-", " "))
    if date is None:
        return None
    try:
        return mktime_tz(date) - time.time()
    except (ValueError, OverflowError):
        return None


def default_path(request_path: str) -> str:
    """The directory of a request's path."""
    return request_path[: request_path.rfind("/")] or "/"


def path_matches(cookie_path: str, request_path: str) -> bool:
    """Whether a cookie of this path belongs to a request."""
    if not request_path.startswith(cookie_path):
        return False
    return len(request_path) == len(cookie_path) or cookie_path.endswith("/") or request_path[len(cookie_path)] == "/"


def domain_matches(domain: str, host: str) -> bool:
    """Whether a host is the domain or below it; an address matches only itself."""
    if host == domain:
        return True
    return host.endswith(f".{domain}") and not host.replace(".", "").isdigit() and ":" not in host
