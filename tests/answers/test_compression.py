"""Compression on the wire: pieces are passed on as they come, and what is broken off looks broken."""

from __future__ import annotations

import asyncio
import zlib
from pathlib import Path

import h11
import pytest

from app.compression.coding import Coding
from tests.answers.support import TEXT, ask, gateway, request, value
from tests.compression.decoding import decoded
from tests.support.raw_backend import Link, answer, friendly
from tests.support.running import run

HTML = b"content-type: text/html\r\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


async def text(link: Link) -> None:
    """Answers with a page."""
    while True:
        received = await link.request()
        await link.send(answer(b"", headers=HTML) if received.method == "HEAD" else answer(TEXT, headers=HTML))


@pytest.mark.parametrize(("accept", "coding"), [("gzip", Coding.GZIP), ("br", Coding.BROTLI), ("zstd", Coding.ZSTD)])
def test_answers_of_backends_and_files_are_compressed(tmp_path: Path, accept: str, coding: Coding) -> None:
    async def test() -> None:
        async with gateway(tmp_path, text) as client:
            for target in ("/page", "/files/text.txt"):
                reply = await ask(client, target, accept_encoding=accept)
                assert value(reply, "content-encoding") == accept
                assert value(reply, "vary") == "Accept-Encoding"
                assert decoded(coding, reply.body) == TEXT

    run(test())


def test_a_piece_reaches_the_client_before_the_next_one_is_there(tmp_path: Path) -> None:
    first_read = asyncio.Event()

    async def slow(link: Link) -> None:
        await link.request()
        await link.send(b"HTTP/1.1 200 OK\r\n" + HTML + b"transfer-encoding: chunked\r\n\r\n" + chunk(TEXT))
        await first_read.wait()
        await link.send(chunk(b"the end") + b"0\r\n\r\n")

    async def test() -> None:
        read = zlib.decompressobj(16 + zlib.MAX_WBITS)
        seen = b""
        async with gateway(tmp_path, slow) as client:
            await client.send(request("/slow", accept_encoding="gzip"))
            await client.head()
            async for piece in client.pieces():
                seen += read.decompress(piece)
                if seen == TEXT:
                    first_read.set()
        assert seen == TEXT + b"the end"
        assert read.eof

    run(test())


def test_an_event_stream_is_passed_on_as_it_is(tmp_path: Path) -> None:
    async def events(link: Link) -> None:
        await link.request()
        head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        await link.send(head + chunk(TEXT) + b"0\r\n\r\n")

    async def test() -> None:
        async with gateway(tmp_path, events, COMPRESSION={"minSize": 0}) as client:
            reply = await ask(client, "/events", accept_encoding="gzip")
        assert (value(reply, "content-encoding"), reply.body) == (None, TEXT)

    run(test())


def test_a_large_answer_arrives_whole(tmp_path: Path) -> None:
    large = TEXT * 1000

    async def send_large(link: Link) -> None:
        await link.request()
        await link.send(answer(large, headers=HTML))

    async def test() -> None:
        async with gateway(tmp_path, send_large) as client:
            reply = await ask(client, "/large", accept_encoding="gzip")
        assert decoded(Coding.GZIP, reply.body) == large
        assert len(reply.body) < len(large) / 10

    run(test())


def test_an_answer_that_breaks_off_is_not_ended_properly(tmp_path: Path) -> None:
    async def broken(link: Link) -> None:
        await link.request()
        await link.send(b"HTTP/1.1 200 OK\r\n" + HTML + b"content-length: 9999\r\n\r\n" + TEXT)
        link.reset()

    async def test() -> None:
        async with gateway(tmp_path, broken) as client:
            with pytest.raises((h11.RemoteProtocolError, ConnectionError)):
                await ask(client, "/broken", accept_encoding="gzip")

    run(test())


def test_an_answer_without_a_length_that_never_begins_looks_broken_off(tmp_path: Path) -> None:
    async def headless(link: Link) -> None:
        await link.request()
        await link.send(b"HTTP/1.1 200 OK\r\n" + HTML + b"transfer-encoding: chunked\r\n\r\n")
        link.reset()

    async def test() -> None:
        async with gateway(tmp_path, headless) as client:
            with pytest.raises((h11.RemoteProtocolError, ConnectionError)):
                await ask(client, "/page", accept_encoding="gzip")

    run(test())


@pytest.mark.parametrize("accept", ["gzip", "identity"])
def test_a_head_is_there_before_its_body_and_pieces_follow_as_they_come(tmp_path: Path, accept: str) -> None:
    """Streams of lines can begin long after their head."""
    go_on = asyncio.Event()
    lines = [b'{"line": %d}\n' % number for number in range(3)]

    async def stream(link: Link) -> None:
        await link.request()
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n"
        await link.send(head)
        for line in lines:
            await go_on.wait()
            go_on.clear()
            await link.send(chunk(line))
        await link.send(b"0\r\n\r\n")

    async def test() -> None:
        read = zlib.decompressobj(16 + zlib.MAX_WBITS)
        seen = b""
        async with gateway(tmp_path, stream) as client:
            await client.send(request("/stream", accept_encoding=accept))
            head = await client.head()  # without a byte of the body
            assert value(head, "content-encoding") == (accept if accept == "gzip" else None)
            go_on.set()
            async for piece in client.pieces():
                seen += read.decompress(piece) if accept == "gzip" else piece
                if seen in (lines[0], lines[0] + lines[1]):
                    go_on.set()
        assert seen == b"".join(lines)

    run(test())


