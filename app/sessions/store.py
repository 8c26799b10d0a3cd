"""Where sessions live, as the rest of the gateway sees it."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from app.sessions.session import Session

LOGIN_SECONDS = 60.0
"""How long it may take from a login's end to the last session of it that is added: it was about to be, at that time."""


@dataclass(frozen=True, slots=True)
class Lifetime:
    """Seconds until a session ends: `idle` without requests (`SESSION_TIMEOUT`), `absolute` whatever happens."""

    idle: float = 15 * 60
    absolute: float = 24 * 60 * 60

    def end(self, session: Session, used_at: float) -> float:
        """When a session ends that is not used after `used_at`."""
        return min(used_at + self.idle, self.limit(session))

    def limit(self, session: Session) -> float:
        """When a session ends however much it is used."""
        return session.created_at + self.absolute


class SessionStore(Protocol):
    """A store of sessions by key. Stores outside the process raise `STORE_UNAVAILABLE` when they do not answer."""

    async def load(self, key: bytes) -> Session | None:
        """The session, now used; None when there is none or it has ended."""

    def touch(self, key: bytes) -> None:
        """Count as use of a session, if there is one. Nobody is served by it, so nobody waits, and none may fail."""

    async def add(self, session: Session) -> None:
        """Keep a new session."""

    async def update(self, session: Session) -> None:
        """Keep what changed in a session; one that has been deleted meanwhile stays deleted."""

    async def of_login(self, name: bytes) -> list[Session]:
        """The sessions with this among their `login_names`; that does not count as use."""

    async def end_login(self, name: bytes) -> None:
        """Remember for `LOGIN_SECONDS` that the login with this name has ended."""

    async def has_ended(self, name: bytes) -> bool:
        """Whether that is remembered of the login with this name."""

    async def delete(self, key: bytes) -> None:
        """End a session, everywhere."""

    def alone(self, session: Session) -> AbstractAsyncContextManager[None]:
        """Wait until no other process works on a session's token, and keep others out meanwhile.

        Inside, the session is as it is stored: what another process has changed has been taken over.
        """

    async def expire(self) -> list[Session]:
        """Remove and return the sessions that ended by time since the last call: their backends want a logout."""

    async def aclose(self) -> None:
        """Release connections."""
