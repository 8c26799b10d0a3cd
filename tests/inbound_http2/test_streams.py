"""Single streams of an HTTP/2 connection: what is wrong with one does not concern the others, and nothing stays."""

from __future__ import annotations

import gc
from typing import Any

import h2.settings
import pytest

from app.inbound.exchange import EXTENSION
from app.inbound.foreign_exchange import ForeignExchange
from app.inbound.http2 import Http2Protocol
from tests.inbound_http2.h2_client import h2_client
from tests.inbound_http2.server import tls_server
from tests.support.running import eventually, run

PROTOCOL_ERROR = 1


async def agreeable(scope: Any, _receive: Any, _send: Any) -> None:
    client = scope[EXTENSION]
    await client.send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await client.send({"type": "http.response.body", "body": b"ok"})


def test_a_path_beyond_ascii_ends_its_stream_only() -> None:
    """RFC 9113, 8.1.1."""

    async def test() -> None:
        async with tls_server(agreeable, None, http2=True) as port, h2_client(port) as client:
            before = client.request(b"/good")
            assert (await client.answer(client.request(b"/b/\xc3\xa4"))).reset == PROTOCOL_ERROR
            assert (await client.answer(before)).body == b"ok"
            assert (await client.answer(client.request(b"/good"))).body == b"ok"

    run(test())


def test_web_sockets_over_http2_are_not_announced() -> None:
    """RFC 8441, 3: browsers that read of it use it, and otherwise open a connection with HTTP/1.1."""

    async def test() -> None:
        async with tls_server(agreeable, None, http2=True) as port, h2_client(port) as client:
            assert (await client.answer(client.request())).body == b"ok"
            settings = client.connection.remote_settings
            assert settings.get(h2.settings.SettingCodes.ENABLE_CONNECT_PROTOCOL, 0) == 0
            assert settings.max_concurrent_streams >= 100

    run(test())


@pytest.mark.parametrize("kind", [ForeignExchange, Http2Protocol])
def test_what_has_ended_is_not_left_to_the_garbage_collector(kind: type[object]) -> None:
    """Objects in a circle would keep all that a request held until the next collection."""

    def left() -> int:
        return sum(isinstance(one, kind) for one in gc.get_objects())

    async def test() -> None:
        async with tls_server(agreeable, None, http2=True) as port:
            gc.collect()
            gc.disable()
            try:
                async with h2_client(port) as client:
                    for _ in range(3):
                        assert (await client.answer(client.request())).body == b"ok"
                    assert left() == (kind is Http2Protocol)
                await eventually(lambda: left() == 0)
            finally:
                gc.enable()

    run(test())
