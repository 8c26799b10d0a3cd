"""Requests whose end could be read in two ways: refused, and nothing behind them is looked at."""

from __future__ import annotations

import pytest

from tests.support.refusal import refused, served

HEAD = b"POST / HTTP/1.1\r\nhost: gateway\r\n"
CHUNKED = HEAD + b"transfer-encoding: chunked\r\n\r\n"


@pytest.mark.parametrize("order", [1, -1])
def test_length_together_with_chunked(order: int) -> None:
    """Case 1."""
    refused(HEAD + b"".join([b"content-length: 5\r\n", b"transfer-encoding: chunked\r\n"][::order]) + b"\r\n0\r\n\r\n")


@pytest.mark.parametrize(
    "lines",
    [
        b"content-length: 5\r\ncontent-length: 6\r\n",
        b"content-length: 5\r\ncontent-length: 5\r\n",
        b"content-length: 5, 5\r\n",
        b"content-length: 5, 6\r\n",
        b"content-length: 0\r\nContent-Length: 5\r\n",
    ],
)
def test_repeated_length(lines: bytes) -> None:
    """Case 2."""
    refused(HEAD + lines + b"\r\nhello")


@pytest.mark.parametrize(
    "lines", [b"content-length:\r\n", b"content-length: \t\r\n", b"content-length:\r\ncontent-length: 5\r\n"]
)
def test_empty_length(lines: bytes) -> None:
    """Case 3."""
    refused(HEAD + lines + b"\r\nhello")


@pytest.mark.parametrize(
    "length", [b"+5", b"-1", b"0x5", b"1_0", b"5 5", b"5\x0b", b"5;", b"five", b"\xb2", b"99999999999999999999"]
)
def test_length_that_is_no_number(length: bytes) -> None:
    """Case 4."""
    refused(HEAD + b"content-length: " + length + b"\r\n\r\nhello")


@pytest.mark.parametrize(
    "coding",
    [
        b",chunked",
        b"xchunked",
        b"chunked,",
        b"chunked, identity",
        b"gzip, chunked",
        b"identity",
        b"gzip",
        b"",
        b'"chunked"',
        b"chunked;a=b",
        b"\x0bchunked",
    ],
)
def test_coding_other_than_chunked(coding: bytes) -> None:
    """Case 5."""
    refused(HEAD + b"transfer-encoding: " + coding + b"\r\n\r\n0\r\n\r\n")


@pytest.mark.parametrize("second", [b"transfer-encoding: chunked\r\n", b"Transfer-Encoding: identity\r\n"])
def test_repeated_coding(second: bytes) -> None:
    """Case 6."""
    refused(HEAD + b"transfer-encoding: chunked\r\n" + second + b"\r\n0\r\n\r\n")


def test_chunked_in_http_1_0() -> None:
    """Case 7."""
    refused(b"POST / HTTP/1.0\r\nhost: gateway\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n")


@pytest.mark.parametrize("size", [b"0x5", b"5_", b"+5", b"-5", b" 5", b"5 ", b"", b"FFFFFFFFFFFFFFFFFF", b"g", b"5\t"])
def test_chunk_size_that_is_no_number(size: bytes) -> None:
    """Case 8."""
    refused(CHUNKED + size + b"\r\nhello\r\n0\r\n\r\n")


@pytest.mark.parametrize("end", [b"", b"XX", b"\n", b"\r", b"X\n", b"\rX"])
def test_chunk_that_does_not_end_with_its_line(end: bytes) -> None:
    """Case 9."""
    refused(CHUNKED + b"5\r\nhello" + end + b"0\r\n\r\n")


@pytest.mark.parametrize(
    "payload",
    [
        CHUNKED + b"5\nhello\r\n0\r\n\r\n",
        CHUNKED + b"5;a=b\nhello\r\n0\r\n\r\n",
        CHUNKED + b"5;a=\rb\r\nhello\r\n0\r\n\r\n",
        CHUNKED + b"5\r\nhello\r\n0\n\r\n",
        CHUNKED + b"5\r\nhello\r\n0\r\n\n",
        b"GET / HTTP/1.1\nhost: gateway\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: gateway\nx-a: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: gateway\r\nx-a: b\rx-b: c\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: gateway\r\nx-a: b\n\r\n",
        b"GET / HTTP/1.1\r\nhost: gateway\r\n\n",
    ],
)
def test_bare_line_feeds_and_carriage_returns(payload: bytes) -> None:
    """Case 10."""
    refused(payload)


def test_empty_line_before_the_last_chunk() -> None:
    """Case 11."""
    refused(CHUNKED + b"5\r\nhello\r\n\r\n0\r\n\r\n")


