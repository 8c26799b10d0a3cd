"""A web socket that greets with who is seen and sends every message back."""

from __future__ import annotations

import json

from app.landscape.asgi_exchange import Receive, Scope, Send


async def refuse_websocket(send: Send) -> None:
    """Answer the handshake with 403."""
    await send({"type": "websocket.close", "code": 1008})


async def echo_websocket(scope: Scope, receive: Receive, send: Send, user: str) -> None:
    """Accept (with the first subprotocol offered), greet, echo until the client closes; `bye` closes with 1000."""
    subprotocol = next(iter(scope.get("subprotocols", [])), None)
    await receive()
    await send({"type": "websocket.accept", "subprotocol": subprotocol})
    await send({"type": "websocket.send", "text": json.dumps({"user": user})})
    while (message := await receive())["type"] == "websocket.receive":
        if message.get("text") == "bye":
            return await send({"type": "websocket.close", "code": 1000, "reason": "bye"})
        payload = {key: message[key] for key in ("text", "bytes") if message.get(key) is not None}
        await send({"type": "websocket.send", **payload})
