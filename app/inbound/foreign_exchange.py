"""An exchange over plain ASGI, for connections that are not our own protocol's: HTTP/2 streams, other servers.

What our protocol tells by a callback has to be waited for here: a client that leaves costs a waiting task.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from app.errors import GatewayError
from app.inbound.answer_headers import framed_by_us
from app.inbound.exchange import EXTENSION, AbortExchange, AsgiApp, Message, Scope
from app.inbound.upgrade import ClientSocket


class ForeignExchange:
    """The same view of a request and its answer as `Exchange`."""

    correlation_id = ""
    refused: GatewayError | None = None

    def __init__(
        self, scope: Scope, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]],
        *, has_body: bool,
    ) -> None:  # fmt: skip
        self.scope = scope
        self._receive = receive
        self._send = send
        self._on_disconnect: Callable[[], None] | None = None
        self._watcher: asyncio.Task[None] | None = None
        self.body_complete = not has_body
        self.from_extensions = False
        self.disconnected = self.started = self.complete = self.aborted = False
        self.status = self.bytes_sent = 0
        self.content_type = b""
        self.upgrade: ClientSocket | None = None

    @property
    def on_disconnect(self) -> Callable[[], None] | None:
        """What to call when the client leaves before the answer is complete."""
        return self._on_disconnect

    @on_disconnect.setter
    def on_disconnect(self, callback: Callable[[], None] | None) -> None:
        self._on_disconnect = callback
        if callback is None:
            self.close()
        else:
            self._watch()

    async def receive(self) -> Message:
        """See ASGI."""
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self.disconnected = True
        else:
            self.body_complete = not message.get("more_body", False)
            self._watch()
        return message

    async def send(self, message: Message) -> None:
        """See ASGI."""
        if message["type"] == "http.response.start":
            self.started, self.status = True, message["status"]
            if self.from_extensions:
                message = {**message, "headers": framed_by_us(message.get("headers", ()))}
            self.content_type = dict(message.get("headers", ())).get(b"content-type", b"")
        else:
            self.bytes_sent += len(message.get("body", b""))
            self.complete = not message.get("more_body", False)
        await self._send(message)

    def send_hints(self, headers: Sequence[tuple[bytes, bytes]]) -> None:
        """Early hints end here: what they announce comes with the answer, too."""

    def abort(self) -> None:
        """The answer cannot be completed; the server is told when the application returns."""
        self.aborted = self.complete = True

    def close(self) -> None:
        """Stop watching."""
        if self._watcher is not None:
            self._watcher.cancel()
            self._watcher = None

    def _watch(self) -> None:
        if self._watcher is None and self._on_disconnect is not None and self.body_complete:
            self._watcher = asyncio.get_running_loop().create_task(self._wait_for_disconnect())

    async def _wait_for_disconnect(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.disconnected = True
        if self._on_disconnect is not None and not self.complete:
            self._on_disconnect()


async def run_foreign(
    app: AsgiApp, scope: Scope, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]],
    *, has_body: bool,
) -> None:  # fmt: skip
    """Run the application for a request of another server. Raises AbortExchange to have the answer cut visibly."""
    exchange = ForeignExchange(scope, receive, send, has_body=has_body)
    scope[EXTENSION] = exchange
    try:
        await app(scope, receive, send)
    finally:
        exchange.close()
        scope.pop(EXTENSION, None)  # a circle, which would wait for the garbage collector
    if exchange.aborted:
        raise AbortExchange
