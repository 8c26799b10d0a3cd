"""Which answers may be compressed."""

from __future__ import annotations

import pytest

from app.compression.content import declared_size, is_compressible, may_compress


@pytest.mark.parametrize(
    "content_type",
    [
        b"text/html",
        b"TEXT/HTML; charset=utf-8",
        b"text/x-anything",
        b"application/json",
        b"application/javascript;charset=UTF-8",
        b"application/problem+json",
        b"application/atom+xml;type=feed",
        b"image/svg+xml",
        b"font/ttf",
        b"application/wasm",
    ],
)
def test_text_in_the_widest_sense_is_compressible(content_type: bytes) -> None:
    assert is_compressible(content_type)


@pytest.mark.parametrize(
    "content_type",
    [
        b"text/event-stream",
        b"text/event-stream; charset=utf-8",
        b"image/png",
        b"video/mp4",
        b"application/zip",
        b"application/octet-stream",
        b"font/woff2",
        b"multipart/mixed; boundary=x",
        b"json",
        b"",
        b"text/" + b"x" * 1000,
    ],
)
def test_everything_else_is_not(content_type: bytes) -> None:
    assert not is_compressible(content_type)


def test_mixed_content_is_compressible_only_when_asked() -> None:
    assert is_compressible(b"multipart/mixed; boundary=batch", mixed=True)
    assert not is_compressible(b"multipart/form-data", mixed=True)


HTML = (b"content-type", b"text/html")


@pytest.mark.parametrize("status", [101, 103, 204, 205, 206, 304])
def test_answers_without_a_whole_body_are_left_alone(status: int) -> None:
    assert not may_compress(status, [HTML], False)


@pytest.mark.parametrize("status", [200, 201, 302, 404, 500])
def test_answers_with_a_body_may_be_compressed(status: int) -> None:
    assert may_compress(status, [HTML], False)


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [(b"content-type", b"image/png")],
        [HTML, (b"content-encoding", b"gzip")],
        [HTML, (b"cache-control", b"max-age=5, No-Transform")],
        [HTML, (b"cache-control", b"no-transform"), (b"cache-control", b"private")],
    ],
)
def test_headers_can_forbid_it(headers: list[tuple[bytes, bytes]]) -> None:
    assert not may_compress(200, headers, False)


def test_other_directives_do_not_forbid_it() -> None:
    assert may_compress(200, [HTML, (b"cache-control", b"no-store")], False)


def test_the_declared_size_is_that_of_content_length() -> None:
    assert declared_size([HTML, (b"content-length", b"17")]) == 17
    assert declared_size([HTML]) is None
