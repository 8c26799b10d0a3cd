"""Web sockets: after the upgrade both sides' bytes pass untouched, so that extensions, pings and close codes work end
to end by themselves. Frame boundaries are tracked just enough to end a socket with a close frame (RFC 6455, 5.2).
"""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import Callable

HEADER_NEEDED = 2
CLOSE = 0x88
MASKED = 0x80
LAST_BYTES_SECONDS = 10.0
POLICY_VIOLATION = 1008
MAX_FRAMES = 2000
"""Frames in one piece that are worth following: more cost others more time than a close frame is worth."""


class FrameTracker:
    """Knows whether the bytes seen so far end at a frame boundary; gives up where they are a flood of tiny frames."""

    __slots__ = ("_header", "_lost", "_payload")

    def __init__(self) -> None:
        self._header = b""
        self._payload = 0
        self._lost = False

    @property
    def at_boundary(self) -> bool:
        """Whether a frame of our own may be put in here."""
        return not (self._payload or self._header or self._lost)

    def feed(self, data: bytes) -> None:
        """Follow the frames in `data`, whatever way it is cut."""
        position, end, left = 0, len(data), 0 if self._lost else MAX_FRAMES
        while position < end and left:
            if self._payload:
                skipped = min(self._payload, end - position)
                self._payload -= skipped
                position += skipped
                continue
            header = self._header + data[position : position + 14 - len(self._header)]
            size, payload = _frame_size(header)
            if not size:
                self._header = header
                return
            position += size - len(self._header)
            self._header, self._payload = b"", payload
            left -= 1
        self._lost = not left


def _frame_size(data: bytes) -> tuple[int, int]:
    """Bytes of header and of payload of the frame that begins here; (0, 0) when more is needed to tell."""
    if len(data) < HEADER_NEEDED:
        return 0, 0
    length = data[1] & 0x7F
    extended = 2 if length == 126 else 8 if length == 127 else 0
    size = 2 + extended + (4 if data[1] & MASKED else 0)
    if len(data) < size:
        return 0, 0
    return size, int.from_bytes(data[2 : 2 + extended]) if extended else length


def close_frame(code: int, *, masked: bool) -> bytes:
    """A close frame; frames of a client are masked (RFC 6455, 5.3)."""
    payload = code.to_bytes(2)
    if not masked:
        return bytes((CLOSE, len(payload))) + payload
    mask = os.urandom(4)
    return bytes((CLOSE, MASKED | len(payload))) + mask + bytes(b ^ m for b, m in zip(payload, mask, strict=False))


class TunnelEnd(asyncio.Protocol):
    """One side's socket: what arrives here is written there, and what is not taken there is not read here."""

    def __init__(self, tunnel: Tunnel, transport: asyncio.Transport, *, to_backend: bool) -> None:
        self._tunnel = tunnel
        self.transport = transport
        self.tracker = FrameTracker()
        self._to_backend = to_backend
        self._stalling: asyncio.TimerHandle | None = None
        self._untaken = 0
        self.peer: TunnelEnd

    def data_received(self, data: bytes) -> None:
        self.tracker.feed(data)
        self.peer.transport.write(data)

    def send_close(self, code: int) -> None:
        """Put a close frame behind what this side has sent to the other, unless that ends inside a frame."""
        if self.tracker.at_boundary:
            self.peer.transport.write(close_frame(code, masked=self._to_backend))

    def eof_received(self) -> None:
        return None

    def connection_lost(self, exc: Exception | None) -> None:
        self._unlimited()
        self._tunnel.lost()

    def pause_writing(self) -> None:
        self.peer.transport.pause_reading()
        self._limit_taking()

    def resume_writing(self) -> None:
        self._unlimited()
        self.peer.transport.resume_reading()

    def _limit_taking(self) -> None:
        """From now on the time runs in which this side has to take something."""
        self._untaken = self.transport.get_write_buffer_size()
        self._stalling = self._tunnel.when_stalled(self._stalled)

    def _stalled(self) -> None:
        if self.transport.get_write_buffer_size() < self._untaken:
            self._limit_taking()
        else:
            self._tunnel.end(POLICY_VIOLATION)

    def _unlimited(self) -> None:
        if self._stalling is not None:
            self._stalling.cancel()
            self._stalling = None


class Tunnel:
    """A client's and a backend's socket joined. `done` completes when either has gone; the other is closed with it.

    `stalled`: seconds for which a side may take nothing of what waits for it, `math.inf` for no limit.
    """

    def __init__(self, client: asyncio.Transport, backend: asyncio.Transport, stalled: float = math.inf) -> None:
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._stalled = stalled
        self.client = TunnelEnd(self, client, to_backend=True)
        self.backend = TunnelEnd(self, backend, to_backend=False)
        self.client.peer, self.backend.peer = self.backend, self.client

    def end(self, code: int) -> None:
        """End both sides with this code (RFC 6455, 7.4.1: 1001 going away, 1008 policy)."""
        if not self.done.done():
            self.client.send_close(code)
            self.backend.send_close(code)
            self.lost()

    def when_stalled(self, callback: Callable[[], None]) -> asyncio.TimerHandle | None:
        """Call back when a side has had its time to take something; to be cancelled when it has taken enough."""
        if self._stalled == math.inf:
            return None
        return asyncio.get_running_loop().call_later(self._stalled, callback)

    def lost(self) -> None:
        """One side has gone: the other gets what was written to it, if it takes that in time."""
        if self.done.done():
            return
        self.done.set_result(None)
        for end in (self.client, self.backend):
            end.transport.close()
            asyncio.get_running_loop().call_later(LAST_BYTES_SECONDS, end.transport.abort)
