"""Who wants to know when sessions begin and end."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

from app.sessions.session import Session


class End(StrEnum):
    """Why a session ended."""

    LOGOUT = "logout"
    TIMEOUT = "timeout"
    """Nobody used it, or its token could not be renewed."""
    REPLACED = "replaced"
    """The same browser logged in again."""


class SessionObserver(Protocol):
    """Told at once, on the event loop: it must neither wait nor raise."""

    def opened(self, session: Session) -> None:
        """A login has opened a session."""
        ...

    def ended(self, session: Session, reason: End) -> None:
        """A session is over."""
        ...
