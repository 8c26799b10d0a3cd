"""Tells extensions of logins and of the ends of sessions, beside the request that caused them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from app.extensions.extension import SessionEvent, SessionHook
from app.sessions.observer import End
from app.sessions.session import Session

log = logging.getLogger("gangway.extensions")

MAX_RUNNING = 1000
"""Hooks that may be under way at once; events beyond are dropped, and logged."""


class SessionHooks:
    """Runs hooks as tasks of their own: no login or logout waits for them."""

    def __init__(self, on_login: Sequence[SessionHook], on_logout: Sequence[SessionHook]) -> None:
        self._on_login = tuple(on_login)
        self._on_logout = tuple(on_logout)
        self._running: set[asyncio.Task[None]] = set()

    def opened(self, session: Session) -> None:
        """See `SessionObserver`."""
        self._run(self._on_login, _event(session, None))

    def ended(self, session: Session, reason: End) -> None:
        """See `SessionObserver`."""
        self._run(self._on_logout, _event(session, reason))

    def _run(self, hooks: Sequence[SessionHook], event: SessionEvent) -> None:
        for hook in hooks:
            if len(self._running) >= MAX_RUNNING:
                log.warning("session hooks are too slow: an event was dropped")
                return
            task = asyncio.get_running_loop().create_task(_told(hook, event))
            self._running.add(task)
            task.add_done_callback(self._running.discard)


async def _told(hook: SessionHook, event: SessionEvent) -> None:
    try:
        await hook(event)
    except Exception:  # a hook that fails changes nothing
        log.exception("a session hook failed")


def _event(session: Session, ended: End | None) -> SessionEvent:
    principal = session.token.principal
    return SessionEvent(session.key.hex(), principal.tenant, principal, ended)
