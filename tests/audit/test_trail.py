"""Delivery: in order, repeated, bounded, and never waited for."""

from __future__ import annotations

import asyncio
import logging
from collections import deque

import pytest

from app.audit.event import Action, SecurityEvent
from app.audit.trail import ConsoleSink, Delivery, ServiceSink
from tests.support.running import eventually, run


class Service:
    """Delivers as told: `answers` first, then DONE; `gate` holds deliveries back while it is not set."""

    def __init__(self, *answers: Delivery) -> None:
        self.answers = deque(answers)
        self.gate = asyncio.Event()
        self.gate.set()
        self.seen: list[str] = []

    async def deliver(self, event: SecurityEvent) -> Delivery:
        await self.gate.wait()
        self.seen.append(event.id)
        return self.answers.popleft() if self.answers else Delivery.DONE


def event(name: str, failure: str = "") -> SecurityEvent:
    return SecurityEvent(Action.ACCESS, failure, id=name)


def test_events_are_delivered_in_order() -> None:
    async def test() -> None:
        service = Service()
        sink = ServiceSink(service.deliver)
        for name in "abc":
            sink.put(event(name))
        assert service.seen == []
        await eventually(lambda: service.seen == ["a", "b", "c"])
        sink.put(event("d"))
        await eventually(lambda: service.seen[3:] == ["d"])
        await sink.aclose()

    run(test())


def test_an_event_is_tried_again_until_it_is_taken() -> None:
    async def test() -> None:
        service = Service(Delivery.AGAIN, Delivery.AGAIN)
        sink = ServiceSink(service.deliver, pause=0.001)
        sink.put(event("a"))
        sink.put(event("b"))
        await eventually(lambda: service.seen == ["a", "a", "a", "b"])
        assert sink.dropped == 0
        await sink.aclose()

    run(test())


def test_a_refused_event_is_dropped_and_the_next_delivered(caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        service = Service(Delivery.REFUSED)
        sink = ServiceSink(service.deliver)
        sink.put(event("a"))
        sink.put(event("b"))
        await eventually(lambda: service.seen == ["a", "b"])
        assert sink.dropped == 1
        await sink.aclose()

    run(test())
    assert "the service refused it" in caplog.text


def test_events_beyond_the_limit_are_dropped_counted_and_logged_sparsely(caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        service = Service()
        service.gate.clear()
        sink = ServiceSink(service.deliver, limit=2)
        for number in range(102):
            sink.put(event(str(number)))
        assert sink.dropped == 100
        service.gate.set()
        await eventually(lambda: service.seen == ["0", "1"])
        await sink.aclose()

    run(test())
    assert caplog.text.count("security events dropped") == 7  # 1, 2, 4, ... 64


def test_the_end_delivers_what_it_can() -> None:
    async def test() -> None:
        service = Service()
        sink = ServiceSink(service.deliver)
        sink.put(event("a"))
        await sink.aclose()
        assert (service.seen, sink.dropped) == (["a"], 0)

    run(test())


def test_the_end_does_not_wait_for_a_service_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.audit.trail.CLOSE_SECONDS", 0.01)

    async def test() -> None:
        service = Service()
        service.gate.clear()
        sink = ServiceSink(service.deliver)
        sink.put(event("a"))
        sink.put(event("b"))
        await sink.aclose()
        assert (service.seen, sink.dropped) == ([], 2)

    run(test())


def test_the_console_gets_failures_as_warnings(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "gangway.audit")
    ConsoleSink().put(event("a", "SCOPE_MISSING"))
    ConsoleSink().put(event("b"))
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
