"""Upgrades to what is not spoken here: nobody has asked (RFC 9110, 7.8). Java's HttpClient asks with every request."""

from __future__ import annotations

import pytest

from app.errors import Failure
from tests.support.proxied import proxied
from tests.support.raw_backend import Link, answer, friendly
from tests.support.running import eventually, run

HEAD = (
    b" / HTTP/1.1\r\nhost: a\r\nconnection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\n"
    b"http2-settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\n"
)
BODIES = [
    (b"content-length: 5\r\n\r\n", b"hello"),
    (b"transfer-encoding: chunked\r\n\r\n", b"5\r\nhello\r\n0\r\n\r\n"),
]
WEB_SOCKET = b"connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\r\n"


@pytest.mark.parametrize(("framing", "body"), BODIES)
@pytest.mark.parametrize("at_once", [True, False])
def test_a_request_with_a_body_that_asks_for_another_protocol(framing: bytes, body: bytes, at_once: bool) -> None:
    async def test() -> None:
        async with proxied(friendly) as (backend, gateway, client):
            for _ in range(3):
                if at_once:
                    await client.send(b"POST" + HEAD + framing + body)
                else:
                    await client.send(b"POST" + HEAD + framing + body[:2])
                    await eventually(lambda: gateway.pool.busy == 1)
                    await client.send(body[2:])
                assert (await client.answer("POST")).status == 200
            assert [request.body for request in backend.requests] == [b"hello"] * 3
            assert not [request for request in backend.requests if request.values(b"upgrade")]
            assert (await client.get()).status == 200

    run(test())


@pytest.mark.parametrize(("framing", "body"), [*BODIES, (b"\r\n", b""), (b"content-length: 0\r\n\r\n", b"")])
def test_who_does_not_wait_for_the_answer_to_an_upgrade_is_served_in_order(framing: bytes, body: bytes) -> None:
    async def test() -> None:
        many = 500
        async with proxied(friendly) as (backend, _, client):
            await client.send((b"POST" + HEAD + framing + body) * many)
            assert [(await client.answer("POST")).status for _ in range(many)] == [200] * many
            assert [request.body for request in backend.requests] == [b"hello" if body else b""] * many

    run(test())


@pytest.mark.parametrize("bad", [b"content-length: 5\r\n\r\nhelloX", b"transfer-encoding: chunked\r\n\r\nX"])
def test_a_bad_body_beside_an_upgrade_is_refused(bad: bytes) -> None:
    async def test() -> None:
        async with proxied(friendly) as (_, _gateway, client):
            await client.send(b"POST" + HEAD + bad + b"\r\n\r\n")
            if b"hello" in bad:
                assert (await client.answer("POST")).status == 200
            assert (await client.answer("POST")).status == 400
            assert await client.rest() == b""

    run(test())


def test_a_client_that_leaves_after_its_upgrade_was_ignored_is_noticed() -> None:
    """Case 24."""

    async def silent(link: Link) -> None:
        await link.request()
        await link.gone()

    async def test() -> None:
        async with proxied(silent) as (backend, gateway, client):
            await client.send(b"GET" + HEAD + b"\r\n")
            await eventually(lambda: len(backend.requests) == 1)
            client.leave()
            await eventually(lambda: gateway.failures == [Failure.CLIENT_GONE])

    run(test())


def test_a_client_that_leaves_after_its_web_socket_was_refused_is_noticed() -> None:
    """Case 24; what it sends behind the handshake is thrown away."""

    async def script(link: Link) -> None:
        await link.request()
        await link.send(b"HTTP/1.1 403 X\r\ncontent-length: 10\r\n\r\nbegun")
        await link.gone()

    async def test() -> None:
        async with proxied(script) as (backend, gateway, client):
            await client.send(b"GET / HTTP/1.1\r\nhost: a\r\n" + WEB_SOCKET + b"\x81\x01a")
            assert (await client.head()).status == 403
            await client.send(b"\x81\x01a" + b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
            client.writer.write_eof()
            await eventually(lambda: gateway.failures == [Failure.CLIENT_GONE] and backend.left == 1)

    run(test())


def test_clients_of_http_1_0_open_no_web_sockets() -> None:
    """RFC 9110, 7.8: a server MUST ignore it."""

    async def script(link: Link) -> None:
        assert not (await link.request()).values(b"upgrade")
        await link.send(answer())

    async def test() -> None:
        async with proxied(script) as (_, _gateway, client):
            await client.send(b"GET / HTTP/1.0\r\nhost: a\r\n" + WEB_SOCKET)
            assert (await client.answer()).status == 200
            assert await client.rest() == b""

    run(test())
