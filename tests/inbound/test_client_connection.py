"""How long a client's connection lives, in which order it is served, and how answers reach clients of each kind."""

from __future__ import annotations

import asyncio

import h11
import pytest

from app.inbound.limits import MAX_AT_ONCE, MAX_PIPELINED
from tests.support.proxied import proxied
from tests.support.raw_backend import Link, answer, friendly
from tests.support.running import eventually, run, settled

GET = b"GET /%d HTTP/1.1\r\nhost: gateway\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nhost: gateway\r\ncontent-length: 5\r\n"


async def echo_target(link: Link) -> None:
    while True:
        await link.send(answer((await link.request()).target))


async def without_length(link: Link) -> None:
    while True:
        await link.request()
        await link.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n")


def test_a_connection_serves_one_request_after_another() -> None:
    async def test() -> None:
        async with proxied(echo_target) as (backend, gateway, client):
            for number in range(5):
                assert (await client.get(b"/%d" % number)).body == b"/%d" % number
            assert len(gateway.connections) == backend.connections == 1

    run(test())


def test_pipelined_requests_are_answered_in_order() -> None:
    async def test() -> None:
        async with proxied(echo_target) as (_, _gateway, client):
            await client.send(b"".join(GET % number for number in range(MAX_PIPELINED)))
            answers = [(await client.answer()).body for _ in range(MAX_PIPELINED)]
            assert answers == [b"/%d" % number for number in range(MAX_PIPELINED)]

    run(test())


def test_more_pipelined_requests_than_may_wait_are_read_later() -> None:
    async def test() -> None:
        many = 5 * MAX_PIPELINED
        async with proxied(echo_target) as (_, _gateway, client):
            for number in range(many):
                await client.send(GET % number)
                await settled()
            assert [(await client.answer()).body for _ in range(many)] == [b"/%d" % number for number in range(many)]

    run(test())


def test_no_more_requests_are_read_than_may_wait() -> None:
    async def test() -> None:
        hold = asyncio.Event()

        async def script(link: Link) -> None:
            await link.request()
            await hold.wait()

        async with proxied(script) as (_, gateway, client):
            for number in range(2 * MAX_PIPELINED):
                await client.send(GET % number)
                await settled()
            (connection,) = gateway.connections
            assert not connection.transport.is_reading()
            hold.set()

    run(test())


def test_too_many_requests_in_one_piece_are_refused() -> None:
    """Behind the answers to those that are not too many (RFC 9112, 9.3.2)."""

    async def test() -> None:
        async with proxied(echo_target) as (_, gateway, client):
            await client.send(b"".join(GET % number for number in range(MAX_AT_ONCE + 10)))
            answers = [await client.answer() for _ in range(MAX_AT_ONCE + 1)]
            assert [one.body for one in answers] == [b"/%d" % number for number in range(MAX_AT_ONCE + 1)]
            assert (await client.answer()).status == 400
            assert await client.rest() == b""
            await gateway.quiet()

    run(test())


def test_a_bad_body_behind_other_requests_is_refused_in_its_turn() -> None:
    async def test() -> None:
        head = b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"
        async with proxied(echo_target) as (backend, _, client):
            await client.send(GET % 0 + GET % 1 + head + b"2\r\nok\r\noops\r\n" + GET % 2)
            assert [(await client.answer()).status for _ in range(3)] == [200, 200, 400]
            assert await client.rest() == b""
            assert [request.target for request in backend.requests] == [b"/0", b"/1"]

    run(test())


def test_a_pipelined_body_waits_for_its_turn() -> None:
    async def test() -> None:
        async with proxied(friendly) as (backend, _, client):
            await client.send(GET % 0 + POST + b"\r\nhel")
            assert (await client.answer()).status == 200
            await client.send(b"lo")
            assert (await client.answer()).status == 200
            assert [request.body for request in backend.requests] == [b"", b"hello"]

    run(test())


