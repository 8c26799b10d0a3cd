"""HTTP/2 from clients (HTTP2_SUPPORT), read by an independent client."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from app.observability.access_log import AccessLog, AccessLogSettings
from tests.inbound_http2.h2_client import H2Client, h2_client
from tests.inbound_http2.server import http2_site, tls_server
from tests.support.mini_gateway import mini_gateway
from tests.support.raw_backend import Link, answer, friendly, raw_backend
from tests.support.running import eventually, run

CONNECTION_HEADERS = [
    (b"connection", b"close"),
    (b"keep-alive", b"timeout=5"),
    (b"proxy-connection", b"keep-alive"),
    (b"transfer-encoding", b"chunked"),
    (b"upgrade", b"websocket"),
]


async def echoes(link: Link) -> None:
    while True:
        await link.send(answer((await link.request()).body))


async def slow_to_answer(link: Link) -> None:
    await link.request()
    await link.gone()


def test_a_request_reaches_the_backend_as_http1(tmp_path: Path) -> None:
    async def test() -> None:
        async with raw_backend(friendly) as backend, http2_site(backend.port, tmp_path) as site:
            async with h2_client(site.port, site.context) as client:
                answered = await client.answer(client.request(b"/a%20b?c=d", headers=[(b"x-mine", b"1")]))
                assert (answered.status, bytes(answered.body)) == (200, b"ok")
            received = backend.requests[0]
            assert (received.method, received.target) == ("GET", b"/a%20b?c=d")
            assert received.values(b"x-forwarded-host") == [b"gateway"]
            assert received.values(b"x-forwarded-proto") == [b"https"]
            assert received.values(b"x-mine") == [b"1"]
            assert not any(name.startswith(b":") for name, _ in received.headers)
            await site.gateway.quiet()

    run(test())


def test_a_body_without_content_length_is_passed_on_in_pieces(tmp_path: Path) -> None:
    async def test() -> None:
        async with raw_backend(echoes) as backend, http2_site(backend.port, tmp_path) as site:
            async with h2_client(site.port, site.context) as client:
                stream = client.request(b"/upload", b"POST", end=False)
                client.send(stream, b"one ")
                await asyncio.sleep(0.01)
                client.send(stream, b"two", end=True)
                assert (await client.answer(stream)).body == b"one two"
            assert backend.requests[0].values(b"transfer-encoding") == [b"chunked"]
            assert backend.violations == []

    run(test())


def test_a_body_with_content_length_keeps_it(tmp_path: Path) -> None:
    async def test() -> None:
        async with raw_backend(echoes) as backend, http2_site(backend.port, tmp_path) as site:
            async with h2_client(site.port, site.context) as client:
                stream = client.request(b"/upload", b"POST", [(b"content-length", b"5")], end=False)
                client.send(stream, b"hello", end=True)
                assert (await client.answer(stream)).body == b"hello"
            assert backend.requests[0].values(b"content-length") == [b"5"]
            assert backend.requests[0].values(b"transfer-encoding") == []

    run(test())


@pytest.mark.parametrize("told", [b"2", b"9"])
def test_a_body_of_another_length_than_told_never_reaches_a_backend_as_a_good_request(
    tmp_path: Path, told: bytes
) -> None:
    """Otherwise its rest would be read as the next request (RFC 9113, 8.1.1)."""

    async def test() -> None:
        async with raw_backend(echoes) as backend, http2_site(backend.port, tmp_path) as site:
            async with h2_client(site.port, site.context) as client:
                stream = client.request(b"/upload", b"POST", [(b"content-length", told)], end=False)
                client.send(stream, b"hello", end=True)
                answered = await client.answer(stream)
                assert answered.reset is not None or client.closed or answered.status >= 400
            assert backend.requests == []

    run(test())


def test_a_client_that_gives_up_a_stream_cancels_the_backend_and_keeps_its_connection(tmp_path: Path) -> None:
    async def test() -> None:
        async with (
            raw_backend(slow_to_answer) as backend,
            http2_site(backend.port, tmp_path) as site,
            h2_client(site.port, site.context) as client,
        ):
            stream = client.request(b"/slow")
            await eventually(lambda: len(backend.requests) == 1)
            client.cancel(stream)
            await eventually(lambda: backend.left == 1)
            await site.gateway.quiet()
            client.request(b"/slow")
            await eventually(lambda: len(backend.requests) == 2)

    run(test())


def test_a_client_that_leaves_cancels_all_its_streams(tmp_path: Path) -> None:
    async def test() -> None:
        async with raw_backend(slow_to_answer) as backend, http2_site(backend.port, tmp_path) as site:
            async with h2_client(site.port, site.context) as client:
                for _ in range(5):
                    client.request(b"/slow")
                await eventually(lambda: len(backend.requests) == 5)
            await eventually(lambda: backend.left == 5)
            await site.gateway.quiet()

    run(test())


@pytest.mark.parametrize("header", CONNECTION_HEADERS)
def test_connection_headers_are_refused(tmp_path: Path, header: tuple[bytes, bytes]) -> None:
    """RFC 9113, 8.2.2: they mean nothing here, and everything to the backend."""

    async def test() -> None:
        async with raw_backend(friendly) as backend, http2_site(backend.port, tmp_path) as site:
            async with h2_client(site.port, site.context) as client:
                answered = await client.answer(client.request(headers=[header]))
                assert answered.reset is not None or client.closed or answered.status == 400
            assert backend.requests == []

    run(test())


def test_connection_headers_of_the_backend_are_left_out(tmp_path: Path) -> None:
    async def chatty(link: Link) -> None:
        while True:
            await link.request()
            await link.send(answer(headers=b"connection: keep-alive\r\nkeep-alive: timeout=5\r\n"))

    async def test() -> None:
        async with (
            raw_backend(chatty) as backend,
            http2_site(backend.port, tmp_path) as site,
            h2_client(site.port, site.context) as client,
        ):
            answered = await client.answer(client.request())
            assert answered.status == 200
            assert answered.headers.keys().isdisjoint({b"connection", b"keep-alive"})

    run(test())


@pytest.mark.parametrize("path", [b"/a\rb", b"/a b", b"nothing", b"/" + b"x" * 9000])
def test_what_is_refused_over_http1_is_refused_here(tmp_path: Path, path: bytes) -> None:
    async def test() -> None:
        async with raw_backend(friendly) as backend, http2_site(backend.port, tmp_path) as site:
            async with h2_client(site.port, site.context) as client:
                answered = await client.answer(client.request(path))
                assert answered.reset is not None or client.closed or answered.status in (400, 414)
            assert backend.requests == []

    run(test())


def test_a_refused_stream_has_its_line(tmp_path: Path) -> None:
    lines: list[str] = []
    access_log = AccessLog(AccessLogSettings(), {}, lines.append)

    async def test() -> None:
        async with (
            mini_gateway(1) as gateway,
            tls_server(gateway, None, http2=True, access_log=access_log) as port,
            h2_client(port) as client,
        ):
            answered = await client.answer(client.request(b"/x?token=hunter2", headers=[(b"expect", b"cake")]))
            [line] = map(json.loads, lines)
            assert (answered.status, line["response_status"], line["failure"]) == (417, 417, "EXPECTATION_FAILED")
            assert (line["request"], line["protocol"]) == ("/x?token=redacted", "HTTP/2")
            assert answered.headers[b"x-correlationid"] == line["correlation_id"].encode()
            assert line["advice"].encode() in answered.body

    run(test())


def test_a_hundred_streams_of_one_connection(tmp_path: Path) -> None:
    async def test() -> None:
        async with raw_backend(friendly) as backend, http2_site(backend.port, tmp_path) as site:
            async with h2_client(site.port, site.context) as client:
                await settings_known(client)
                assert client.connection.remote_settings.max_concurrent_streams >= 100
                streams = [client.request(b"/%d" % number) for number in range(100)]
                answers = await asyncio.gather(*map(client.answer, streams))
                assert [each.body for each in answers] == [b"ok"] * 100
            assert {r.target for r in backend.requests[1:]} == {b"/%d" % number for number in range(100)}
            await site.gateway.quiet()

    run(test())


async def settings_known(client: H2Client) -> None:
    """Return when the server has told its settings."""
    await client.answer(client.request())


def test_an_answer_that_breaks_off_resets_its_stream_only(tmp_path: Path) -> None:
    async def breaks_off(link: Link) -> None:
        if (await link.request()).target == b"/bad":
            await link.send(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\npart")
            link.reset()
        else:
            await link.send(answer())

    async def test() -> None:
        async with (
            raw_backend(breaks_off) as backend,
            http2_site(backend.port, tmp_path) as site,
            h2_client(site.port, site.context) as client,
        ):
            broken = await client.answer(client.request(b"/bad"))
            assert (broken.reset is not None, broken.ended) == (True, False)
            assert (await client.answer(client.request(b"/good"))).body == b"ok"

    run(test())


def test_cleartext_with_prior_knowledge() -> None:
    async def test() -> None:
        async with (
            raw_backend(friendly) as backend,
            mini_gateway(backend.port) as gateway,
            tls_server(gateway, None, http2=True) as port,
            h2_client(port) as client,
        ):
            assert (await client.answer(client.request())).body == b"ok"

    run(test())
