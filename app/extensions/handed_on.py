"""The exchange behind middleware: what reaches us and what we answer goes through the channels it handed on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import cast

from app.errors import Failure, GatewayError
from app.inbound.exchange import EXTENSION, AbortExchange, Exchange, Message, Scope
from app.inbound.foreign_exchange import ForeignExchange

Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

FORBIDDEN = 403


class HandedOn(ForeignExchange):
    """An exchange over channels that middleware may have wrapped. `scope` is what the middleware handed on, `own` is
    the connection's exchange.
    """

    def __init__(self, own: Exchange, scope: Scope, receive: Receive, send: Send) -> None:
        self._own = own
        names = {name for name, _ in scope["headers"]}
        has_body = b"transfer-encoding" in names or b"content-length" in names
        super().__init__(scope, receive, send, has_body=has_body)

    @property
    def refused(self) -> GatewayError | None:
        """See `Exchange`."""
        return self._own.refused

    @refused.setter
    def refused(self, error: GatewayError | None) -> None:
        self._own.refused = error

    @property
    def correlation_id(self) -> str:
        """See `Exchange`."""
        return self._own.correlation_id

    @correlation_id.setter
    def correlation_id(self, identifier: str) -> None:
        self._own.correlation_id = identifier


def check_answered(exchange: Exchange) -> None:
    """To be called when extensions have returned. Raises INTERNAL where they left the client without an answer."""
    if not (exchange.complete or exchange.disconnected):
        raise GatewayError(Failure.INTERNAL, "An extension gave no complete answer.")


def exchange_of(scope: Scope, receive: Receive, send: Send) -> Exchange:
    """The exchange for these channels: the connection's own where no middleware stands in between.

    Web sockets keep the connection's own: after the handshake their bytes pass untouched.
    """
    own: Exchange = scope[EXTENSION]
    if scope["type"] == "websocket" or (receive == own.receive and send == own.send):
        return own
    return cast(Exchange, HandedOn(own, scope, receive, send))


def release(exchange: Exchange) -> None:
    """To be called when the request is over. Raises AbortExchange where the answer could not be completed."""
    if isinstance(exchange, HandedOn):
        exchange.close()
        if exchange.aborted:
            raise AbortExchange("the answer was broken off")


class Handshake:
    """The channels of ASGI for a web socket whose handshake has not been answered: middleware may refuse it.

    Refusals go out by `send`, as answers to an ordinary request.
    """

    def __init__(self, exchange: Exchange, send: Send) -> None:
        self._exchange = exchange
        self._send = send
        self._told = False

    async def receive(self) -> Message:
        """`websocket.connect`, and then only that the client has gone."""
        if not self._told:
            self._told = True
            return {"type": "websocket.connect"}
        while not self._exchange.disconnected:  # noqa: ASYNC110 - the socket is not read before the handshake is answered
            await asyncio.sleep(1)
        return {"type": "websocket.disconnect", "code": 1006}

    async def send(self, message: Message) -> None:
        """A refusal: `websocket.close`, or an answer by `websocket.http.response`. Web sockets are not opened here."""
        kind = message["type"]
        if kind == "websocket.close":
            await self._send({"type": "http.response.start", "status": FORBIDDEN, "headers": [_EMPTY]})
            await self._send({"type": "http.response.body", "body": b""})
        elif kind.startswith("websocket.http.response."):
            await self._send({**message, "type": kind.removeprefix("websocket.")})
        else:
            raise RuntimeError(f"{kind}: extensions may refuse web sockets, but not open them")


_EMPTY = (b"content-length", b"0")


def handshake_scope(scope: Scope) -> Scope:
    """The scope of a web socket as ASGI describes it."""
    protocols = [value for name, value in scope["headers"] if name == b"sec-websocket-protocol"]
    return {
        **scope,
        "scheme": "wss" if scope["scheme"] == "https" else "ws",
        "subprotocols": [part.strip() for value in protocols for part in value.decode("latin-1").split(",")],
        "extensions": {"websocket.http.response": {}},
    }
