"""Where sessions live, as the rest of the gateway sees it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from app.sessions.session import Session


@dataclass(frozen=True, slots=True)
class Lifetime:
    """Seconds until a session ends: `idle` without requests (`SESSION_TIMEOUT`), `absolute` whatever happens."""

    idle: float = 15 * 60
    absolute: float = 24 * 60 * 60


class SessionStore(Protocol):
    """A store of sessions by key. Stores outside the process raise `STORE_UNAVAILABLE` when they do not answer."""

    async def load(self, key: bytes) -> Session | None:
        """The session, now used; None when there is none or it has ended."""

    async def add(self, session: Session) -> None:
        """Keep a new session."""

    async def update(self, session: Session) -> None:
        """Keep what changed in a session; one that has been deleted meanwhile stays deleted."""

    async def delete(self, key: bytes) -> None:
        """End a session, everywhere."""

    async def expire(self) -> list[Session]:
        """Remove and return the sessions that ended by time since the last call: their backends want a logout."""

    async def aclose(self) -> None:
        """Release connections."""
