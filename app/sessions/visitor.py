"""A caller we know: by a session, or by what each request shows."""

from __future__ import annotations

from collections.abc import Callable

from app.backends.backend import Backend
from app.principal import KnownCaller, ServiceToken, UserToken
from app.routing.reference import BackendReference
from app.sessions.backend_cookies import BackendCookies


class Visitor:
    """What belongs to one caller alone, for a request or as long as a session lasts.

    `prepared` holds backends made ready for this caller. `csrf_token` is what changing requests have
    to show, empty until there is one; `csrf_exempt` callers show none, because no browser sends their credentials by
    itself. This class itself stands for callers who prove themselves with each request: they carry their backend
    cookies themselves.
    """

    known_by = "what the request shows"

    __slots__ = ("_watchers", "backend_cookies", "caller", "csrf_exempt", "csrf_token", "ended", "prepared")

    def __init__(self, caller: KnownCaller, csrf_token: str = "", csrf_exempt: bool = False) -> None:
        self.caller = caller
        self.csrf_token = csrf_token
        self.csrf_exempt = csrf_exempt
        self.backend_cookies = BackendCookies()
        self.prepared: dict[BackendReference, Backend] = {}
        self.ended = False
        self._watchers: set[Callable[[], None]] | None = None

    @property
    def token(self) -> UserToken | ServiceToken:
        """The caller's access token."""
        return self.caller.token

    def watch(self, on_end: Callable[[], None]) -> None:
        """Call `on_end` when the session ends (at once when it has): web sockets close then."""
        if self.ended:
            on_end()
            return
        if self._watchers is None:
            self._watchers = set()
        self._watchers.add(on_end)

    @property
    def is_watched(self) -> bool:
        """Whether something waits for the session's end."""
        return bool(self._watchers)

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


def described(visitor: Visitor | None, is_public: bool) -> str:
    """How a trace tells who is calling: not who it is, but how we know."""
    if visitor is None:
        return "public" if is_public else "nobody is logged in"
    return f"{'a user' if isinstance(visitor.token, UserToken) else 'a service'}, by {visitor.known_by}"