@pytest.mark.parametrize("request_line", [b"GET / HTTP/1.0\r\n", b"GET / HTTP/1.1\r\nconnection: close\r\nhost: a\r\n"])
def test_a_last_request_is_answered_and_nothing_behind_it_is_read(request_line: bytes) -> None:
    async def test() -> None:
        async with proxied(echo_target) as (backend, _, client):
            await client.send(request_line + b"\r\n" + GET % 1)
            first = await client.answer()
            assert (first.status, first.body, first.values(b"connection")) == (200, b"/", [b"close"])
            assert await client.rest() == b""
            assert len(backend.requests) == 1

    run(test())


def test_an_old_client_gets_a_body_that_ends_with_the_connection() -> None:
    async def test() -> None:
        async with proxied(without_length) as (_, _gateway, client):
            await client.send(b"GET / HTTP/1.0\r\n\r\n")
            head, _, body = (await client.rest()).partition(b"\r\n\r\n")
            assert b"chunked" not in head
            assert body == b"abc"

    run(test())


def test_a_client_of_today_gets_chunks() -> None:
    async def test() -> None:
        async with proxied(without_length) as (_, _gateway, client):
            for _ in range(2):
                answered = await client.get()
                assert (answered.values(b"transfer-encoding"), answered.body) == ([b"chunked"], b"abc")

    run(test())


@pytest.mark.parametrize("framing", [b"content-length: 10\r\n", b"transfer-encoding: chunked\r\n", b""])
def test_head_is_answered_without_a_body_and_the_connection_stays(framing: bytes) -> None:
    async def test() -> None:
        async def script(link: Link) -> None:
            while True:
                await link.request()
                await link.send(b"HTTP/1.1 200 OK\r\nx-a: b\r\n" + framing + b"\r\n")

        async with proxied(script) as (backend, _, client):
            for _ in range(2):
                answered = await client.get(method="HEAD")
                assert (answered.values(b"x-a"), answered.body) == ([b"b"], b"")
            assert [request.method for request in backend.requests] == ["HEAD", "HEAD"]

    run(test())


@pytest.mark.parametrize("status", [204, 304])
def test_answers_without_body_carry_no_length(status: int) -> None:
    async def test() -> None:
        async def script(link: Link) -> None:
            while True:
                await link.request()
                await link.send(b"HTTP/1.1 %d X\r\ncontent-length: 0\r\netag: a\r\n\r\n" % status)

        async with proxied(script) as (_, _gateway, client):
            for _ in range(2):
                answered = await client.get()
                assert (answered.status, answered.headers) == (status, [(b"etag", b"a")])

    run(test())


