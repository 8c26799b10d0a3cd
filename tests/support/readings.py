"""Two independent readings of one answer: ours and h11's."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import h11
from hypothesis import strategies as st

from app.transport.response_parser import InvalidAnswer, ResponseParser


@dataclass(frozen=True)
class Reading:
    """An answer as somebody read it, from the first byte until the backend closed."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    reusable: bool


def our_reading(pieces: Iterable[bytes], method: str = "GET") -> Reading | None:
    """What our parser makes of bytes that end with a close; None: refused."""
    parser = ResponseParser()
    parser.expect(method)
    try:
        for piece in pieces:
            parser.feed(piece)
        reusable = parser.complete and parser.reusable
        parser.finish()
    except InvalidAnswer:
        return None
    return Reading(parser.status, tuple(parser.headers), b"".join(parser.chunks), reusable)


def h11_reading(data: bytes, method: str = "GET") -> Reading | None:
    """What h11 makes of the same; empty lines after the answer count for nothing."""
    client = h11.Connection(h11.CLIENT, max_incomplete_event_size=1 << 20)
    client.send(h11.Request(method=method, target="/", headers=[("host", "a")]))
    client.send(h11.EndOfMessage())
    head: h11.Response | None = None
    body = b""
    try:
        client.receive_data(data)
        closed = False
        while not isinstance(event := client.next_event(), h11.EndOfMessage):
            if isinstance(event, h11.Response):
                head = event
            elif isinstance(event, h11.Data):
                body += event.data
            elif event is h11.NEED_DATA:
                closed = True
                client.receive_data(b"")
            elif event is h11.PAUSED or isinstance(event, h11.ConnectionClosed):
                return None
    except h11.RemoteProtocolError:
        return None
    if head is None:
        return None
    reusable = not closed and client.their_state is h11.DONE and not client.trailing_data[0].strip(b"\r\n")
    return Reading(head.status_code, tuple(head.headers), body, reusable)


def cut(data: bytes, places: Iterable[int]) -> list[bytes]:
    """The same bytes in pieces, cut at these places (modulo the length)."""
    marks = sorted({place % (len(data) + 1) for place in places} | {0, len(data)})
    return [data[a:b] for a, b in pairwise(marks)]


cuts = st.lists(st.integers(0, 4000), max_size=12)
"""Places at which a stream of bytes is cut."""
