"""Cookies of our own: found in a request, kept from backends, written into answers (RFC 6265)."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass

from app.answer import Headers
from app.public_address import public_scheme
from app.request_head import RequestHead
from app.routing.js_regex import Pattern, compile_pattern

SESSION_ID_BYTES = 32
STICKY_COOKIE = "JSESSIONID"
"""The session cookie that Cloud Foundry's router is configured for (protocols 1.3)."""
LOCATION_COOKIE = "locationAfterLogin"
FRAGMENT_COOKIE = "fragmentAfterLogin"
CARRIED_COOKIE = "ARBE"
LOGIN_PREFIX = "gangwayLogin-"
LOGIN_TAG = 8
LOGIN_SECONDS = 600
PLACEHOLDER = "login"
MAX_CANDIDATES = 4
_LOGIN_PREFIX = LOGIN_PREFIX.encode()
_ID = re.compile(r"[A-Za-z0-9_-]{43}")  # SESSION_ID_BYTES in base64url


@dataclass(frozen=True, slots=True)
class CookieOptions:
    """`name`: `SESSION_COOKIE_NAME`. `secure`: `SECURE_SESSION_COOKIE`, None to follow the public scheme.

    `same_site`, `partitioned_agents` and `unpartitioned_agents`: from `COOKIES`; the agents are regular expressions of
    JavaScript.
    """

    name: str = STICKY_COOKIE
    secure: bool | None = None
    same_site: str = ""
    partitioned_agents: str = ""
    unpartitioned_agents: str = ""


def new_session_id() -> str:
    """A session id: 256 random bits, in 43 characters fit for cookies."""
    return secrets.token_urlsafe(SESSION_ID_BYTES)


def session_key(session_id: str) -> bytes:
    """What a session is stored under: the id's digest, so that neither a store nor its timing reveals an id."""
    return hashlib.sha256(session_id.encode("ascii")).digest()


def mark_cookie(mark: str) -> str:
    """The name of the cookie that holds a login mark."""
    return LOGIN_PREFIX + mark[:LOGIN_TAG]


class OwnCookies:
    """Reads the session id from requests, and keeps our cookies and those of backends apart.

    `platform_cookie_name`: by that cookie the platform's router finds our instance (`PLATFORM_COOKIE_NAME`). One that
    a backend's router sets names the backend's.
    """

    def __init__(self, session_cookie_name: str = STICKY_COOKIE, platform_cookie_name: str = "__VCAP_ID__") -> None:
        # A name starts a pair. Whatever carries our name and is no id is not ours.
        start, end = rb"(?:\A|;)[ \t]*", rb"=(%b)[ \t]*(?=;|\Z)" % _ID.pattern.encode()
        self._session = re.compile(start + re.escape(session_cookie_name.encode()) + end)
        self._login = re.compile(start + re.escape(_LOGIN_PREFIX) + rb"[A-Za-z0-9_-]{%d}" % LOGIN_TAG + end)
        names = (session_cookie_name, platform_cookie_name, LOCATION_COOKIE, FRAGMENT_COOKIE, CARRIED_COOKIE)
        self._names = frozenset(own.encode() for own in names)

    def find_session_ids(self, head: RequestHead) -> list[str]:
        """What may be session ids of ours, in order: other applications of the domain can set cookies of our name."""
        return _find(self._session, head)

    def find_login_marks(self, head: RequestHead) -> list[str]:
        """What marks this browser as one that started a login, in order (see `login_mark`)."""
        return _find(self._login, head)

    def find_session_id(self, head: RequestHead) -> str | None:
        """The first that may be a session id of ours."""
        found = self.find_session_ids(head)
        return found[0] if found else None

    def strip_own_cookies(self, value: bytes) -> bytes | None:
        """A Cookie header value without our cookies, otherwise unchanged; None when nothing is left."""
        pairs = value.split(b";")
        kept = [pair for pair in pairs if not self.is_own(pair.partition(b"=")[0].strip())]
        if len(kept) == len(pairs):
            return value if value.strip() else None
        return b";".join(kept).strip() or None

    def is_own(self, name: bytes) -> bool:
        """Whether a cookie of this name is ours: backends neither see nor set it (attack 71)."""
        return name in self._names or name.startswith(_LOGIN_PREFIX)


def _find(pattern: re.Pattern[bytes], head: RequestHead) -> list[str]:
    found: list[bytes] = []
    for key, value in head.headers:
        if key == b"cookie":
            found += pattern.findall(value)
    return [match.decode() for match in found[:MAX_CANDIDATES]]


class CookieWriter:
    """Writes Set-Cookie headers with the attributes that are configured and fit the request."""

    def __init__(self, options: CookieOptions) -> None:
        self.options = options
        self._partitioned = _agents(options.partitioned_agents)
        self._unpartitioned = _agents(options.unpartitioned_agents)

    def session(self, head: RequestHead, session_id: str) -> tuple[bytes, bytes]:
        """The session cookie. It ends with the browser's own session: no expiry."""
        return self.write(head, self.options.name, session_id)

    def login_mark(self, head: RequestHead, mark: str) -> Headers:
        """Marks the browser as one that logs in. Each mark has a cookie of its own: tabs opened together, whose
        answers cross, do not take each other's away.
        """
        return self.write(head, mark_cookie(mark), mark, LOGIN_SECONDS), self.sticky(head)

    def sticky(self, head: RequestHead) -> tuple[bytes, bytes]:
        """Has the platform's router bring the client back to this instance (protocols 1.3): the session cookie, as the
        client has it, else with a placeholder.
        """
        value = head.cookies().get(self.options.name, "")
        return self.write(head, self.options.name, value if _ID.fullmatch(value) else PLACEHOLDER)

    def write(self, head: RequestHead, name: str, value: str, max_age: int | None = None) -> tuple[bytes, bytes]:
        """A Set-Cookie header, HttpOnly, for the whole host. The value must be cookie-safe ASCII."""
        life = "" if max_age is None else f"; Max-Age={max_age}"
        return b"set-cookie", f"{name}={value}; Path=/; HttpOnly{life}{self.attributes(head)}".encode("ascii")

    def clear(self, head: RequestHead, name: str) -> tuple[bytes, bytes]:
        """A Set-Cookie header that removes a cookie, in any browser."""
        gone = "Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0"
        return b"set-cookie", f"{name}=; Path=/; HttpOnly; {gone}{self.attributes(head)}".encode("ascii")

    def attributes(self, head: RequestHead) -> str:
        """The attributes Secure, SameSite and Partitioned as they apply to this request, each after a `; `."""
        options = self.options
        secure = public_scheme(head) == "https" if options.secure is None else options.secure
        text = "; Secure" if secure else ""
        if options.same_site:
            text += f"; SameSite={options.same_site}"
        return text + "; Partitioned" if self._wants_partitioned(head) else text

    def _wants_partitioned(self, head: RequestHead) -> bool:
        agent = head.header(b"user-agent")
        if self._partitioned is None or agent is None or not self._partitioned.search(agent):
            return False
        return self._unpartitioned is None or not self._unpartitioned.search(agent)


def _agents(pattern: str) -> Pattern | None:
    return compile_pattern(pattern) if pattern else None
