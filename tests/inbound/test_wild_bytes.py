"""Wild bytes from clients: the gateway lives on, and the backend sees no request that h11 does not find in them.

We are laxer than h11 in two points that RFC 9112 allows (2.2, 3): empty lines before a request, several blanks within
its first line.
"""

from __future__ import annotations

import asyncio
import re

import h11
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.inbound.protocol import InboundLimits
from tests.support.mini_gateway import Limits, mini_gateway
from tests.support.raw_backend import friendly, raw_backend
from tests.support.raw_client import raw_client
from tests.support.readings import cut, cuts
from tests.support.running import run

HOST = b"host: gateway\r\n"
GOOD = (
    b"GET /get HTTP/1.1\r\n" + HOST + b"\r\n",
    b"POST /post HTTP/1.1\r\n" + HOST + b"content-length: 5\r\n\r\nhello",
    b"POST /chunked HTTP/1.1\r\n" + HOST + b"transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n",
    b"GET /last HTTP/1.1\r\n" + HOST + b"connection: close\r\n\r\n",
    b"HEAD /head HTTP/1.1\r\n" + HOST + b"\r\n",
)
SCRAPS = (
    b"GET ", b"POST ", b"/x", b" HTTP/1.1\r\n", b" HTTP/1.0\r\n", HOST,
    b"content-length: 5\r\n", b"content-length: 0\r\n", b"transfer-encoding: chunked\r\n",
    b"connection: content-length\r\n", b"upgrade: websocket\r\nconnection: upgrade\r\n",
    b"\r\n", b"\r\n\r\n", b"\n", b"\r", b" ", b":", b"0\r\n\r\n", b"5\r\nhello\r\n", b"hello", b"\x00", b"\xff",
    b"x-a: b",
)  # fmt: skip
LIMITS = Limits(InboundLimits(head=0.02, request=0.02, keep_alive=0.02, linger=0.02))
"""The gateway ends the connection itself, so that all that can reach the backend has reached it."""


BLANKS = re.compile(rb" +(?=[^ \r\n]* *HTTP/1)")


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    data = b"".join(draw(st.lists(st.sampled_from(GOOD), min_size=1, max_size=3)))
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, len(data)))
        data = data[:place] + draw(st.sampled_from(SCRAPS)) + data[place + draw(st.integers(0, 4)) :]
    return data


scraps = st.lists(st.sampled_from(SCRAPS), max_size=15).map(b"".join)
payloads = st.one_of(
    damaged(), scraps, st.binary(max_size=200), st.lists(st.sampled_from(GOOD), max_size=4).map(b"".join)
)


def found_by_h11(data: bytes) -> list[tuple[str, bytes]]:
    """Method and body of the complete requests before the first fault."""
    found: list[tuple[str, bytes]] = []
    data = BLANKS.sub(b" ", data)
    while True:
        parser = h11.Connection(h11.SERVER)
        parser.receive_data(data.lstrip(b"\r\n"))
        try:
            head, body = parser.next_event(), b""
            if not isinstance(head, h11.Request):
                return found
            while isinstance(event := parser.next_event(), h11.Data):
                body += event.data
            if not isinstance(event, h11.EndOfMessage):
                return found
        except h11.RemoteProtocolError:
            return found
        found.append((head.method.decode(), body))
        data, _ = parser.trailing_data


async def outcome(payload: bytes, places: list[int]) -> list[tuple[str, bytes]]:
    """What the backend saw of the payload. The gateway then serves another client, and is left with nothing open."""
    async with raw_backend(friendly) as backend, mini_gateway(backend.port, LIMITS) as gateway:
        async with raw_client(gateway.port) as client:
            for piece in cut(payload, places):
                if not client.writer.is_closing():
                    client.writer.write(piece)
                await asyncio.sleep(0)
            await client.rest()
        await gateway.quiet()
        seen = [(request.method, request.body) for request in backend.requests]
        assert all("closed" in violation for violation in backend.violations)
        await still_serves(gateway.port)
        return seen


async def still_serves(port: int) -> None:
    """Return when a client is served; on a busy machine, one may itself be too slow for the limits."""
    status = 408
    while status == 408:
        async with raw_client(port) as other:
            status = (await other.get(b"/alive")).status
    assert status == 200


@given(payloads, cuts)
@settings(max_examples=30, deadline=None)
@example(b"POST / HTTP/1.1\r\n" + HOST + b"connection: content-length\r\ncontent-length: 35\r\n\r\n" + GOOD[0], [])
def test_the_backend_sees_only_what_is_well_formed(payload: bytes, places: list[int]) -> None:
    seen = run(outcome(payload, places))
    assert seen == found_by_h11(payload)[: len(seen)]
