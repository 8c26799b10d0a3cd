"""Steps belong to the request that is served, and cost nothing where nobody wants to see them."""

from __future__ import annotations

import asyncio

from app.observability.trace import MAX_STEPS, note, start_trace
from tests.support.running import run


def test_steps_are_noted_in_order_with_the_time_since_the_start() -> None:
    async def test() -> None:
        trace = start_trace()
        note("first")
        note("second %s %d", "a%s", 2)
        assert [step.partition(" ")[2] for step in trace.steps] == ["first", "second a%s 2"]
        times = [float(step.partition(" ")[0]) for step in trace.steps]
        assert times == sorted(times)

    run(test())


def test_requests_served_at_the_same_time_do_not_mix() -> None:
    async def request(name: str) -> list[str]:
        trace = start_trace()
        for _ in range(3):
            await asyncio.sleep(0)
            await asyncio.create_task(deeper(name))
        return [step.partition(" ")[2] for step in trace.steps]

    async def deeper(name: str) -> None:
        note("%s", name)

    async def test() -> None:
        names = [f"request {number}" for number in range(10)]
        found = await asyncio.gather(*(asyncio.create_task(request(name)) for name in names))
        assert found == [[name] * 3 for name in names]

    run(test())


def test_without_a_trace_nothing_is_noted_or_even_formatted() -> None:
    class Untouchable:
        def __str__(self) -> str:
            raise AssertionError("formatted")

    async def test() -> None:
        note("%s", Untouchable())

    run(test())


def test_steps_are_bounded() -> None:
    async def test() -> None:
        trace = start_trace()
        for _ in range(MAX_STEPS * 2):
            note("again")
        assert len(trace.steps) == MAX_STEPS

    run(test())
