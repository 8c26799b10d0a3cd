"""A socket that the backend closes while it waits: what is sent once more, and what never."""

from __future__ import annotations

import pytest

from app.errors import Failure
from tests.support.proxied import proxied
from tests.support.raw_backend import Link, answer
from tests.support.raw_client import RawClient
from tests.support.running import run

BODY = b"content-length: 4\r\n\r\nbody"


class Stale:
    """The first connection answers one request and ends at the next one; the others answer all."""

    def __init__(self, last_words: bytes = b"") -> None:
        self.seen: list[str] = []
        self._last_words = last_words
        self._connections = 0

    async def __call__(self, link: Link) -> None:
        self._connections += 1
        first = self._connections == 1
        while True:
            self.seen.append((await link.request()).method)
            if first and len(self.seen) == 2:
                await link.send(self._last_words)
                return
            await link.send(answer(b"" if self.seen[-1] == "HEAD" else b"ok"))


async def after_a_first_one(client: RawClient, method: str, rest: bytes) -> int:
    assert (await client.get()).status == 200
    await client.send(method.encode() + b" / HTTP/1.1\r\nhost: gateway\r\n" + rest)
    return (await client.answer(method)).status


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"])
def test_what_changes_nothing_twice_is_sent_once_more(method: str) -> None:
    async def test() -> None:
        script = Stale()
        async with proxied(script) as (backend, gateway, client):
            assert await after_a_first_one(client, method, b"content-length: 0\r\n\r\n") == 200
            assert script.seen == ["GET", method, method]
            await gateway.quiet()
            assert (backend.connections, gateway.pool.sockets, gateway.failures) == (2, 1, [])

    run(test())


@pytest.mark.parametrize(
    ("method", "rest"),
    [("POST", b"content-length: 0\r\n\r\n"), ("PATCH", b"content-length: 0\r\n\r\n"), ("PUT", BODY), ("GET", BODY)],
)
def test_what_may_have_been_done_or_cannot_be_repeated_fails(method: str, rest: bytes) -> None:
    async def test() -> None:
        script = Stale()
        async with proxied(script) as (_, gateway, client):
            assert await after_a_first_one(client, method, rest) == 502
            assert script.seen.count(method) == (2 if method == "GET" else 1)
            await gateway.quiet()
            assert (gateway.failures, gateway.pool.sockets) == ([Failure.BACKEND_CLOSED], 0)

    run(test())


def test_a_request_that_was_being_answered_is_not_sent_again() -> None:
    async def test() -> None:
        script = Stale(b"HTTP/1.1 200 OK\r\nx-a: ")
        async with proxied(script) as (_, gateway, client):
            assert await after_a_first_one(client, "GET", b"\r\n") == 502
            assert script.seen == ["GET", "GET"]
            await gateway.quiet()

    run(test())


def test_a_request_is_sent_once_more_and_not_twice() -> None:
    async def test() -> None:
        async def script(link: Link) -> None:
            await link.request()
            if len(backend.requests) == 1:
                await link.send(answer())
                await link.request()

        async with proxied(script) as (backend, gateway, client):
            assert await after_a_first_one(client, "GET", b"\r\n") == 502
            assert (backend.connections, len(backend.requests)) == (2, 3)
            await gateway.quiet()
            assert gateway.pool.sockets == 0

    run(test())


def test_a_first_socket_that_closes_is_no_stale_one() -> None:
    async def test() -> None:
        async def script(link: Link) -> None:
            await link.request()

        async with proxied(script) as (backend, _, client):
            assert (await client.get()).status == 502
            assert backend.connections == 1

    run(test())
