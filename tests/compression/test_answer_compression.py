"""What becomes of an answer's headers, and when it is compressed."""

from __future__ import annotations

import asyncio

import pytest

from app.compression.answer_compression import OFFLOAD_BYTES, Compression, encoded
from app.compression.coding import Coding
from app.compression.encoders import ENCODERS, Encoder
from app.request_head import RequestHead
from tests.compression.decoding import decoded

HTML = (b"content-type", b"text/html")
HeaderList = list[tuple[bytes, bytes]]


def begin(
    headers: HeaderList,
    accept: bytes | None = b"gzip",
    *,
    method: str = "GET",
    body: bytes | None = b"",
    first: bytes = b"",
) -> tuple[Encoder | None, bytes]:
    """Begin a 200 answer whose `body` has not been read (None: is not there yet), or whose `first` piece has."""

    async def read() -> bytes:
        return body or b""

    head = RequestHead(method, "/", [(b"accept-encoding", accept)] if accept is not None else [])
    return asyncio.run(
        Compression(1024, mixed=False).of(head).begin(200, headers, first, None if body is None else read)
    )


def length(size: int) -> tuple[bytes, bytes]:
    return b"content-length", b"%d" % size


def test_an_answer_is_encoded_and_says_so() -> None:
    headers = [HTML, length(5000), (b"etag", b'"one"'), (b"accept-ranges", b"bytes"), (b"content-md5", b"x")]
    encoder, first = begin(headers)
    assert encoder is not None
    assert first == b""
    assert headers == [HTML, (b"etag", b'"one"'), (b"vary", b"Accept-Encoding"), (b"content-encoding", b"gzip")]


def test_a_weak_validator_stays_as_it_is() -> None:
    headers = [HTML, length(5000), (b"etag", b'W/"one"')]
    begin(headers)
    assert (b"etag", b'W/"one"') in headers


@pytest.mark.parametrize(("size", "compressed"), [(1023, False), (1024, True)])
def test_the_declared_size_decides(size: int, compressed: bool) -> None:
    headers = [HTML, length(size)]
    encoder, _ = begin(headers)
    assert (encoder is not None) is compressed
    assert (length(size) in headers) is not compressed


@pytest.mark.parametrize(("size", "compressed"), [(0, False), (1023, False), (1024, True)])
def test_without_one_the_first_piece_decides_and_is_not_lost(size: int, compressed: bool) -> None:
    piece = b"x" * size
    encoder, first = begin([HTML], body=piece)
    assert (encoder is not None, first) == (compressed, piece)


def test_a_first_piece_that_is_there_is_not_waited_for() -> None:
    encoder, first = begin([HTML], body=b"not read" * 1000, first=b"known")
    assert (encoder, first) == (None, b"known")


@pytest.mark.parametrize("accept", [None, b"identity", b"gzip;q=0"])
def test_a_client_that_wants_none_gets_none_but_caches_are_told(accept: bytes | None) -> None:
    headers = [HTML, length(5000)]
    assert begin(headers, accept) == (None, b"")
    assert headers == [HTML, length(5000), (b"vary", b"Accept-Encoding")]


def test_nothing_is_waited_for_where_nothing_is_to_be_compressed() -> None:
    assert begin([HTML], None, body=b"not read") == (None, b"")
    assert begin([(b"content-type", b"image/png")], body=b"not read") == (None, b"")


def test_an_answer_to_head_has_the_headers_of_that_to_get() -> None:
    """RFC 9110, 8.6: a length that GET would not get is none to tell."""
    for given in ([HTML, length(5000)], [HTML, length(5)], [HTML, length(5000), (b"content-encoding", b"br")]):
        for_get, for_head = list(given), list(given)
        begin(for_get)
        assert begin(for_head, method="HEAD") == (None, b"")
        assert for_head == for_get


def test_an_answer_to_head_without_a_length_stays_as_it_is() -> None:
    headers = [HTML]
    assert begin(headers, method="HEAD") == (None, b"")
    assert headers == [HTML, (b"vary", b"Accept-Encoding")]


def test_nothing_is_waited_for_where_nothing_is_there_yet() -> None:
    headers = [HTML]
    encoder, first = begin(headers, body=None)
    assert encoder is not None
    assert (first, headers) == (b"", [HTML, (b"vary", b"Accept-Encoding"), (b"content-encoding", b"gzip")])


def test_what_is_not_compressible_does_not_vary() -> None:
    headers = [(b"content-type", b"image/png"), length(5000)]
    begin(headers)
    assert headers == [(b"content-type", b"image/png"), length(5000)]


@pytest.mark.parametrize("size", [1, OFFLOAD_BYTES - 1, OFFLOAD_BYTES, 10 * OFFLOAD_BYTES])
def test_pieces_of_any_size_are_encoded(size: int) -> None:
    data = b"y" * size
    assert decoded(Coding.GZIP, asyncio.run(encoded(ENCODERS[Coding.GZIP](), data, True))) == data
