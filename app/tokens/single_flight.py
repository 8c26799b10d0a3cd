"""Many want the same thing at the same time: it is fetched once, and all get the result or the error."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class SingleFlight(Generic[K, V]):
    """Runs at most one job per key. A caller that is cancelled leaves the job running for the others."""

    def __init__(self) -> None:
        self._running: dict[K, asyncio.Task[V]] = {}

    def start(self, key: K, job: Callable[[], Coroutine[Any, Any, V]]) -> asyncio.Task[V]:
        """The running job of this key, started if there is none; for work nobody waits for."""
        task = self._running.get(key)
        if task is None:
            task = self._running[key] = asyncio.get_running_loop().create_task(job())
            task.add_done_callback(lambda done: self._finished(key, done))
        return task

    def run(self, key: K, job: Callable[[], Coroutine[Any, Any, V]]) -> Awaitable[V]:
        """Await the result of the running job of this key, started if there is none."""
        return asyncio.shield(self.start(key, job))

    def _finished(self, key: K, task: asyncio.Task[V]) -> None:
        del self._running[key]
        if not task.cancelled():
            task.exception()  # marks it as seen: whoever waits gets it anyway, and perhaps nobody waits any more

    def __contains__(self, key: object) -> bool:
        """Whether a job of this key is running: who joins it causes no work."""
        return key in self._running

    def __len__(self) -> int:
        return len(self._running)

    async def drain(self) -> None:
        """Wait until what runs now has ended."""
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def aclose(self) -> None:
        """Cancel what runs and wait for its end."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
