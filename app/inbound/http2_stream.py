"""A stream of an HTTP/2 connection: its answer goes out no faster than the client takes it, and all has its time.

`zttp` collects what is beyond the client's window without a limit, and for uvicorn an answer is complete when zttp has
it. So pieces are handed over one after another, each when the one before is gone, and the end after the last of them.
"""

from __future__ import annotations

import asyncio
import math
from typing import Any, cast

from uvicorn.protocols.http.zttp_h2_impl import RequestResponseCycle
from zttp import H2ErrorCode

from app.errors import Failure
from app.inbound.exchange import EXTENSION, Message, Scope
from app.inbound.foreign_exchange import ForeignExchange
from app.inbound.protocol import InboundLimits
from app.inbound.refusal import plain_answer
from app.inbound.request_check import Rejected
from app.observability.correlation import correlation_id
from app.transport.deadlines import Deadlines

PIECE = 64 * 1024
AHEAD = 256 * 1024
"""How much of an answer is handed over without a window for it, while nothing is read from the client's connection.

Reading stops when a backend does not take a body, and what the client says about its window stands behind that body:
without this, a backend that answers before it takes the body would never be heard to the end.
"""


class Http2Stream:
    """Made when the head of a request is there; `close` when its answer is complete or given up."""

    def __init__(self, scope: Scope, cycle: RequestResponseCycle, limits: InboundLimits, deadlines: Deadlines) -> None:
        self._scope = scope
        self._cycle = cycle
        self._loop = asyncio.get_running_loop()
        self._stalled = limits.stalled
        self._arrived_by = self._loop.time() + limits.request
        self._taken_by = math.inf
        self._waiter: asyncio.Future[None] | None = None
        self._deadlines = deadlines
        deadlines.watch(self)

    @property
    def deadline(self) -> float:
        """By when the request has to be complete, and what waits of the answer to be taken."""
        cycle = self._cycle
        if cycle.disconnected or cycle.response_complete:
            return math.inf
        return min(self._arrived_by, self._taken_by) if cycle.more_body else self._taken_by

    def on_deadline(self) -> None:
        """Too slow: a request that is being received gets 408, an answer that has begun is cut."""
        cycle = self._cycle
        if cycle.flow.read_paused and not cycle.more_body:  # for another's body: nobody can tell us what was taken
            self._taken_by = self._loop.time() + self._stalled
            self._deadlines.watch(self)
        elif cycle.response_started:
            self._record(Rejected(Failure.REQUEST_TIMEOUT) if cycle.more_body else None)
            cycle.abort_stream()
            self._leave()
        else:
            self._answer_now(Rejected(Failure.REQUEST_TIMEOUT))
            self._leave()

    def close(self) -> None:
        """Stop watching."""
        self._deadlines.forget(self)

    def wake(self) -> None:
        """Told by the connection: the client may have taken something, or has gone."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def send(self, message: Message) -> None:
        """See ASGI. Returns when the client has a window for all of the message."""
        if message["type"] != "http.response.body":
            return await self._hand_over(message)
        body = memoryview(message.get("body", b""))
        for start in range(0, len(body), PIECE):
            await self._hand_over({**message, "body": body[start : start + PIECE], "more_body": True})
            await self._until_taken()
        if not message.get("more_body", False):
            await self._hand_over({**message, "body": b""})

    async def _hand_over(self, message: Message) -> None:
        await self._cycle.send(cast(Any, message))

    async def _until_taken(self) -> None:
        untaken = math.inf
        while self._is_held():
            pending = self._cycle.stream.pending_bytes or 0
            if pending < untaken:  # with whatever is taken the time begins anew
                untaken, self._taken_by = pending, self._loop.time() + self._stalled
            self._waiter = self._loop.create_future()
            await self._waiter
        self._taken_by = math.inf

    def _is_held(self) -> bool:
        cycle = self._cycle
        ahead = AHEAD if cycle.more_body and cycle.flow.read_paused else 0
        return not cycle.disconnected and (cycle.stream.pending_bytes or 0) > ahead

    def _answer_now(self, rejected: Rejected) -> None:
        """Answer without the application, and without the rest of the request (RFC 9113, 8.1)."""
        head, body = plain_answer(rejected, self._record(rejected))
        stream = self._cycle.stream
        stream.send_response(rejected.row.status, [pair for pair in head if pair[0] != b"connection"])
        if self._scope["method"] != "HEAD":
            stream.send_data(body)
        stream.end_message()
        stream.reset(H2ErrorCode.NO_ERROR)
        self._cycle.transport.write(self._cycle.conn.data_to_send())

    def _leave(self) -> None:
        """To the application, the client has gone."""
        self._cycle.disconnected = True
        self._cycle.message_event.set()
        self.wake()

    def _record(self, rejected: Rejected | None) -> str:
        """Let the request's line in the log say what ended it; the correlation id."""
        exchange: ForeignExchange | None = self._scope.get(EXTENSION)
        if exchange is None:
            return correlation_id(self._scope["headers"])
        exchange.correlation_id = exchange.correlation_id or correlation_id(self._scope["headers"])
        exchange.refused = rejected
        return exchange.correlation_id
