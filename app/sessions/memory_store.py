"""Sessions in the memory of this process."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext

from app.sessions.session import Session
from app.sessions.store import LOGIN_SECONDS, Lifetime
from app.tokens.expiring_map import ExpiringMap

MAX_SESSIONS = 100_000


class MemorySessionStore:
    """At most `limit` sessions; the one unused for longest makes room.

    Sessions stand in the order of their last use, so those that ended by idleness are in front: expiry looks at them
    alone.
    """

    def __init__(self, lifetime: Lifetime, limit: int = MAX_SESSIONS, clock: Callable[[], float] = time.time) -> None:
        self._lifetime = lifetime
        self._limit = limit
        self._clock = clock
        self._sessions: OrderedDict[bytes, Session] = OrderedDict()
        self._of_login: dict[bytes, set[bytes]] = {}
        self._ended_logins: ExpiringMap[bytes, bool] = ExpiringMap(limit, clock)
        self._ended: deque[Session] = deque(maxlen=limit)

    async def load(self, key: bytes) -> Session | None:
        """See `SessionStore`."""
        return self._used(key)

    def touch(self, key: bytes) -> None:
        """See `SessionStore`."""
        self._used(key)

    def _used(self, key: bytes) -> Session | None:
        session = self._sessions.get(key)
        if session is None:
            return None
        now = self._clock()
        if self._has_ended(session, now):
            self._end(session)
            return None
        session.last_used = now
        self._sessions.move_to_end(key)
        return session

    def _has_ended(self, session: Session, now: float) -> bool:
        return now >= self._lifetime.end(session, session.last_used)

    async def add(self, session: Session) -> None:
        """See `SessionStore`."""
        self._sessions[session.key] = session
        self._sessions.move_to_end(session.key)
        for name in session.login_names:
            self._of_login.setdefault(name, set()).add(session.key)
        if len(self._sessions) > self._limit:
            self._end(next(iter(self._sessions.values())))

    async def update(self, session: Session) -> None:
        """Nothing to do: `load` hands out the session itself."""

    async def of_login(self, name: bytes) -> list[Session]:
        """See `SessionStore`."""
        return [self._sessions[key] for key in self._of_login.get(name, ())]

    async def end_login(self, name: bytes) -> None:
        """See `SessionStore`."""
        self._ended_logins.put(name, True, LOGIN_SECONDS)

    async def has_ended(self, name: bytes) -> bool:
        """See `SessionStore`."""
        return self._ended_logins.get(name) is not None

    async def delete(self, key: bytes) -> None:
        """See `SessionStore`."""
        session = self._sessions.get(key)
        if session is not None:
            self._remove(session)

    def _end(self, session: Session) -> None:
        """Remove a session that nobody has ended: its backends want a logout."""
        self._remove(session)
        self._ended.append(session)

    def _remove(self, session: Session) -> None:
        del self._sessions[session.key]
        for name in session.login_names:
            keys = self._of_login[name]
            keys.discard(session.key)
            if not keys:
                del self._of_login[name]

    def alone(self, session: Session) -> AbstractAsyncContextManager[None]:
        """There is no other process."""
        return nullcontext()

    async def expire(self) -> list[Session]:
        """See `SessionStore`."""
        now = self._clock()
        while self._sessions:
            oldest = next(iter(self._sessions.values()))
            if not self._has_ended(oldest, now):
                break
            self._end(oldest)
        ended = list(self._ended)
        self._ended.clear()
        return ended

    async def aclose(self) -> None:
        """Nothing to release."""

    def __len__(self) -> int:
        return len(self._sessions)
