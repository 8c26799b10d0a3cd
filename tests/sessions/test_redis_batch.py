from __future__ import annotations

import asyncio

import pytest

from app.errors import Failure, GatewayError
from app.sessions.redis_batch import Found, GlanceBatch
from tests.support.running import run


def test_an_exchange_that_breaks_leaves_nobody_waiting(caplog: pytest.LogCaptureFixture) -> None:
    async def ask(keys: list[bytes]) -> list[Found]:
        if b"bad" in keys:
            raise IndexError
        return [[key] for key in keys]

    async def test() -> None:
        batch = GlanceBatch(ask)
        results = await asyncio.gather(*(batch.get(key) for key in (b"good", b"bad")), return_exceptions=True)
        assert [result.failure for result in results if isinstance(result, GatewayError)] == [
            Failure.STORE_UNAVAILABLE, Failure.STORE_UNAVAILABLE,
        ]  # fmt: skip
        assert await batch.get(b"good") == [b"good"]
        assert [record.exc_info is not None for record in caplog.records] == [True]

    run(test())