def test_only_who_asked_for_it_gets_100_continue() -> None:
    async def script(link: Link) -> None:
        while True:
            received = await link.head()
            await link.send(b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n")
            assert [piece async for piece in link.pieces()] or not received.values(b"content-length")
            await link.send(answer())

    async def test() -> None:
        async with proxied(script) as (_, _gateway, client):
            assert (await client.get()).informational == []
            await client.send(POST + b"\r\nhello")
            assert (await client.answer()).informational == []
            await client.send(POST + b"expect: 100-Continue\r\n\r\n")
            assert await client.reader.readexactly(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
            await client.send(b"hello")
            assert (await client.answer()).status == 200
            await client.send(POST + b"expect: 100-continue\r\n\r\nhello")  # did not wait
            assert (await client.answer()).status == 200

    run(test())


def test_early_hints_pass_with_their_links_and_nothing_else() -> None:
    """RFC 8297; a client of HTTP/1.0 could not tell them from the answer."""

    async def script(link: Link) -> None:
        while True:
            await link.request()
            await link.send(b"HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\nset-cookie: a=b\r\n\r\n")
            await link.send(answer())

    async def test() -> None:
        async with proxied(script) as (_, _gateway, client):
            await client.send(b"GET / HTTP/1.1\r\nhost: h\r\n\r\n")
            hints = b"HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n\r\n"
            assert await client.reader.readexactly(len(hints)) == hints
            assert (await client.answer()).status == 200
            await client.send(b"GET / HTTP/1.0\r\nhost: h\r\n\r\n")
            assert (await client.answer()).informational == []

    run(test())


def test_a_backend_that_refuses_the_body_keeps_the_client_from_sending_it() -> None:
    async def script(link: Link) -> None:
        await link.head()
        await link.send(answer(status=403))
        await link.gone()

    async def test() -> None:
        async with proxied(script) as (_, gateway, client):
            await client.send(POST + b"expect: 100-continue\r\n\r\n")
            answered = await client.answer()
            assert (answered.status, answered.informational) == (403, [])
            assert answered.values(b"connection") == [b"close"]
            assert await client.rest() == b""
            await gateway.quiet()
            assert gateway.pool.sockets == 0

    run(test())


def test_an_early_answer_reaches_a_client_that_is_still_sending() -> None:
    """Case 20: complete and readable, then the connection ends without a reset that would destroy it."""
    large = b"x" * 300_000

    async def script(link: Link) -> None:
        await link.head()
        await link.send(answer(large, 413))
        await link.gone()

    async def test() -> None:
        async with proxied(script) as (backend, gateway, client):
            await client.send(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9999999\r\n\r\n" + b"y" * 100_000)
            await eventually(lambda: backend.connections == 1)
            sending = asyncio.create_task(client.send(b"y" * 500_000 + GET % 1))
            await settled()
            answered = await client.answer()
            assert (answered.status, answered.body) == (413, large)
            assert answered.values(b"connection") == [b"close"]
            await sending
            assert await client.rest() == b""
            await gateway.quiet()
            assert gateway.pool.sockets == 0

    run(test())


def test_a_bad_chunk_in_mid_upload_stops_the_backend_request() -> None:
    """Case 17: no complete request arrives at the backend, and the connection is closed."""

    async def script(link: Link) -> None:
        await link.request()

    async def test() -> None:
        async with proxied(script) as (backend, gateway, client):
            await client.send(b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n")
            await eventually(lambda: gateway.pool.busy == 1 and backend.connections == 1)
            await client.send(b"oops\r\n" + GET % 1)
            assert (await client.answer()).status == 400
            assert await client.rest() == b""
            await gateway.quiet()
            assert (backend.requests, gateway.pool.sockets) == ([], 0)

    run(test())


def test_a_bad_chunk_after_the_answer_has_begun_breaks_it() -> None:
    async def script(link: Link) -> None:
        await link.head()
        await link.send(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nbegun")
        await link.gone()

    async def test() -> None:
        async with proxied(script) as (backend, gateway, client):
            await client.send(b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n")
            await client.head("POST")
            await client.send(b"oops\r\n")
            with pytest.raises((ConnectionError, h11.RemoteProtocolError)):
                assert [piece async for piece in client.pieces()]
            await eventually(lambda: backend.left == 1)
            await gateway.quiet()

    run(test())


def test_blank_lines_before_a_request_are_ignored() -> None:
    """RFC 9112, 2.2."""

    async def test() -> None:
        async with proxied(echo_target) as (_, _gateway, client):
            await client.send(b"\r\n" + GET % 0)
            assert (await client.answer()).body == b"/0"
            await client.send(b"\r\n\r\n" + GET % 1)
            assert (await client.answer()).body == b"/1"

    run(test())


def test_trailers_of_the_client_are_dropped() -> None:
    """Case 12."""

    async def test() -> None:
        async with proxied(friendly) as (backend, _, client):
            head = b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"
            await client.send(head + b"5\r\nhello\r\n0\r\nauthorization: Bearer x\r\nhost: evil\r\n\r\n")
            assert (await client.answer()).status == 200
            received = backend.requests[0]
            assert received.body == b"hello"
            assert not received.values(b"authorization")
            assert received.values(b"host") == [b"erp.internal"]

    run(test())
