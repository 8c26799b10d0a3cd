"""One Redis for the tests of a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.redis_servers import RedisServer, redis_server


@pytest.fixture(scope="module")
def redis_store() -> Iterator[RedisServer]:
    """A running server; a test that stops it starts it again."""
    with redis_server() as server:
        yield server
