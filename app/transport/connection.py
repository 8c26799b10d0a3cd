"""One socket to a backend. It serves one exchange at a time and knows whether it may serve another."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from app.errors import Failure, GatewayError
from app.transport.deadlines import Deadlines
from app.transport.response_parser import InvalidAnswer, ResponseParser

if TYPE_CHECKING:
    from app.transport.pool import KeyPool

HIGH_WATER = 256 * 1024

_SLOW = "Find out why the backend is slow, or raise"


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds: until a socket is open, between pieces of an answer, for an exchange as a whole."""

    connect: float = 10.0
    idle: float = 120.0
    total: float = math.inf


class Connection(asyncio.Protocol):
    """An HTTP/1.1 connection: `start` a request, `write` its body, `wait_head`, `read` until empty.

    Every method that waits raises GatewayError when the exchange fails; `failure` keeps the first reason. `reusable`
    tells whether the pool may hand the connection to the next request of the same key.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, deadlines: Deadlines, timeouts: Timeouts) -> None:
        self._loop = loop
        self._timeouts = timeouts
        self._timeout = 0.0
        self._ends_at = math.inf
        self._deadlines = deadlines
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._go_ahead: asyncio.Future[None] | None = None
        self._drained: asyncio.Future[None] | None = None
        self._reading_paused = False
        self._buffered = 0
        self._unsent = b""
        self._ended = False
        self.parser = ResponseParser()
        self.deadline = math.inf
        self.failure: Failure | None = None
        self.detail = ""
        self.advice = ""
        self.closed = False
        self.busy = False
        self.request_sent = True
        self.answered = False
        self.exchanges = 0
        self.idle_since = 0.0
        self.pool: KeyPool | None = None
        self.on_hints: Callable[[list[tuple[bytes, bytes]]], None] | None = None

    # -- one exchange
    def start(self, head: bytes, method: str, timeout: float, *, has_body: bool, upgrade: bool = False) -> None:
        """Send a request head. `timeout`: seconds from the end of the request to the first byte of the answer."""
        self.parser.expect(method, upgrade=upgrade)
        self.busy = True
        self._buffered = 0
        self.answered = False
        self.exchanges += 1
        self._timeout = timeout
        self.request_sent = not has_body
        if self.closed:  # between being taken and now; whoever waits for the answer will hear of it
            self._fail(Failure.BACKEND_CLOSED, "closed before the request")
            return
        now = self._loop.time()
        self._ends_at = now + self._timeouts.total
        self.deadline = self._ends_at if has_body else min(now + timeout, self._ends_at)
        self._deadlines.watch(self)
        # Not at once: heads of requests that came together go out together, and a body that is there goes along.
        self._unsent = head
        self._loop.call_soon(self._send)

    async def write(self, data: bytes, *, last: bool) -> None:
        """Send a piece of the body; waits while the backend takes no more, but for the `last` one.

        Between the pieces it is the client's turn, so the backend's clock stands still until the `last` one. Once the
        head of the answer is there, the clock is that of its silence, which stands still while nobody reads it.
        """
        self._raise_failure()
        if self.closed:  # after a complete answer
            raise GatewayError(Failure.BACKEND_CLOSED, "closed during the upload")
        if not self._reading_paused:
            seconds = self._timeouts.idle if self.parser.head_complete else self._timeout
            self.deadline = min(self._loop.time() + seconds, self._ends_at)
        data, self._unsent = self._unsent + data, b""
        self._socket.write(data)
        self.request_sent = last
        if self._drained is not None and not last:  # behind the last piece comes the answer, for which others wait
            await asyncio.shield(self._drained)  # it is not for one request alone to cancel
            self._raise_failure()
        if not (last or self.parser.head_complete):
            self.deadline = self._ends_at

    def _send(self) -> None:
        if self._unsent and not self.closed:
            self._socket.write(self._unsent)
        self._unsent = b""

    async def wait_head(self) -> None:
        """Wait until status and headers of the answer are there (`parser.status`, `parser.headers`)."""
        while not self.parser.head_complete:
            await self._wait()

    async def wait_continue(self, seconds: float) -> bool:
        """Wait for 100 Continue or the final head; True when the body may be sent (also after `seconds` of silence)."""
        if not (self.parser.continued or self.parser.head_complete):
            self._raise_failure()
            self._go_ahead = self._loop.create_future()  # not the waiter: somebody else waits for the head
            waited = self._loop.call_later(seconds, self._wake)
            try:
                await self._go_ahead
            finally:
                waited.cancel()
                self._go_ahead = None
            self._raise_failure()
        return not self.parser.head_complete

    async def read(self) -> bytes:
        """The next piece of the body as it came, `b""` at its end."""
        while not self.parser.chunks:
            if self.parser.complete:
                return b""
            await self._wait()
        chunks = self.parser.chunks
        data = chunks.popleft() if len(chunks) == 1 else b"".join(chunks)
        chunks.clear()
        self._buffered = 0
        if self._reading_paused:
            self._resume_reading()
        return data

    def finish(self) -> None:
        """The exchange is over, in whatever way."""
        self.busy = False
        self.on_hints = None
        self.deadline = math.inf
        self._deadlines.forget(self)

    @property
    def reusable(self) -> bool:
        """Whether both directions ended cleanly and the connection stays open."""
        return (
            not self.closed and self.failure is None and self.request_sent
            and self.parser.complete and self.parser.reusable and not self.parser.chunks
            and self._drained is None and not self._unsent and not self._socket.get_write_buffer_size()
        )  # fmt: skip

    def abort(self, failure: Failure, detail: str = "", advice: str = "") -> None:
        """End the exchange with a failure and drop the socket at once."""
        self._fail(failure, detail, advice)
        if self._transport is not None:
            self._transport.abort()

    def client_gone(self) -> None:
        """The client has left: nobody wants the answer any more."""
        self.abort(Failure.CLIENT_GONE)

    def close(self) -> None:
        """Close the socket. What the backend has not taken yet is not waited for: it might never be."""
        if self.closed or self._transport is None:
            return
        self.closed = True
        if self._transport.get_write_buffer_size():
            self._transport.abort()
        else:
            self._transport.close()

    def release_transport(self) -> tuple[asyncio.Transport, bytes]:
        """After 101: the bare socket and what the backend has already sent on it."""
        if self._reading_paused:
            self._resume_reading()
        self.finish()
        rest = self.parser.upgraded_rest or b""
        transport, self._transport = self._socket, None
        return transport, rest

    def on_deadline(self) -> None:
        self.abort(Failure.BACKEND_TIMEOUT, *self._exceeded())

    # -- asyncio.Protocol
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if not self.busy:
            self.abort(Failure.BACKEND_INVALID, "bytes without a request")
            return
        self.answered = True
        parser = self.parser
        try:
            parser.feed(data)
        except InvalidAnswer as error:
            self.abort(Failure.BACKEND_INVALID, str(error))
            return
        while parser.hints:
            hints = parser.hints.pop(0)
            if self.on_hints is not None:
                self.on_hints(hints)
        if parser.head_complete:
            self.deadline = min(self._loop.time() + self._timeouts.idle, self._ends_at)
            self._buffered += len(data)
            if self._buffered > HIGH_WATER and self._is_waited_for():
                self._pause_reading()
        self._wake()

    def eof_received(self) -> None:
        """The backend says that nothing follows: over TLS only where it does so itself (with close_notify)."""
        self._ended = True

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        if exc is not None and self.busy and not self.parser.complete:  # no end, also where a close would be one
            self._fail(Failure.BACKEND_CLOSED, "connection reset")
        elif self.busy and self.failure is None:
            try:
                self.parser.finish(told=self._ended)
            except InvalidAnswer as error:
                self._fail(Failure.BACKEND_CLOSED, str(error))
        self._wake()
        self._resume_writer()
        if self.pool is not None:
            self.pool.lost(self)

    def pause_writing(self) -> None:
        self._drained = self._drained or self._loop.create_future()

    def resume_writing(self) -> None:
        self._resume_writer()

    # -- inside
    def _exceeded(self) -> tuple[str, str]:
        """Which limit has passed, and where it is set."""
        if self.deadline >= self._ends_at:
            total = _milliseconds(self._timeouts.total)
            return f"the exchange did not end within {total} ms", f"{_SLOW} GATEWAY_TOTAL_TIMEOUT."
        if self.parser.head_complete:
            idle = _milliseconds(self._timeouts.idle)
            return f"the answer stopped for {idle} ms", f"{_SLOW} GATEWAY_IDLE_TIMEOUT."
        what = "no answer" if self._drained is None else "it took no more of the request"
        detail = f"{what} within {_milliseconds(self._timeout)} ms, the timeout of the destination or service"
        return (
            detail,
            f"{_SLOW} the timeout: HTML5.Timeout of the destination, or timeout in the environment or binding.",
        )

    @property
    def _socket(self) -> asyncio.Transport:
        if self._transport is None:
            raise GatewayError(Failure.BACKEND_CLOSED, "no socket")
        return self._transport

    async def _wait(self) -> None:
        self._raise_failure()
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None
        self._raise_failure()

    def _wake(self) -> None:
        for waiter in (self._waiter, self._go_ahead):
            if waiter is not None and not waiter.done():
                waiter.set_result(None)

    def _resume_writer(self) -> None:
        drained, self._drained = self._drained, None
        if drained is not None and not drained.done():
            drained.set_result(None)

    def _is_waited_for(self) -> bool:
        """Whether what has arrived is still to be fetched, and more may come."""
        parser = self.parser
        return bool(parser.upgraded_rest or (parser.chunks and not parser.complete))

    def _pause_reading(self) -> None:
        if not self._reading_paused:
            self._reading_paused = True
            # A slow client is not the backend's fault: the clock of its silence stops.
            self.deadline = self._ends_at
            self._socket.pause_reading()

    def _resume_reading(self) -> None:
        self._reading_paused = False
        if not self.closed:
            self.deadline = min(self._loop.time() + self._timeouts.idle, self._ends_at)
            self._socket.resume_reading()

    def _fail(self, failure: Failure, detail: str, advice: str = "") -> None:
        self.closed = True
        if self.failure is None:
            self.failure, self.detail, self.advice = failure, detail, advice
        self._wake()
        self._resume_writer()

    def _raise_failure(self) -> None:
        if self.failure is not None:
            raise GatewayError(self.failure, self.detail, advice=self.advice)


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)
