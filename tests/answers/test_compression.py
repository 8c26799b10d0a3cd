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


def test_an_answer_without_a_length_that_never_begins_is_a_failure(tmp_path: Path) -> None:
    async def headless(link: Link) -> None:
        await link.request()
        await link.send(b"HTTP/1.1 200 OK\r\n" + HTML + b"transfer-encoding: chunked\r\n\r\n")
        link.reset()

    async def test() -> None:
        async with gateway(tmp_path, headless) as client:
            assert (await ask(client, "/page", accept_encoding="gzip")).status == 502

    run(test())


def test_heads_and_unmodified_answers_stay_as_they_are(tmp_path: Path) -> None:
    async def validated(link: Link) -> None:
        while True:
            received = await link.request()
            status = b"304 Not Modified" if received.values(b"if-none-match") else b"200 OK"
            await link.send(b'HTTP/1.1 %b\r\n%betag: "one"\r\ncontent-length: 5000\r\n\r\n' % (status, HTML))

    async def test() -> None:
        async with gateway(tmp_path, validated) as client:
            head = await ask(client, "/page", "HEAD", accept_encoding="gzip")
            assert (value(head, "content-length"), value(head, "content-encoding")) == ("5000", None)
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
