"""Session cookies of backends: kept here per destination and host, so that they neither collide in the browser nor
reach another destination.

`Secure` is not looked at: a cookie only ever returns to the destination and host it came from, in the same way, and
backends behind a Cloud Connector set it although the last part of our way to them is plain.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from app.backends.backend import Backend
from app.sessions.set_cookie import SetCookie, default_path, domain_matches, parse_set_cookie, path_matches

IsReserved = Callable[[bytes], bool]
"""Whether a cookie's name is one of our own."""

MAX_COOKIES = 50
MAX_COOKIE_CHARACTERS = 4096


@dataclass(frozen=True, slots=True)
class CookieSite:
    """The backend's end of a request: destination name, host without port (lower case), path without query."""

    destination: str
    host: str
    path: str

    @classmethod
    def of(cls, backend: Backend, target: str) -> CookieSite:
        """The end of a request for `target` (path and query) to a backend."""
        host, _, _ = backend.authority.decode("latin-1").lower().partition(":")
        return cls(backend.destination, host, target.partition("?")[0])


@dataclass(frozen=True, slots=True)
class _Key:
    """Two cookies with equal keys replace each other (RFC 6265, 5.3)."""

    destination: str
    domain: str
    host_only: bool
    path: str
    name: str

    def fits(self, site: CookieSite) -> bool:
        if self.destination != site.destination or not path_matches(self.path, site.path):
            return False
        return site.host == self.domain if self.host_only else domain_matches(self.domain, site.host)


def cookies_for_client(lines: Iterable[bytes], is_reserved: IsReserved, session_cookies: bool) -> list[bytes]:
    """The Set-Cookie lines of a backend that may go to the client.

    Session cookies go only where the route says so (`setBackendSessionCookies`); names of our own never.
    """
    passed = []
    for line in lines:
        cookie = parse_set_cookie(line.decode("latin-1"))
        if cookie is None or is_reserved(cookie.name.encode("latin-1")):
            continue
        if cookie.persistent or session_cookies:
            passed.append(line)
    return passed


class BackendCookies:
    """The cookies one caller has from backends; at most 50, the oldest makes room."""

    __slots__ = ("_cookies",)

    def __init__(self) -> None:
        self._cookies: dict[_Key, str] = {}

    def __len__(self) -> int:
        return len(self._cookies)

    def absorb(
        self, site: CookieSite, lines: Iterable[bytes], is_reserved: IsReserved, only_reserved: bool = False
    ) -> bool:
        """Take over session cookies, and persistent ones of our own names; drop what the backend deletes.
        With `only_reserved` the others go to the client.

        Returns whether anything changed.
        """
        before = dict(self._cookies)
        for line in lines:
            cookie = parse_set_cookie(line.decode("latin-1"))
            if cookie is None or len(cookie.name) + len(cookie.value) > MAX_COOKIE_CHARACTERS:
                continue
            reserved = is_reserved(cookie.name.encode("latin-1"))
            if reserved or not only_reserved:
                self._take(site, cookie, reserved)
        return self._cookies != before

    def _take(self, site: CookieSite, cookie: SetCookie, reserved: bool) -> None:
        if cookie.domain and not domain_matches(cookie.domain, site.host):
            return
        domain = cookie.domain or site.host
        path = cookie.path or default_path(site.path)
        key = _Key(site.destination, domain, not cookie.domain, path, cookie.name)
        self._cookies.pop(key, None)
        if cookie.expired or (cookie.persistent and not reserved):
            return
        self._cookies[key] = cookie.value
        if len(self._cookies) > MAX_COOKIES:
            del self._cookies[next(iter(self._cookies))]

    def header(self, site: CookieSite, from_client: bytes | None) -> bytes | None:
        """The Cookie header for a backend: ours, then the client's of other names. None when there are none."""
        if not self._cookies:
            return from_client
        fitting = [(key, value) for key, value in self._cookies.items() if key.fits(site)]
        fitting.sort(key=lambda item: -len(item[0].path))
        names = {key.name for key, _ in fitting}
        parts = [f"{key.name}={value}".encode("latin-1") for key, value in fitting]
        for pair in (from_client or b"").split(b";"):
            name = pair.partition(b"=")[0].strip().decode("latin-1")
            if pair.strip() and name not in names:
                parts.append(pair.strip())
        return b"; ".join(parts) or None

    def dump(self) -> list[list[str | bool]]:
        """The cookies as plain JSON values, to be sealed or stored."""
        return [[k.destination, k.domain, k.host_only, k.path, k.name, value] for k, value in self._cookies.items()]

    @classmethod
    def load(cls, dumped: object) -> BackendCookies:
        """The inverse of `dump`; raises ValueError for anything else."""
        if not isinstance(dumped, list) or len(dumped) > MAX_COOKIES:
            raise ValueError("no cookies")
        cookies = cls()
        for entry in dumped:
            match entry:
                case [str(destination), str(domain), bool(host_only), str(path), str(name), str(value)]:
                    cookies._cookies[_Key(destination, domain, host_only, path, name)] = value
                case _:
                    raise ValueError("no cookies")
        return cookies
