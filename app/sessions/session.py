"""A session: who the user is, and what belongs to that user alone."""

from __future__ import annotations

import math
import secrets

from app.principal import UserCaller, UserToken
from app.sessions.visitor import Visitor

NEVER = math.inf
NO_APPS: frozenset[str] = frozenset()


def new_csrf_token() -> str:
    """A CSRF token: 192 random bits."""
    return secrets.token_urlsafe(24)


class Session(Visitor):
    """What the gateway knows about a logged-in user. Times are epoch seconds.

    `key` is the digest the session is stored under; the id itself is only in the browser's cookie. `attention_at` is
    when the token has to be looked after (renewed, or the session ended). `login_names` are names under which the
    identity service may report the end of the login; a store finds the session by them. `apps` are HTML5 applications
    that were used and whose backends want to know of the session's end (`AppAddress.name`).
    """

    known_by = "a session"

    __slots__ = ("apps", "attention_at", "created_at", "key", "last_used", "login_names", "refresh_token")

    caller: UserCaller

    def __init__(
        self, key: bytes, caller: UserCaller, refresh_token: str, created_at: float, attention_at: float = NEVER,
        *, login_names: tuple[bytes, ...] = (),
    ) -> None:  # fmt: skip
        super().__init__(caller)
        self.login_names = login_names
        self.apps = NO_APPS
        self.key = key
        self.refresh_token = refresh_token
        self.created_at = created_at
        self.last_used = created_at
        self.attention_at = attention_at

    @property
    def token(self) -> UserToken:
        """The user's access token."""
        return self.caller.token

    def renew(self, caller: UserCaller, refresh_token: str, attention_at: float) -> None:
        """Replace the tokens; what was prepared with the old ones is forgotten."""
        self.caller = caller
        self.refresh_token = refresh_token
        self.attention_at = attention_at
        self.prepared = {}

    def make_csrf_token(self) -> str:
        """The session's CSRF token, made when first asked for."""
        if not self.csrf_token:
            self.csrf_token = new_csrf_token()
        return self.csrf_token