@pytest.mark.parametrize("accept", ["gzip", "identity"])
def test_a_head_tells_no_length_that_the_answer_to_get_has_not(tmp_path: Path, accept: str) -> None:
    """RFC 9110, 8.6."""

    async def sized(link: Link) -> None:
        while True:
            received = await link.request()
            data = answer(TEXT, headers=HTML)
            await link.send(data if received.method == "GET" else data.removesuffix(TEXT))

    async def test() -> None:
        async with gateway(tmp_path, sized) as client:
            for target in ("/page", "/files/text.txt"):
                head = await ask(client, target, "HEAD", accept_encoding=accept)
                whole = await ask(client, target, accept_encoding=accept)
                for name in ("content-length", "content-encoding", "vary", "content-type", "etag"):
                    assert value(head, name) == value(whole, name)

    run(test())


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"accept_encoding": "gzip", "if_range": '"one"'}, 200),
        ({"accept_encoding": "identity", "if_range": '"one"'}, 206),
        ({"if_range": '"one"'}, 206),
        ({"accept_encoding": "gzip"}, 206),
    ],
)
def test_the_rest_of_a_compressed_answer_is_never_that_of_a_plain_one(
    tmp_path: Path, asked: dict[str, str], status: int
) -> None:
    """The backend's validator names both (RFC 9110, 13.1.5): whoever may have a compressed part gets all of it anew."""

    async def resumable(link: Link) -> None:
        while True:
            received = await link.request()
            if received.values(b"range"):
                rest = b'HTTP/1.1 206 Partial Content\r\n%betag: "one"\r\ncontent-range: bytes 50-%d/%d\r\n'
                length = b"content-length: %d\r\n\r\n" % len(TEXT[50:])
                await link.send(rest % (HTML, len(TEXT) - 1, len(TEXT)) + length + TEXT[50:])
            else:
                await link.send(answer(TEXT, headers=HTML + b'etag: "one"\r\n'))

    async def test() -> None:
        async with gateway(tmp_path, resumable) as client:
            reply = await ask(client, "/page", range="bytes=50-", **asked)
        assert reply.status == status
        if status == 206:
            assert (reply.body, value(reply, "content-encoding")) == (TEXT[50:], None)
        else:
            assert decoded(Coding.GZIP, reply.body) == TEXT

    run(test())


def test_unmodified_answers_stay_as_they_are(tmp_path: Path) -> None:
    async def validated(link: Link) -> None:
        while True:
            received = await link.request()
            status = b"304 Not Modified" if received.values(b"if-none-match") else b"200 OK"
            await link.send(b'HTTP/1.1 %b\r\n%betag: "one"\r\ncontent-length: 5000\r\n\r\n' % (status, HTML))

    async def test() -> None:
        async with gateway(tmp_path, validated) as client:
            unchanged = await ask(client, "/page", accept_encoding="gzip", if_none_match='W/"one"')
            assert (unchanged.status, value(unchanged, "content-encoding")) == (304, None)

    run(test())


@pytest.mark.parametrize(
    ("document", "variables"),
    [
        ({"compression": {"enabled": False}}, {}),
        ({"compression": {"enabled": True}}, {"COMPRESSION": {"enabled": False}}),
        ({"compression": {"minSize": 100_000}}, {}),
    ],
)
def test_it_can_be_switched_off(tmp_path: Path, document: dict[str, object], variables: dict[str, object]) -> None:
    async def test() -> None:
        async with gateway(tmp_path, text, document, **variables) as client:
            for target in ("/page", "/files/text.txt"):
                reply = await ask(client, target, accept_encoding="gzip, br, zstd")
                assert (value(reply, "content-encoding"), reply.body) == (None, TEXT)

    run(test())


@pytest.mark.parametrize("mixed", [True, False])
def test_mixed_content_is_compressed_when_that_is_wanted(tmp_path: Path, mixed: bool) -> None:
    async def batch(link: Link) -> None:
        await link.request()
        await link.send(answer(TEXT, headers=b"content-type: multipart/mixed; boundary=b\r\n"))

    async def test() -> None:
        options = {"compression": {"compressResponseMixedTypeContent": mixed}}
        async with gateway(tmp_path, batch, options) as client:
            reply = await ask(client, "/$batch", accept_encoding="gzip")
        assert value(reply, "content-encoding") == ("gzip" if mixed else None)

    run(test())


def test_a_short_answer_passes_untouched(tmp_path: Path) -> None:
    async def test() -> None:
        async with gateway(tmp_path, friendly) as client:
            reply = await ask(client, "/short", accept_encoding="gzip")
        assert (reply.body, value(reply, "content-encoding"), value(reply, "vary")) == (b"ok", None, None)

    run(test())
