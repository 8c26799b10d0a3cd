"""Runs asynchronous tests on the event loop of production, with a guard against hanging."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TypeVar

import uvloop

GUARD_SECONDS = 30.0

T = TypeVar("T")


def run(test: Coroutine[None, None, T]) -> T:
    """Run a test to its end; a hanging one fails with TimeoutError."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(asyncio.wait_for(test, GUARD_SECONDS))


async def eventually(condition: Callable[[], bool]) -> None:
    """Return once the condition holds; the guard of `run` ends a vain wait."""
    while not condition():  # noqa: ASYNC110 - what is awaited has no event
        await asyncio.sleep(0.002)


async def settled() -> None:
    """Let everything that is ready to run do so."""
    for _ in range(10):
        await asyncio.sleep(0)
