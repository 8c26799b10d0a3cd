"""What every attack on the client's side is measured by."""

from __future__ import annotations

from tests.support.mini_gateway import Limits, mini_gateway
from tests.support.raw_backend import friendly, raw_backend
from tests.support.raw_client import Answered, raw_client
from tests.support.running import run

SMUGGLED = b"GET /smuggled HTTP/1.1\r\nhost: gateway\r\n\r\n"


def refused(payload: bytes, limits: Limits | None = None) -> Answered:
    """Assert that the payload is refused and its connection closed, that nothing of it and nothing behind it reaches
    the backend as a request, and that others are served on. Returns the refusal."""

    async def test() -> Answered:
        async with raw_backend(friendly) as backend, mini_gateway(backend.port, limits) as gateway:
            async with raw_client(gateway.port) as client:
                await client.send(payload + SMUGGLED)
                answered = await client.answer()
                assert await client.rest() == b""
            async with raw_client(gateway.port) as other:
                assert (await other.get(b"/alive")).status == 200
            await gateway.quiet()
            assert [request.target for request in backend.requests] == [b"/alive"]
            return answered

    answered = run(test())
    assert 400 <= answered.status < 500 or answered.status in (501, 505)
    assert answered.values(b"connection") == [b"close"]
    return answered


def served(payload: bytes) -> list[bytes]:
    """Send a payload that is fine and one more request; the targets that the backend saw before that."""

    async def test() -> list[bytes]:
        async with raw_backend(friendly) as backend, mini_gateway(backend.port) as gateway:
            async with raw_client(gateway.port) as client:
                await client.send(payload)
                assert (await client.answer()).status == 200
                assert (await client.get(b"/last")).status == 200
            *targets, last = [request.target for request in backend.requests]
            assert last == b"/last"
            return targets

    return run(test())
