"""Runs asynchronous tests on the event loop of production, with a guard against hanging."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import uvloop

GUARD_SECONDS = 30.0

T = TypeVar("T")


def run(test: Coroutine[None, None, T]) -> T:
    """Run a test to its end; a hanging one fails with TimeoutError, one that leaves errors to the loop fails too."""
    stray: list[dict[str, Any]] = []
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.get_loop().set_exception_handler(lambda _, context: stray.append(context))
        result = runner.run(asyncio.wait_for(test, GUARD_SECONDS))
        gc.collect()
    # The streams of a test's own clients and backends may be reset at the moment at which they are given up.
    errors = [context for context in stray if not isinstance(context.get("exception"), ConnectionError)]
    assert not errors, errors
    return result


async def eventually(condition: Callable[[], bool]) -> None:
    """Return once the condition holds; the guard of `run` ends a vain wait."""
    while not condition():  # noqa: ASYNC110 - what is awaited has no event
        await asyncio.sleep(0.002)


async def settled() -> None:
    """Let everything that is ready to run do so."""
    for _ in range(10):
        await asyncio.sleep(0)
