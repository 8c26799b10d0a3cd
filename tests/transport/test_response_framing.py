"""Answers one by one: what is refused, where an answer ends, and whether its connection may be used again."""

from __future__ import annotations

import pytest

from app.transport.response_parser import MAX_HEAD_BYTES, MAX_INFORMATIONAL, InvalidAnswer, ResponseParser

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"transfer-encoding: chunked\r\n\r\n"
SMALL = OK + b"content-length: 2\r\n\r\nok"


def parser_for(method: str = "GET", *, upgrade: bool = False) -> ResponseParser:
    parser = ResponseParser()
    parser.expect(method, upgrade=upgrade)
    return parser


def body(parser: ResponseParser) -> bytes:
    return b"".join(parser.chunks)


@pytest.mark.parametrize(
    "data",
    [
        OK + b"content-length: 2\r\ncontent-length: 2\r\n\r\nok",
        OK + b"content-length: 2\r\ncontent-length: 3\r\n\r\nok",
        OK + b"content-length: 2, 2\r\n\r\nok",
        OK + b"content-length:\r\n\r\n",
        OK + b"content-length: +2\r\n\r\nok",
        OK + b"content-length: 0x2\r\n\r\nok",
        OK + b"content-length: 99999999999999999999\r\n\r\n",
        OK + b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        OK + b"transfer-encoding: chunked\r\ncontent-length: 2\r\n\r\n0\r\n\r\n",
        OK + b"transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        OK + b"transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        OK + b"transfer-encoding: identity\r\n\r\nok",
        OK + b"transfer-encoding:\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        OK + b"x-a: b\r\n folded\r\n\r\n",
        OK + b"x-a: b\ncontent-length: 0\r\n\r\n",
        OK + b"x-a : b\r\n\r\n",
        OK + b" x-a: b\r\n\r\n",
        OK + b": b\r\n\r\n",
        OK + b"x-a: \x00\r\n\r\n",
        b"HTTP/1.1 200 OK\n\n",
        b"HTTP/2.0 200 OK\r\n\r\n",
        b"HTTP/0.9 200 OK\r\n\r\n",
        b"HTTP/1.1 000 X\r\n\r\n",
        b"HTTP/1.1 099 X\r\n\r\n",
        b"HTTP/1.1 600 X\r\n\r\n",
        b"HTTP/1.1 20 X\r\n\r\n",
        b"<html>no http at all</html>",
        CHUNKED + b"x\r\n",
        CHUNKED + b"0x2\r\nok\r\n0\r\n\r\n",
        CHUNKED + b"+2\r\nok\r\n0\r\n\r\n",
        CHUNKED + b"2 \r\nok\r\n0\r\n\r\n",
        CHUNKED + b"2\nok\r\n0\r\n\r\n",
        CHUNKED + b"2\r\nok0\r\n\r\n",
        CHUNKED + b"2\r\nokXX0\r\n\r\n",
        CHUNKED + b"2\r\nok\r\n\r\n0\r\n\r\n",
        CHUNKED + b"2;a\n=b\r\nok\r\n0\r\n\r\n",
        CHUNKED + b"FFFFFFFFFFFFFFFFF\r\n",
        CHUNKED + b"2\r\nok\r\n0\r\ncontent-length: 5\r\n\r\n",
        b"HTTP/1.1 104 X\r\ncontent-length: 5\r\n\r\nHTTP/" + SMALL,
        b"HTTP/1.1 100 X\r\ntransfer-encoding: chunked\r\n\r\n" + SMALL,
        b"HTTP/1.1 100 X\r\n\r\n" * (MAX_INFORMATIONAL + 1) + SMALL,
        b"HTTP/1.1 103 X\r\n\r\n" * (MAX_INFORMATIONAL + 1) + SMALL,
        b"HTTP/1.1 101 X\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
    ],
)
def test_ambiguous_or_broken_answers_are_refused(data: bytes) -> None:
    """Cases 22 and 23."""
    parser = parser_for()
    with pytest.raises(InvalidAnswer):
        parser.feed(data)
    assert not parser.reusable


def test_what_is_no_http_is_called_so() -> None:
    with pytest.raises(InvalidAnswer, match="no HTTP"):
        parser_for().feed(b"SSH-2.0-OpenSSH_9.6\r\n")


