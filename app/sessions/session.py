"""A session: who the user is, and what belongs to that user alone."""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable

from app.backends.backend import Backend
from app.principal import UserCaller, UserToken
from app.sessions.backend_cookies import BackendCookies

NEVER = math.inf


class Session:
    """What the gateway knows about a logged-in caller. Times are epoch seconds.

    `key` is the digest the session is stored under; the id itself is only in the browser's cookie. `prepared` holds
    backends made ready for this user, by destination; it is emptied when the token changes. `attention_at` is when
    the token has to be looked after (renewed, or the session ended). `stateless` callers prove themselves with each
    request: they have no cookie, need no CSRF token, and carry their backend cookies themselves.
    """

    __slots__ = (
        "_watchers",
        "attention_at",
        "backend_cookies",
        "caller",
        "created_at",
        "csrf_token",
        "ended",
        "key",
        "last_used",
        "prepared",
        "refresh_token",
        "stateless",
    )

    def __init__(
        self,
        key: bytes,
        token: UserToken,
        refresh_token: str,
        created_at: float,
        attention_at: float = NEVER,
        stateless: bool = False,
    ) -> None:
        self.key = key
        self.caller = UserCaller(token)
        self.refresh_token = refresh_token
        self.created_at = created_at
        self.last_used = created_at
        self.attention_at = attention_at
        self.stateless = stateless
        self.csrf_token = ""
        self.backend_cookies = BackendCookies()
        self.prepared: dict[str, Backend] = {}
        self.ended = False
        self._watchers: set[Callable[[], None]] | None = None

    @property
    def token(self) -> UserToken:
        """The user's access token."""
        return self.caller.token

    def renew(self, token: UserToken, refresh_token: str, attention_at: float) -> None:
        """Replace the token; what was prepared with the old one is forgotten."""
        self.caller = UserCaller(token)
        self.refresh_token = refresh_token
        self.attention_at = attention_at
        self.prepared = {}

    def make_csrf_token(self) -> str:
        """The session's CSRF token, made when first asked for."""
        if not self.csrf_token:
            self.csrf_token = secrets.token_urlsafe(24)
        return self.csrf_token

    def watch(self, on_end: Callable[[], None]) -> None:
        """Call `on_end` when the session ends (at once when it has): web sockets close then."""
        if self.ended:
            on_end()
            return
        if self._watchers is None:
            self._watchers = set()
        self._watchers.add(on_end)

    def unwatch(self, on_end: Callable[[], None]) -> None:
        """Forget a watcher."""
        if self._watchers is not None:
            self._watchers.discard(on_end)

    def end(self) -> None:
        """Mark the session as ended and tell the watchers, once."""
        self.ended = True
        watchers, self._watchers = self._watchers, None
        for on_end in watchers or ():
            on_end()
