"""Clients of HTTP/2 that take an answer slowly, but all the time, get all of it."""

from __future__ import annotations

import asyncio

import h2.connection
import h2.settings

from app.inbound.protocol import InboundLimits
from tests.inbound_http2.server import tls_server
from tests.inbound_http2.test_pace import served
from tests.support.mini_gateway import mini_gateway
from tests.support.raw_backend import Link, answer, raw_backend
from tests.support.running import run
from tests.support.small_buffers import TAKEN, narrow_client, small_send_buffers

SIZE = 300_000
STALLED = 0.5


async def much(link: Link) -> None:
    await link.request()
    await link.send(answer(bytes(SIZE)))


def test_a_client_that_takes_something_all_the_time_gets_all_however_slow_it_is() -> None:
    async def test() -> None:
        async with served(much, InboundLimits(stalled=STALLED)) as (_, gateway, client):
            client.connection.increment_flow_control_window(SIZE)
            client.takes = False
            answered = client.streams[stream := client.request()]
            begun = asyncio.get_running_loop().time()
            while not answered.ended and answered.reset is None:
                client.allow(4096, stream)
                await asyncio.sleep(0.05)
            assert (len(answered.body), answered.reset) == (SIZE, None)
            assert asyncio.get_running_loop().time() - begun > 2 * STALLED
            await gateway.quiet()

    run(test())


def test_a_slow_reader_of_its_socket_gets_all() -> None:
    async def test() -> None:
        async with (
            raw_backend(much) as backend,
            mini_gateway(backend.port) as gateway,
            tls_server(gateway, None, http2=True, limits=InboundLimits(stalled=STALLED)) as port,
            narrow_client(port) as client,
        ):
            sender = h2.connection.H2Connection()
            sender.initiate_connection()
            sender.increment_flow_control_window(SIZE)
            sender.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: SIZE})
            head = {":method": "GET", ":path": "/", ":scheme": "http", ":authority": "a"}
            sender.send_headers(1, list(head.items()), end_stream=True)
            await client.send(sender.data_to_send())
            begun, taken = asyncio.get_running_loop().time(), 0
            while taken < SIZE:
                data = await client.reader.read(TAKEN)
                assert data
                taken += len(data)
                await asyncio.sleep(0.02 * len(data) / TAKEN)
            assert asyncio.get_running_loop().time() - begun > 2 * STALLED

    with small_send_buffers():
        run(test())
