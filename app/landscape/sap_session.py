"""Sessions of an S/4HANA system and the CSRF tokens bound to them, as the ICF keeps them.

A token is fetched with `x-csrf-token: fetch`; it belongs to one session cookie, and that to one user.
"""

from __future__ import annotations

import hmac
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie

KEPT_SESSIONS = 10_000
SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))


@dataclass(frozen=True, slots=True)
class SapSession:
    """A session of a user; `id` is the cookie's value."""

    id: str
    user: str
    csrf_token: str


class SapSessions:
    """The sessions of a system, the latest `KEPT_SESSIONS` of them."""

    def __init__(self, cookie_name: str) -> None:
        self.cookie_name = cookie_name
        self._sessions: OrderedDict[str, SapSession] = OrderedDict()

    def find(self, cookie_header: str, user: str) -> SapSession | None:
        """The user's session named by a Cookie header; a session of another user does not count."""
        try:
            cookie = SimpleCookie(cookie_header).get(self.cookie_name)
        except CookieError:
            return None
        session = self._sessions.get(cookie.value) if cookie else None
        return session if session and session.user == user else None

    def open(self, user: str) -> SapSession:
        """A new session."""
        session = SapSession(secrets.token_urlsafe(24), user, secrets.token_urlsafe(18))
        self._sessions[session.id] = session
        if len(self._sessions) > KEPT_SESSIONS:
            self._sessions.popitem(last=False)
        return session

    def cookie(self, session: SapSession) -> str:
        """The Set-Cookie value of a session: it ends with the browser."""
        return f"{self.cookie_name}={session.id}; path=/; HttpOnly"


def may_change(session: SapSession | None, method: str, token: str) -> bool:
    """Whether a request may pass: it changes nothing, or carries the token of its session."""
    if method in SAFE_METHODS:
        return True
    return session is not None and hmac.compare_digest(session.csrf_token.encode(), token.encode())