def test_informational_answers_are_swallowed() -> None:
    parser = parser_for("POST")
    parser.feed(b"HTTP/1.1 100 Continue\r\nx-early: 1\r\n\r\n")
    assert parser.continued
    assert not parser.head_complete
    parser.feed(b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" + SMALL)
    assert (parser.status, parser.headers, body(parser)) == (200, [(b"content-length", b"2")], b"ok")
    assert parser.reusable


@pytest.mark.parametrize("framing", [b"content-length: 1000\r\n", b"transfer-encoding: chunked\r\n", b""])
def test_the_answer_to_head_ends_with_its_head(framing: bytes) -> None:
    parser = parser_for("HEAD")
    parser.feed(OK + framing + b"\r\n")
    assert parser.complete
    assert body(parser) == b""
    parser.expect("GET")
    parser.feed(SMALL)
    assert (parser.complete, body(parser)) == (True, b"ok")


def test_a_body_in_the_answer_to_head_costs_the_connection() -> None:
    parser = parser_for("HEAD")
    parser.feed(OK + b"content-length: 2\r\n\r\nok")
    assert parser.complete
    assert body(parser) == b""
    assert not parser.reusable


@pytest.mark.parametrize("status", [b"204", b"304"])
def test_statuses_without_body_end_with_their_head(status: bytes) -> None:
    parser = parser_for()
    parser.feed(b"HTTP/1.1 " + status + b" X\r\netag: a\r\n\r\n")
    assert parser.complete
    assert parser.reusable
    parser.expect("GET")
    parser.feed(SMALL)
    assert body(parser) == b"ok"


@pytest.mark.parametrize("surplus", [SMALL, b"garbage", b"HTTP/1.1 200 OK\r\n", b"\x00"])
def test_bytes_behind_an_answer_leave_it_valid_and_cost_the_connection(surplus: bytes) -> None:
    parser = parser_for()
    parser.feed(SMALL + surplus)
    assert (parser.status, body(parser)) == (200, b"ok")
    assert parser.surplus
    assert not parser.reusable


def test_bytes_before_any_request_are_refused() -> None:
    parser = ResponseParser()
    with pytest.raises(InvalidAnswer):
        parser.feed(SMALL)
    assert parser.surplus


def test_trailers_are_dropped() -> None:
    """Case 12."""
    parser = parser_for()
    parser.feed(CHUNKED + b"2\r\nok\r\n0\r\nset-cookie: stolen=1\r\nconnection: close\r\n\r\n")
    assert parser.complete
    assert parser.headers == [(b"transfer-encoding", b"chunked")]
    assert parser.reusable


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
def test_an_answer_without_length_ends_when_the_backend_closes(version: bytes) -> None:
    parser = parser_for()
    parser.feed(b"HTTP/" + version + b" 200 OK\r\n\r\nall of it")
    assert not parser.complete
    parser.finish()
    assert parser.complete
    assert body(parser) == b"all of it"
    assert not parser.reusable


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"HTTP/1.1 200",
        OK,
        OK + b"content-length: 5\r\n\r\nonly",
        CHUNKED + b"2\r\nok\r\n",
        CHUNKED + b"2\r\nok\r\n0\r\n",
    ],
)
def test_a_close_before_the_end_is_an_error(data: bytes) -> None:
    parser = parser_for()
    parser.feed(data) if data else None
    with pytest.raises(InvalidAnswer):
        parser.finish()


@pytest.mark.parametrize(
    ("head", "reusable"),
    [
        (b"HTTP/1.1 200 OK\r\n", True),
        (b"HTTP/1.1 200 OK\r\nconnection: close\r\n", False),
        (b"HTTP/1.1 200 OK\r\nConnection: Keep-Alive, Close\r\n", False),
        (b"HTTP/1.0 200 OK\r\n", False),
        (b"HTTP/1.0 200 OK\r\nconnection: keep-alive\r\n", True),
    ],
)
def test_the_backend_decides_whether_its_connection_stays(head: bytes, reusable: bool) -> None:
    parser = parser_for()
    parser.feed(head + b"content-length: 2\r\n\r\nok")
    assert parser.complete
    assert parser.reusable is reusable


def test_blanks_around_a_value_do_not_belong_to_it() -> None:
    parser = parser_for()
    parser.feed(OK + b"X-A: \t a b \t\r\nX-Empty:\r\ncontent-length: 0\r\n\r\n")
    assert parser.headers == [(b"x-a", b"a b"), (b"x-empty", b""), (b"content-length", b"0")]


@pytest.mark.parametrize(
    "start",
    [
        OK + b"x-a: ",
        b"HTTP/1.1 200 ",
        CHUNKED + b"2\r\nok\r\n0\r\nx-a: ",
        CHUNKED + b"2;a=",
        CHUNKED + b"2\r\nok\r\n3;a=",
    ],
)
def test_what_surrounds_a_body_is_bounded(start: bytes) -> None:
    """Head, chunk extensions and trailers are kept or read over by the tokeniser: none may go on for ever."""
    parser = parser_for()
    parser.feed(start)
    for _ in range(MAX_HEAD_BYTES // 1024 - 1):
        parser.feed(b"a" * 1024)
    with pytest.raises(InvalidAnswer):
        parser.feed(b"a" * 2048)


def test_a_long_body_in_small_chunks_is_no_head() -> None:
    parser = parser_for()
    parser.feed(CHUNKED)
    for _ in range(MAX_HEAD_BYTES // 1024 * 2):
        parser.feed(b"1\r\na\r\n" * 200)
        parser.chunks.clear()
    parser.feed(b"0\r\n\r\n")
    assert parser.complete


def test_a_wanted_upgrade_hands_over_all_that_follows() -> None:
    parser = parser_for(upgrade=True)
    parser.feed(b"HTTP/1.1 101 X\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n\x81\x02")
    parser.feed(b"hi")
    assert parser.status == 101
    assert parser.upgraded_rest == b"\x81\x02hi"


def test_an_upgrade_that_names_no_protocol_is_refused() -> None:
    """Case 23."""
    with pytest.raises(InvalidAnswer):
        parser_for(upgrade=True).feed(b"HTTP/1.1 101 X\r\n\r\n")


def test_a_refused_upgrade_is_an_ordinary_answer() -> None:
    parser = parser_for(upgrade=True)
    parser.feed(b"HTTP/1.1 426 X\r\nconnection: upgrade\r\nupgrade: websocket\r\ncontent-length: 2\r\n\r\nno")
    assert (parser.status, parser.complete, parser.upgraded_rest) == (426, True, None)
