"""A microservice behind `forwardAuthToken`: it believes nobody and checks the JWT itself (protocols, 2.4)."""

from __future__ import annotations

import asyncio
import math
from typing import Any

from app.landscape.asgi_exchange import (
    ClientGone,
    Receive,
    Scope,
    Send,
    WebRequest,
    read_request,
    send_answer,
    send_json,
)
from app.landscape.faults import Faults, FaultyStation
from app.landscape.journal import Journal, Station, correlation_id
from app.landscape.served import Served
from app.landscape.server import AppServer
from app.landscape.token_principal import Claims, Validate
from app.landscape.tokens import accepts_audience
from app.landscape.websocket_echo import echo_websocket, refuse_websocket

LONGEST_WAIT_SECONDS = 60.0
LARGEST_DOWNLOAD = 1 << 30
_PIECE = b"0123456789abcdef" * 4096


class Microservice(Served):
    """The service as a station: `start`, `port`, `stop`. Every address wants a token for this application.

    `/whoami` tells who is seen, `POST /echo` sends the body back as it comes, `/slow?seconds=` waits,
    `/download?size=` streams bytes, `/events?count=&interval=` streams server-sent events, `/ws` is a web socket.
    `validate` checks signature and expiry; the audience must hold `client_id` or `app_name`.
    """

    def __init__(
        self, *, validate: Validate, client_id: str, app_name: str, journal: Journal, faults: Faults, port: int = 0
    ) -> None:
        self._validate = validate
        self._client_id = client_id
        self._app_name = app_name
        self._journal = journal
        self._server = AppServer(FaultyStation(self._serve, Station.MICROSERVICE, faults), port=port)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        claims = await self._claims(headers.get("authorization", ""))
        user = _name(claims)
        self._journal.record(
            Station.MICROSERVICE,
            scope["type"],
            correlation_id=correlation_id(headers),
            principal=user,
            method=scope.get("method", "GET"),
            path=scope["path"],
        )
        if scope["type"] == "websocket":
            await _serve_websocket(scope, receive, send, user)
        elif not claims:
            await send_answer(send, 401, [("www-authenticate", "Bearer"), ("content-type", "text/plain")], b"No token")
        else:
            await _route(scope, receive, send, claims)

    async def _claims(self, authorization: str) -> Claims:
        """What the token of a request says; empty for one that is not good enough."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            return {}
        try:
            claims = await self._validate(token.strip())
        except ValueError:
            return {}
        return claims if accepts_audience(dict(claims), self._client_id, self._app_name) else {}


def _name(claims: Claims) -> str:
    return str(claims.get("user_name") or claims.get("email") or claims.get("client_id") or "")


async def _serve_websocket(scope: Scope, receive: Receive, send: Send, user: str) -> None:
    if user and scope["path"] == "/ws":
        await echo_websocket(scope, receive, send, user)
    else:
        await refuse_websocket(send)


async def _route(scope: Scope, receive: Receive, send: Send, claims: Claims) -> None:
    if scope["path"] == "/echo" and scope["method"] in ("POST", "PUT"):
        return await _echo(scope, receive, send)
    try:
        request = await read_request(scope, receive)
    except ClientGone:
        return
    match request.path:
        case "/whoami":
            await send_json(send, 200, _who(claims))
        case "/slow":
            await asyncio.sleep(_number(request, "seconds", 1.0, LONGEST_WAIT_SECONDS))
            await send_json(send, 200, _who(claims))
        case "/download":
            await _download(send, int(_number(request, "size", 1e6, LARGEST_DOWNLOAD)))
        case "/events":
            count = int(_number(request, "count", 5, 10_000))
            await _events(send, count, _number(request, "interval", 0.2, LONGEST_WAIT_SECONDS))
        case _:
            await send_json(send, 404, {"error": "not found"})


def _who(claims: Claims) -> dict[str, Any]:
    names = ("user_name", "email", "given_name", "family_name", "zid", "cid", "grant_type", "scope")
    return {"user": _name(claims), **{name: claims[name] for name in names if name in claims}}


def _number(request: WebRequest, name: str, default: float, largest: float) -> float:
    """A number of the query, between nothing and a limit."""
    try:
        value = float(request.query.get(name, default))
    except ValueError:
        return default
    return min(max(value, 0.0), largest) if math.isfinite(value) else default


async def _echo(scope: Scope, receive: Receive, send: Send) -> None:
    kind = next((value for name, value in scope["headers"] if name == b"content-type"), b"application/octet-stream")
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind)]})
    while (message := await receive())["type"] == "http.request":
        more = message.get("more_body", False)
        await send({"type": "http.response.body", "body": message.get("body", b""), "more_body": more})
        if not more:
            return


async def _download(send: Send, size: int) -> None:
    headers = [(b"content-type", b"application/octet-stream"), (b"content-length", str(size).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    while size > len(_PIECE):
        await send({"type": "http.response.body", "body": _PIECE, "more_body": True})
        size -= len(_PIECE)
    await send({"type": "http.response.body", "body": _PIECE[:size]})


async def _events(send: Send, count: int, interval: float) -> None:
    headers = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for number in range(count):
        event = f"id: {number}\ndata: {number}\n\n".encode()
        await send({"type": "http.response.body", "body": event, "more_body": True})
        await asyncio.sleep(interval)
    await send({"type": "http.response.body", "body": b""})
