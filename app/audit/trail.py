"""Where security events go: noted at once, delivered beside the requests, never waited for."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Protocol

from app.audit.event import SecurityEvent, refusal_event, session_event
from app.audit.message import console_fields
from app.request_head import RequestHead
from app.sessions.observer import End
from app.sessions.session import Session
from app.visit import Visit

log = logging.getLogger("gangway.audit")

MAX_WAITING = 1000
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 60.0
CLOSE_SECONDS = 2.0


class Delivery(Enum):
    """What became of an attempt to deliver an event."""

    DONE = "done"
    AGAIN = "again"
    REFUSED = "refused"


Deliver = Callable[[SecurityEvent], Awaitable[Delivery]]


class Sink(Protocol):
    """Takes events without waiting, and without raising."""

    def put(self, event: SecurityEvent) -> None: ...
    async def aclose(self) -> None: ...


class ConsoleSink:
    """The log, masked: what is done where no audit log service is bound."""

    def put(self, event: SecurityEvent) -> None:
        """Write an event: a success as information, a failure as a warning."""
        level = logging.WARNING if event.failure else logging.INFO
        log.log(level, "security event", extra={"fields": console_fields(event)})

    async def aclose(self) -> None:
        """Nothing is left behind."""


class ServiceSink:
    """Delivers events one after another; those that cannot be delivered wait, up to a limit, with growing pauses.

    Events beyond the limit, and those the service refuses, are dropped, counted (`dropped`) and logged.
    """

    def __init__(self, deliver: Deliver, limit: int = MAX_WAITING, pause: float = FIRST_PAUSE) -> None:
        self._deliver = deliver
        self._limit = limit
        self._pause = pause
        self._waiting: deque[SecurityEvent] = deque()
        self._worker: asyncio.Task[None] | None = None
        self.dropped = 0

    def put(self, event: SecurityEvent) -> None:
        """Have an event delivered."""
        if len(self._waiting) >= self._limit:
            self._drop("too many are waiting")
            return
        self._waiting.append(event)
        if self._worker is None:
            self._worker = asyncio.get_running_loop().create_task(self._work())

    async def aclose(self) -> None:
        """Deliver what can be delivered in a moment; what is left then is dropped."""
        worker = self._worker
        if worker is not None:
            await asyncio.wait([worker], timeout=CLOSE_SECONDS)
            worker.cancel()
        for _ in range(len(self._waiting)):
            self._drop("the gateway stops")
        self._waiting.clear()

    async def _work(self) -> None:
        try:
            while self._waiting:
                delivery = await self._delivered(self._waiting[0])
                self._waiting.popleft()
                if delivery is Delivery.REFUSED:
                    self._drop("the service refused it")
        finally:
            self._worker = None

    async def _delivered(self, event: SecurityEvent) -> Delivery:
        """Try until the service has decided."""
        pause = self._pause
        while (delivery := await self._deliver(event)) is Delivery.AGAIN:
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
        return delivery

    def _drop(self, reason: str) -> None:
        self.dropped += 1
        if self.dropped & (self.dropped - 1) == 0:  # the 1st, 2nd, 4th, 8th: a flood must not flood the log
            log.error("security events dropped: %s", reason, extra={"fields": {"dropped": self.dropped}})


class AuditTrail:
    """Turns what happens into events. Also the observer of sessions."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    def refused(self, head: RequestHead, visit: Visit) -> None:
        """Note a request that failed, if its failure is a matter of security."""
        if visit.error is None:
            return
        event = refusal_event(visit.error, head, visit.tenant, visit.caller, visit.correlation_id)
        if event is not None:
            self._sink.put(event)

    def opened(self, session: Session) -> None:
        """See `SessionObserver`."""
        self._sink.put(session_event(session.token.principal, None))

    def ended(self, session: Session, reason: End) -> None:
        """See `SessionObserver`."""
        self._sink.put(session_event(session.token.principal, reason))

    async def aclose(self) -> None:
        """End what runs in the background."""
        await self._sink.aclose()
