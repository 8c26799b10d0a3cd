"""A landscape for code that is not asynchronous: it runs in a thread with an event loop of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager

from app.landscape.landscape import Landscape

START_SECONDS = 30


@contextmanager
def running_landscape(landscape: Landscape | None = None) -> Iterator[Landscape]:
    """A started landscape (a new one when none is given), stopped at the end of the block.

    Its attributes may be read, and faults, destinations and tunnels changed, from the calling thread.
    """
    chosen = landscape or Landscape()
    ready: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()
    thread = threading.Thread(target=_run, args=(chosen, ready), name="landscape", daemon=True)
    thread.start()
    loop, leave = ready.result(START_SECONDS)
    try:
        yield chosen
    finally:
        loop.call_soon_threadsafe(leave.set)
        thread.join()


def _run(landscape: Landscape, ready: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]]) -> None:
    async def live() -> None:
        leave = asyncio.Event()
        async with landscape:
            ready.set_result((asyncio.get_running_loop(), leave))
            await leave.wait()

    try:
        asyncio.run(live())
    except BaseException as error:
        if ready.done():
            raise
        ready.set_exception(error)
