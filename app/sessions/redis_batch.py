"""Many small questions at the same time become one exchange with the store."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from app.errors import Failure, GatewayError

log = logging.getLogger("gangway.sessions")

Found = list[bytes | None]

MOST = 500


class GlanceBatch:
    """Collects keys while an exchange is under way; all of them go into the next one.

    An answer is never older than its question: keys that come while an exchange is under way wait for the next.
    """

    def __init__(self, ask: Callable[[list[bytes]], Awaitable[list[Found]]]) -> None:
        self._ask = ask
        self._waiting: list[tuple[bytes, asyncio.Future[Found]]] = []
        self._task: asyncio.Task[None] | None = None

    async def get(self, key: bytes) -> Found:
        """What is found under a key. Raises GatewayError as `ask` does."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Found] = loop.create_future()
        self._waiting.append((key, future))
        if self._task is None:
            self._task = loop.create_task(self._work())
        return await future

    async def _work(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
                await self._exchange(batch)
        finally:
            self._task = None

    async def _exchange(self, batch: list[tuple[bytes, asyncio.Future[Found]]]) -> None:
        try:
            found = await self._ask([key for key, _ in batch])
        except GatewayError as error:
            return _fail(batch, error)
        except Exception:  # the last resort: those who wait would wait for ever
            log.exception("asking the session store failed")
            return _fail(batch, GatewayError(Failure.STORE_UNAVAILABLE, "the session store cannot be asked"))
        for (_, future), values in zip(batch, found, strict=True):
            if not future.done():
                future.set_result(values)


def _fail(batch: list[tuple[bytes, asyncio.Future[Found]]], error: GatewayError) -> None:
    for _, future in batch:
        if not future.done():
            future.set_exception(GatewayError(error.failure, error.detail, logged=error.logged))
