"""Sessions as requests see them: found by cookie, opened by a login, ended by a logout or by time."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from app.errors import Failure, GatewayError
from app.request_head import RequestHead
from app.sessions.cookie import OwnCookies, new_session_id, session_key
from app.sessions.observer import End, SessionObserver
from app.sessions.refresh import TokenRefresher
from app.sessions.session import Session
from app.sessions.store import SessionStore
from app.tokens.expiring_map import ExpiringMap
from app.tokens.identity_provider import Login

MOST_ENDED = 10_000
OVER_SECONDS = 60.0
"""How long the end of a session is remembered, so that it is told once: longer than any request takes that ends it."""


class SessionManager:
    """The only place that opens and ends sessions."""

    def __init__(
        self,
        store: SessionStore,
        cookies: OwnCookies,
        refresher: TokenRefresher,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._cookies = cookies
        self._refresher = refresher
        self._clock = clock
        self._untold: deque[Session] = deque(maxlen=MOST_ENDED)
        self._over: ExpiringMap[bytes, bool] = ExpiringMap(MOST_ENDED)
        self.observers: list[SessionObserver] = []

    async def current(self, head: RequestHead) -> Session | None:
        """The session a request belongs to, with a token that lives.

        Raises `STORE_UNAVAILABLE`, or `XSUAA_UNAVAILABLE` when a token that has ended cannot be renewed now.
        """
        for session_id in self._cookies.find_session_ids(head):
            session = await self._store.load(session_key(session_id))
            if session is None:
                continue
            if self._clock() < session.attention_at or await self._refresher.attend(session):
                return session
            await self.close(session, End.TIMEOUT)
        return None

    async def found(self, head: RequestHead) -> list[Session]:
        """All sessions that a request shows, in order, whatever has become of their tokens: what is to be ended needs
        no authorization server. Raises `STORE_UNAVAILABLE`.
        """
        keys = dict.fromkeys(map(session_key, self._cookies.find_session_ids(head)))
        loaded = [await self._store.load(key) for key in keys]
        return [session for session in loaded if session is not None]

    def touch(self, head: RequestHead) -> None:
        """Count a request as use of the session it belongs to."""
        for session_id in self._cookies.find_session_ids(head):
            self._store.touch(session_key(session_id))

    async def open(self, login: Login) -> tuple[Session, str]:
        """A new session and its id, which goes into the cookie and nowhere else.

        Raises `STORE_UNAVAILABLE`, or `LOGIN_FAILED` for a login that has ended already.
        """
        session_id = new_session_id()
        session = Session(
            session_key(session_id), login.caller, login.refresh_token, self._clock(),
            self._refresher.attention_at(login), login_names=login.names,
        )  # fmt: skip
        await self._store.add(session)
        if login.names and await self._store.has_ended(login.names[0]):  # looked for after, as it is noted before
            await self._store.delete(session.key)
            raise GatewayError(Failure.LOGIN_FAILED, "the login has ended meanwhile")
        for observer in self.observers:
            observer.opened(session)
        return session, session_id

    async def changed(self, session: Session) -> None:
        """Keep what a request changed: a CSRF token, backend cookies."""
        await self._store.update(session)

    async def end_logins(self, names: tuple[bytes, ...], is_one: bool) -> list[Session]:
        """End the sessions opened by logins that have all of these names; those that this call ended. `is_one`: the
        first names a single login, not a user, and no instance that is about to open a session for it will do so.

        Raises `STORE_UNAVAILABLE`. What has been ended until then is told to backends by `expire`.
        """
        ended: list[Session] = []
        try:
            await self._end_logins(names, ended)
            if is_one:  # a session that is opened meanwhile is found after the note, or finds it
                await self._store.end_login(names[0])
                await self._end_logins(names, ended)
        except GatewayError:
            self._untold.extend(ended)
            raise
        return ended

    async def _end_logins(self, names: tuple[bytes, ...], ended: list[Session]) -> None:
        for session in await self._store.of_login(names[0]):
            if set(names) <= set(session.login_names) and await self.close(session):
                ended.append(session)  # noqa: PERF401 - what was ended before a failure is not to be lost

    async def close(self, session: Session, reason: End = End.LOGOUT) -> bool:
        """End a session: its id is worthless from now on, and its web sockets close. Returns whether it was this call
        that ended it.

        Whoever calls for a logout tells the backends; of all other ends they are told beside the requests (`expire`).
        """
        await self._store.delete(session.key)
        is_first = self._ended(session, reason)
        if is_first and reason is not End.LOGOUT:
            self._untold.append(session)
        return is_first

    async def expire(self) -> list[Session]:
        """End what has been idle too long; to be called every few seconds. Returns the sessions that ended since,
        without a logout: their backends want one.
        """
        idle = await self._store.expire()
        ended = [*self._untold, *(session for session in idle if self._ended(session, End.TIMEOUT))]
        self._untold.clear()
        return ended

    def _ended(self, session: Session, reason: End) -> bool:
        """Tell of an end; False where that was done, by a request at the same time."""
        session.end()
        if self._over.get(session.key):
            return False
        self._over.put(session.key, True, OVER_SECONDS)
        for observer in self.observers:
            observer.ended(session, reason)
        return True

    async def aclose(self) -> None:
        """Stop what runs in the background."""
        await self._refresher.aclose()
        await self._store.aclose()
