"""What a Cloud Connector exposes: virtual hosts, the internal systems behind them, the paths that may be called.

Deciding only, no I/O (protocols, 5.4).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

from app.landscape.proxy_refusal import resource_denied, upgrade_denied

_COOKIE_DOMAIN = re.compile(r"(;\s*domain=)\.?([^;\s]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Resource:
    """An exposed path: "path only", or "path and all sub-paths", which is a case-sensitive prefix of the text.

    So `/sales` with sub-paths also covers `/sales-plus`. `upgrade` allows web sockets.
    """

    path: str
    sub_paths: bool = True
    upgrade: bool = False

    def covers(self, path: str) -> bool:
        """Whether a path (without query) is exposed by this entry."""
        return path.startswith(self.path) if self.sub_paths else path == self.path


@dataclass(frozen=True, slots=True)
class VirtualHost:
    """A mapping of the access control. The backend sees the virtual host as Host unless `internal_host_header`."""

    host: str
    port: int
    internal_host: str
    internal_port: int
    resources: tuple[Resource, ...] = (Resource("/"),)
    internal_host_header: bool = False

    @property
    def system(self) -> str:
        """Virtual address, `host:port`."""
        return f"{self.host}:{self.port}"

    @property
    def internal(self) -> str:
        """Internal address, `host:port`."""
        return f"{self.internal_host}:{self.internal_port}"


def check_access(host: VirtualHost, target: str, *, upgrade: bool) -> None:
    """Let a request target (path and query) pass, or raise Refusal; the query does not count."""
    path = target.partition("?")[0]
    entries = [resource for resource in host.resources if resource.covers(path)]
    if not entries or has_dot_segment(path):
        raise resource_denied(target, host.system)
    if upgrade and not any(resource.upgrade for resource in entries):
        raise upgrade_denied(target, host.system)


def has_dot_segment(path: str) -> bool:
    """Whether a path could climb out of a prefix, plainly or percent-encoded."""
    return any(segment in (".", "..") for segment in re.split(r"[/\\]", unquote(path)))


def outer_location(host: VirtualHost, location: str) -> str:
    """A Location header of the internal system as the caller must see it."""
    for scheme in ("http://", "https://"):
        inner = scheme + host.internal
        if location == inner or location.startswith((inner + "/", inner + "?")):
            return "http://" + host.system + location[len(inner) :]
    return location


def outer_cookie(host: VirtualHost, cookie: str) -> str:
    """A Set-Cookie header whose domain is the internal host, moved to the virtual one."""

    def moved(match: re.Match[str]) -> str:
        return match[1] + (host.host if match[2].lower() == host.internal_host.lower() else match[2])

    return _COOKIE_DOMAIN.sub(moved, cookie)
