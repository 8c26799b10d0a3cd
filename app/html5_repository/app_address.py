"""Addresses of HTML5 applications: `/[[<app-host>.]<prefix>.]<app>[-<version>][/~<timestamp>~]/<path>` (protocols 6.1).

No I/O.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote

from app.answer import Answer, redirect
from app.bindings.business_service import BusinessService, BusinessServices
from app.request_head import RequestHead
from app.routing.js_regex import compile_pattern

SKIP_CACHE = "skipXSAppJsonCache"
"""The query parameter that asks for the xs-app.json as it is now."""

OWN_PATTERNS = ("^favicon.ico$", "^login$")
"""First segments that never name an application (reference, "Blocked HTML5 Application Names")."""

_LONGEST = 255
_URL_CHARACTERS = "!$%&'()*+,-./:;=?@[]_~"
_SEGMENT = re.compile(
    r"(?:(?P<host>[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})\.(?=[^.]+\.))?"
    r"(?:(?P<prefix>[A-Za-z0-9_][A-Za-z0-9_-]*)\.)??"
    r"(?P<app>[A-Za-z0-9_]+(?:-[0-9]+(?:\.[0-9]+)*(?:[-+][0-9A-Za-z.+-]+)?)?)"
)
_BUSTER = re.compile(r"/~[^/?~]+~(?=/)")


@dataclass(frozen=True, slots=True)
class AppAddress:
    """What an address says about its application.

    `app` is name and version as the repository takes them, `base` the part of the target that the application does
    not see: its segment and the cache buster. `names_host`: the address names an app-host before the prefix.
    """

    prefix: str
    app: str
    base: str
    busted: bool = False
    names_host: bool = False

    @property
    def segment(self) -> str:
        """The first path segment."""
        return self.base[1:].partition("/")[0]

    @property
    def name(self) -> str:
        """The first path segment without an app-host: what is the same application has one name."""
        return f"{self.prefix}.{self.app}" if self.prefix else self.app


NO_APP = AppAddress("", "", "")
"""Where no application was named: requests for the router's own routes."""


def read_address(target: str) -> AppAddress | None:
    """The application an address (path and query) may belong to, None where it can be none."""
    end = next((at for at, character in enumerate(target[1:], 1) if character in "/?"), len(target))
    found = _SEGMENT.fullmatch(target, 1, end) if end <= _LONGEST else None
    if found is None:
        return None
    buster = _BUSTER.match(target, end)
    base = target[: buster.end() if buster else end]
    return AppAddress(found["prefix"] or "", found["app"], base, buster is not None, found["host"] is not None)


def with_slash(head: RequestHead, base: str) -> Answer:
    """The redirect to an application's root, relative to the address asked for: whatever stands before us stays."""
    query = "?" + quote(head.query, safe=_URL_CHARACTERS, encoding="latin-1") if head.query else ""
    return redirect(f"./{base.rpartition('/')[2]}/{query}")


class AppHosts:
    """Where the applications of a prefix are: app-host ids for `x-app-host-id`.

    Prefixes are names and aliases of business services without dots, unless several have them. Our own
    (`OWN_SAP_CLOUD_SERVICE`), and no prefix at all, mean what is deployed in our own space.
    """

    def __init__(self, services: BusinessServices, own: Iterable[str] = ()) -> None:
        self._own = frozenset(without_dots(name) for name in own)
        self._hosts = dict.fromkeys(("", *self._own), "")
        for prefix, service in _by_prefix(services).items():
            if service.app_hosts:
                self._hosts.setdefault(prefix, ",".join(service.app_hosts))

    def of(self, address: AppAddress) -> str | None:
        """The ids, separated by commas and empty for our own; None for a prefix that nobody has.

        An app-host in an address is accepted before our own prefixes (reference, CHANGELOG 16.8.0), and looked for
        nowhere else: what others have deployed is found by bindings only, never by what a client asks for.
        """
        if address.names_host and address.prefix not in self._own:
            return None
        return self._hosts.get(address.prefix)


def _by_prefix(services: BusinessServices) -> dict[str, BusinessService]:
    """The services whose prefix no other has."""
    named = [(without_dots(name), service) for service in services.all for name in service.names()]
    taken = {without_dots(name) for name in services.ambiguous}
    return {
        prefix: service
        for prefix, service in named
        if prefix not in taken and all(other is service for each, other in named if each == prefix)
    }


def without_dots(name: str) -> str:
    """A service's name as it stands in addresses."""
    return name.replace(".", "")


class DirectRouting:
    """First path segments that belong to the application itself: `DIRECT_ROUTING_URI_PATTERNS`."""

    def __init__(self, patterns: Iterable[str] = ()) -> None:
        self._patterns = [compile_pattern(pattern) for pattern in (*OWN_PATTERNS, *patterns)]

    def takes(self, segment: str) -> bool:
        """Whether addresses with this first segment are not looked up in the repository."""
        return any(pattern.search(segment) is not None for pattern in self._patterns)
