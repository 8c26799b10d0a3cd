"""Applications behind our client protocol: what they leave undone or do wrong must be visible to the client."""

from __future__ import annotations

import gc
from typing import Any

import h11
import pytest
from uvicorn.server import ServerState

from app.inbound.exchange import AbortExchange, AsgiApp, Exchange
from app.inbound.protocol import InboundLimits
from tests.support.mini_gateway import inbound_server
from tests.support.raw_client import raw_client
from tests.support.running import eventually, run

START = {"type": "http.response.start", "status": 200}
BROKEN = (ConnectionError, h11.RemoteProtocolError)


def app_sending(*messages: dict[str, Any], error: Exception | None = None) -> AsgiApp:
    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        for message in messages:
            await send(message)
        if error is not None:
            raise error

    return app


def length(size: int) -> dict[str, Any]:
    return START | {"headers": [(b"content-length", b"%d" % size)]}


def body(data: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": data, "more_body": more}


@pytest.mark.parametrize("request_line", [b"GET / HTTP/1.1\r\nhost: a\r\n\r\n", b"GET / HTTP/1.0\r\n\r\n"])
@pytest.mark.parametrize(
    "app",
    [
        app_sending(),
        app_sending(START),
        app_sending(START, body(b"some", more=True)),
        app_sending(length(10), body(b"too few")),
        app_sending(length(3), body(b"too many")),
        app_sending(START, body(b"some", more=True), error=AbortExchange("broken off")),
        app_sending(error=AbortExchange("nothing at all")),
    ],
    ids=["nothing", "head alone", "no end", "too short", "too long", "aborted", "aborted at once"],
)
def test_an_unfinished_answer_is_seen_to_be_broken(app: AsgiApp, request_line: bytes) -> None:
    """Never a quietly short body, also not for HTTP/1.0, where the end of the connection is the end of the body."""

    async def test() -> None:
        state = ServerState()
        async with inbound_server(app, InboundLimits(), state) as port, raw_client(port) as client:
            await client.send(request_line)
            with pytest.raises(BROKEN):
                await client.answer()
            await eventually(lambda: not state.connections)

    run(test())


@pytest.mark.parametrize("value", [b"a\r\nset-cookie: b", b"a\nb"])
def test_a_line_break_in_a_header_is_never_sent(value: bytes) -> None:
    """Case 49."""

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        with pytest.raises(ValueError, match="line break"):
            await send(START | {"headers": [(b"x-a", value)]})

    async def test() -> None:
        async with inbound_server(app, InboundLimits()) as port, raw_client(port) as client:
            await client.send(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
            assert await client.rest() == b""

    run(test())


def test_the_application_sees_path_query_and_headers_as_sent() -> None:
    seen: list[Any] = []

    async def app(scope: Any, _receive: Any, send: Any) -> None:
        seen.append(scope)
        await send(length(0))
        await send(body(b""))

    async def test() -> None:
        async with inbound_server(app, InboundLimits()) as port, raw_client(port) as client:
            await client.send(b"GET /a%2Fb%20c?q=%41 HTTP/1.1\r\nHost: A\r\nX-One:  1 \r\nx-two:\r\n\r\n")
            assert (await client.answer()).status == 200

    run(test())
    scope = seen[0]
    assert (scope["raw_path"], scope["query_string"], scope["path"]) == (b"/a%2Fb%20c", b"q=%41", "/a/b c")
    assert scope["headers"] == [(b"host", b"A"), (b"x-one", b"1"), (b"x-two", b"")]


def test_a_served_request_leaves_nothing_to_the_garbage_collector() -> None:
    """Objects in a circle would keep all that a request held until the next collection."""

    async def test() -> None:
        server = inbound_server(app_sending(length(2), body(b"ok")), InboundLimits())
        async with server as port, raw_client(port) as client:
            gc.collect()
            gc.disable()
            try:
                before = exchanges()
                for _ in range(3):
                    await client.send(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
                    assert (await client.answer()).body == b"ok"
                assert exchanges() == before
            finally:
                gc.enable()

    def exchanges() -> list[int]:
        return [id(one) for one in gc.get_objects() if isinstance(one, Exchange)]

    run(test())


def test_a_body_is_received_in_order_and_then_the_end() -> None:
    async def app(_scope: Any, receive: Any, send: Any) -> None:
        data = b""
        more = True
        while more:
            message = await receive()
            data += message["body"]
            more = message["more_body"]
        await send(length(len(data)))
        await send(body(data))
        assert (await receive())["type"] == "http.disconnect"

    async def test() -> None:
        async with inbound_server(app, InboundLimits()) as port, raw_client(port) as client:
            sent = bytes(range(256)) * 4000
            await client.send(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\n" % len(sent))
            await client.send(sent)
            assert (await client.answer()).body == sent

    run(test())


def test_a_client_that_leaves_is_told_to_the_application() -> None:
    seen: list[str] = []

    async def app(_scope: Any, receive: Any, _send: Any) -> None:
        seen.append((await receive())["type"])
        seen.append((await receive())["type"])

    async def test() -> None:
        async with inbound_server(app, InboundLimits()) as port, raw_client(port) as client:
            await client.send(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
            await eventually(lambda: len(seen) == 1)
            client.leave()
            await eventually(lambda: len(seen) == 2)

    run(test())
    assert seen == ["http.request", "http.disconnect"]


def test_who_is_answered_while_still_sending_is_told_that_the_connection_closes() -> None:
    """Else a client that keeps connections sends its next request into one that is being closed (RFC 9112, 9.6)."""

    async def test() -> None:
        app = app_sending(length(2), body(b"no"))
        async with inbound_server(app, InboundLimits()) as port, raw_client(port) as client:
            await client.send(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\n")
            assert (await client.answer("POST")).values(b"connection") == [b"close"]
        async with inbound_server(app, InboundLimits()) as port, raw_client(port) as client:
            await client.send(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nwhole")
            assert (await client.answer("POST")).values(b"connection") == []

    run(test())