@pytest.mark.parametrize("name", [b"content-length", b"transfer-encoding"])
def test_framing_in_trailers(name: bytes) -> None:
    """Case 12: what llhttp takes for framing is refused."""
    value = b"5" if name == b"content-length" else b"gzip"
    refused(CHUNKED + b"5\r\nhello\r\n0\r\n" + name + b": " + value + b"\r\n\r\n")


@pytest.mark.parametrize("blank", [b" ", b"\t"])
def test_folded_lines(blank: bytes) -> None:
    """Case 13."""
    refused(b"GET / HTTP/1.1\r\nhost: gateway\r\nx-a: b\r\n" + blank + b"c\r\n\r\n")


@pytest.mark.parametrize(
    "lines", [b"host : gateway\r\n", b"host\t: gateway\r\n", b" host: gateway\r\n", b"\thost: gateway\r\n"]
)
def test_blanks_around_a_name(lines: bytes) -> None:
    """Case 14."""
    refused(b"GET / HTTP/1.1\r\n" + lines + b"\r\n")


@pytest.mark.parametrize(
    "line",
    [
        b": b",
        b"x a: b",
        b"x(a): b",
        b"x\x00a: b",
        b"x\xe4: b",
        b"x-a: \x00",
        b"x-a: b\x00c",
        b"x-a: \x7f",
        b"x-a",
        b"\x01: b",
    ],
)
def test_names_and_values_with_foreign_bytes(line: bytes) -> None:
    """Case 15."""
    refused(b"GET / HTTP/1.1\r\nhost: gateway\r\n" + line + b"\r\n\r\n")


@pytest.mark.parametrize(
    "coding", ["chun\u212aed".encode(), "\u1d04hunked".encode(), b"chunke\xc4\x8f", b"\xef\xbb\xbfchunked"]
)
def test_foreign_letters_that_fold_to_chunked(coding: bytes) -> None:
    """Case 16."""
    refused(HEAD + b"transfer-encoding: " + coding + b"\r\n\r\n0\r\n\r\n")


@pytest.mark.parametrize(
    "junk",
    [
        b"\x00" * 2000,
        b"GET\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01",
        b"get / http/1.1\r\n\r\n",
    ],
)
def test_pipelined_requests_behind_garbage(junk: bytes) -> None:
    """Case 17; `refused` adds a request behind every payload."""
    refused(junk)


@pytest.mark.parametrize("value", [b"100-continue, x", b"x", b"100", b"", b"100-continue;q=1"])
def test_unknown_expectations(value: bytes) -> None:
    """Case 18."""
    assert refused(HEAD + b"expect: " + value + b"\r\ncontent-length: 5\r\n\r\n").status == 417


@pytest.mark.parametrize("method", [b"GET", b"DELETE", b"OPTIONS"])
def test_a_body_where_none_is_usual_keeps_its_framing(method: bytes) -> None:
    """Case 19: the inner request stays a body."""
    inner = b"GET /inner HTTP/1.1\r\nhost: a\r\n\r\n"
    head = method + b" /outer HTTP/1.1\r\nhost: gateway\r\n"
    assert served(head + b"content-length: %d\r\n\r\n" % len(inner) + inner) == [b"/outer"]
    assert served(head + b"transfer-encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(inner), inner)) == [
        b"/outer"
    ]


@pytest.mark.parametrize("nominated", [b"content-length", b"Content-Length", b"keep-alive, content-length"])
def test_a_length_declared_hop_by_hop_still_frames_the_body(nominated: bytes) -> None:
    """Case 42: without its length the backend would read the body as the next request."""
    inner = b"GET /inner HTTP/1.1\r\nhost: a\r\n\r\n"
    head = b"POST /outer HTTP/1.1\r\nhost: gateway\r\nconnection: " + nominated
    assert served(head + b"\r\ncontent-length: %d\r\n\r\n" % len(inner) + inner) == [b"/outer"]


def test_a_coding_declared_hop_by_hop_still_frames_the_body() -> None:
    """Case 42."""
    head = (
        b"POST /outer HTTP/1.1\r\nhost: gateway\r\nconnection: transfer-encoding\r\ntransfer-encoding: chunked\r\n\r\n"
    )
    assert served(head + b"5\r\nhello\r\n0\r\n\r\n") == [b"/outer"]


@pytest.mark.parametrize("framing", [b"content-length: 5", b"transfer-encoding: chunked"])
def test_a_web_socket_with_a_body(framing: bytes) -> None:
    refused(HEAD + b"connection: upgrade\r\nupgrade: websocket\r\n" + framing + b"\r\n\r\n0\r\n\r\n")
