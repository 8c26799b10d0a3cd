"""What HTTP/2 clients may cost: an answer is held back as long as they do not take it, and all has its time."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from uvicorn.server import ServerState

from app.inbound.exchange import EXTENSION
from app.inbound.http2 import PREFACE, Http2Protocol
from app.inbound.protocol import InboundLimits
from tests.inbound_http2.h2_client import H2Client, h2_client
from tests.inbound_http2.server import tls_server
from tests.support.mini_gateway import MiniGateway, mini_gateway
from tests.support.raw_backend import Link, RawBackend, Script, answer, friendly, raw_backend
from tests.support.raw_client import raw_client
from tests.support.running import eventually, run

WINDOW = 65_535
MUCH = 64 * 1024 * 1024
PIECE = bytes(256 * 1024)


class Source:
    """A backend that answers with MUCH; `sent` is how much of it the gateway has let it send."""

    def __init__(self) -> None:
        self.sent = 0

    async def __call__(self, link: Link) -> None:
        await link.request()
        await link.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % MUCH)
        try:
            while self.sent < MUCH:
                await link.send(PIECE)
                self.sent += len(PIECE)
        finally:
            await link.gone()

    async def stands_still(self) -> None:
        """Return when a while has passed in which nothing more could be sent."""
        before = -1
        while before < self.sent:
            before = self.sent
            await asyncio.sleep(0.2)


@asynccontextmanager
async def served(
    script: Script, limits: InboundLimits | None = None, state: ServerState | None = None
) -> AsyncIterator[tuple[RawBackend, MiniGateway, H2Client]]:
    """A backend, the gateway in front of it, and a client that speaks HTTP/2 without TLS."""
    async with (
        raw_backend(script) as backend,
        mini_gateway(backend.port) as gateway,
        tls_server(gateway, None, http2=True, limits=limits, state=state) as port,
        h2_client(port) as client,
    ):
        yield backend, gateway, client


def test_a_backend_is_held_back_as_long_as_the_client_takes_nothing() -> None:
    """RFC 9113, 5.2: what a client has no window for is not collected here."""

    async def test() -> None:
        source = Source()
        async with served(source) as (_, gateway, client):
            client.takes = False
            stream = client.request()
            await client.until(lambda: len(client.streams[stream].body) == WINDOW)
            await source.stands_still()
            assert source.sent < MUCH / 2
            client.take()
            assert len((await client.answer(stream)).body) == MUCH
            await gateway.quiet()

    run(test())


def test_a_backend_is_held_back_as_long_as_the_client_does_not_read_its_socket() -> None:
    async def test() -> None:
        source = Source()
        async with served(source, InboundLimits(stalled=0.5)) as (backend, gateway, client):
            client.connection.increment_flow_control_window(2**31 - 1 - WINDOW)
            client.connection.update_settings({4: 2**31 - 1})
            client.request()
            await client.until(lambda: bool(client.streams[1].headers))
            client.stop_reading()
            await eventually(lambda: backend.left == 1)
            assert source.sent < MUCH
            await gateway.quiet()

    run(test())


def test_an_answer_in_one_piece_is_not_copied_as_a_whole() -> None:
    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        client = scope[EXTENSION]
        await client.send({"type": "http.response.start", "status": 200, "headers": []})
        await client.send({"type": "http.response.body", "body": bytes(MUCH)})

    async def test() -> None:
        state = ServerState()
        async with tls_server(app, None, http2=True, state=state) as port, h2_client(port) as client:
            client.takes = False
            stream = client.request()
            await client.until(lambda: len(client.streams[stream].body) == WINDOW)
            (connection,) = state.connections
            assert isinstance(connection, Http2Protocol)
            assert (connection.cycles[stream].stream.pending_bytes or 0) < 2 * WINDOW
            client.take()
            assert len((await client.answer(stream)).body) == MUCH

    run(test())


def test_other_streams_go_on_while_one_is_held_back() -> None:
    async def script(link: Link) -> None:
        body = bytes(1_000_000) if (await link.request()).target == b"/much" else b"ok"
        await link.send(answer(body))

    async def test() -> None:
        async with served(script) as (_, gateway, client):
            client.connection.increment_flow_control_window(10_000_000)
            client.takes = False
            held = client.request(b"/much")
            await client.until(lambda: len(client.streams[held].body) == WINDOW)
            assert (await client.answer(client.request(b"/little"))).body == b"ok"
            client.cancel(held)
            await gateway.quiet()

    run(test())


def test_a_client_that_takes_nothing_for_too_long_loses_its_stream_only() -> None:
    async def test() -> None:
        async with served(Source(), InboundLimits(stalled=0.1)) as (backend, gateway, client):
            client.takes = False
            stream = client.request()
            answered = await client.answer(stream)
            assert (answered.ended, answered.reset is not None, client.closed) == (False, True, False)
            await eventually(lambda: backend.left == 1)
            await gateway.quiet()

    run(test())


@pytest.mark.parametrize("stopping", [False, True])
def test_an_answer_that_is_taken_slowly_is_not_cut(stopping: bool) -> None:
    """Neither by the limit for idle connections, nor when the server stops."""

    async def much(link: Link) -> None:
        await link.request()
        await link.send(answer(bytes(1_000_000)))

    async def test() -> None:
        state = ServerState()
        async with served(much, InboundLimits(keep_alive=0.1), state) as (_, gateway, client):
            client.takes = False
            stream = client.request()
            await client.until(lambda: len(client.streams[stream].body) == WINDOW)
            if stopping:
                for connection in list(state.connections):
                    connection.shutdown()
            await asyncio.sleep(0.3)
            client.take()
            answered = await client.answer(stream)
            assert (len(answered.body), answered.ended) == (1_000_000, True)
            await client.until(lambda: client.closed)
            await gateway.quiet()

    run(test())


def test_a_body_that_comes_back_while_it_is_sent() -> None:
    """What the client takes is told behind its own body, which must not be what we wait for."""

    async def echoes(link: Link) -> None:
        await link.head()
        await link.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % MUCH)
        async for piece in link.pieces():
            await link.send(piece)

    async def test() -> None:
        async with served(echoes, InboundLimits(stalled=2.0)) as (_, gateway, client):
            stream = client.request(b"/", b"POST", [(b"content-length", b"%d" % MUCH)], end=False)
            await client.upload(stream, MUCH)
            assert len((await client.answer(stream)).body) == MUCH
            await gateway.quiet()

    run(test())


def test_an_answer_before_its_request_is_complete_arrives() -> None:
    """Nobody takes the body, so nothing is read, and what the client says about its window is not heard."""

    async def refuses(link: Link) -> None:
        await link.head()
        await asyncio.sleep(0.5)  # until all buffers on the way are full
        await link.send(answer(bytes(200_000), status=413))
        await asyncio.Event().wait()

    async def test() -> None:
        async with served(refuses, InboundLimits(stalled=2.0)) as (_, gateway, client):
            stream = client.request(b"/", b"POST", end=False)
            upload = asyncio.create_task(client.upload(stream, MUCH))
            answered = await client.answer(stream)
            assert (answered.status, len(answered.body), answered.ended) == (413, 200_000, True)
            upload.cancel()
            await gateway.quiet()

    run(test())


def test_a_request_that_does_not_arrive_is_answered_408_and_frees_the_backend() -> None:
    """The others of its connection go on."""

    async def test() -> None:
        async with served(friendly, InboundLimits(request=0.1)) as (backend, gateway, client):
            stream = client.request(b"/", b"POST", end=False)
            client.send(stream, b"a beginning")
            answered = await client.answer(stream)
            assert (answered.status, answered.headers[b"x-error-origin"]) == (408, b"client")
            await gateway.quiet()
            assert backend.requests == []
            assert (await client.answer(client.request())).body == b"ok"

    run(test())


def test_a_head_request_that_does_not_arrive_is_answered_without_a_body() -> None:
    """RFC 9110, 9.3.2."""

    async def test() -> None:
        async with served(friendly, InboundLimits(request=0.1)) as (_, _gateway, client):
            answered = await client.answer(client.request(b"/", b"HEAD", end=False))
            assert (answered.status, len(answered.body), answered.ended) == (408, 0, True)
            assert int(answered.headers[b"content-length"]) > 0

    run(test())


def test_a_request_that_does_not_arrive_ends_an_answer_that_has_begun() -> None:
    async def hasty(link: Link) -> None:
        await link.head()
        await link.send(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\npart")
        await link.gone()

    async def test() -> None:
        async with served(hasty, InboundLimits(request=0.1)) as (backend, gateway, client):
            answered = await client.answer(client.request(b"/", b"POST", end=False))
            assert (answered.status, answered.ended, answered.reset is not None) == (200, False, True)
            await eventually(lambda: backend.left == 1)
            await gateway.quiet()

    run(test())


def test_the_time_for_a_request_is_not_that_of_its_answer() -> None:
    async def slow(link: Link) -> None:
        await link.request()
        await asyncio.sleep(0.3)
        await link.send(answer())

    async def test() -> None:
        async with served(slow, InboundLimits(request=0.1, stalled=0.1, keep_alive=0.1)) as (_, _gateway, client):
            stream = client.request(b"/", b"POST", end=False)
            client.send(stream, b"all of it", end=True)
            assert (await client.answer(stream)).body == b"ok"

    run(test())


def test_idle_connections_end_after_the_configured_time() -> None:
    async def test() -> None:
        async with served(friendly, InboundLimits(keep_alive=0.1)) as (_, _gateway, client):
            assert (await client.answer(client.request())).body == b"ok"
            await asyncio.wait_for(client.until(lambda: client.closed), 2)

    run(test())


def test_without_limits_nothing_ends() -> None:
    async def test() -> None:
        limits = InboundLimits(request=math.inf, keep_alive=math.inf, stalled=math.inf)
        async with served(friendly, limits) as (_, _gateway, client):
            for _ in range(2):
                assert (await client.answer(client.request(b"/", b"POST"))).body == b"ok"

    run(test())


def test_a_connection_that_says_nothing_but_the_preface_ends_too() -> None:
    async def test() -> None:
        async with (
            tls_server(unreachable, None, http2=True, limits=InboundLimits(keep_alive=0.1)) as port,
            raw_client(port) as client,
        ):
            await client.send(PREFACE)
            await asyncio.wait_for(client.rest(), 2)

    run(test())


async def unreachable(_scope: Any, _receive: Any, _send: Any) -> None:
    raise AssertionError
