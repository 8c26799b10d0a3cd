"""Our reading of answers against h11's, over arbitrary cuts.

We are stricter than h11 on purpose: repeated or listed lengths, codings besides chunked, chunked in HTTP/1.0, obsolete
line folding, bare line feeds, informational answers with framing, 101 that nobody asked for, blanks in chunk heads.
We are laxer in two points without meaning: llhttp skips empty lines before a status line, and nobody reads the reason.
"""

from __future__ import annotations

import re

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.support.readings import Reading, cut, cuts, h11_reading, our_reading

REASON = re.compile(rb"(HTTP/1\.\d \d{3} )([^\r\n]*)")
EMPTY_LINES = re.compile(rb"(\A|\r\n\r\n)[\r\n]+(?=HTTP/)")
TOKEN = st.text("abcdefghijklmnopqrstuvwxyz-_.!~09", min_size=1, max_size=12).map(lambda text: b"x-" + text.encode())
VALUE = st.binary(max_size=30).map(lambda raw: bytes(b for b in raw if b == 9 or 32 <= b != 127).strip(b" \t"))
FIELDS = st.lists(st.tuples(TOKEN, VALUE), max_size=6)
BODY = st.binary(max_size=200)
STATUS = st.sampled_from([200, 201, 206, 301, 304, 400, 404, 500, 599])
INFORMATIONAL = st.lists(
    st.sampled_from([b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 X\r\nlink: a\r\n\r\n"]), max_size=3
)


def lines(fields: list[tuple[bytes, bytes]]) -> bytes:
    return b"".join(b"%b: %b\r\n" % pair for pair in fields)


def chunked(body: bytes, places: list[int]) -> bytes:
    pieces = [b"%x\r\n%b\r\n" % (len(piece), piece) for piece in cut(body, places) if piece]
    return b"".join(pieces) + b"0\r\n\r\n"


@st.composite
def valid_answers(draw: st.DrawFn) -> bytes:
    """An answer with any of the framings that RFC 9112 allows."""
    status, body = draw(STATUS), draw(BODY)
    if status == 304:
        body = b""
    framing = draw(st.sampled_from(["length", "chunked", "close"]))
    fields = lines(draw(FIELDS))
    if framing == "length":
        fields += b"content-length: %d\r\n" % len(body)
    elif framing == "chunked":
        fields += b"transfer-encoding: chunked\r\n"
        body = chunked(body, draw(cuts)) if status != 304 else b""
    version = b"1.0" if framing == "close" and draw(st.booleans()) else b"1.1"
    return b"".join(draw(INFORMATIONAL)) + b"HTTP/%b %d Reason\r\n%b\r\n%b" % (version, status, fields, body)


@st.composite
def broken_answers(draw: st.DrawFn) -> bytes:
    """A valid answer with a few bytes changed, where it hurts."""
    data = draw(valid_answers())
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(data)))
        swallowed = draw(st.integers(0, 3))
        put = draw(
            st.sampled_from([b"", b"\r\n", b"\n", b"\r", b" ", b"\t", b":", b"0", b"5", b"\x00", b";", b",", b"\x80"])
        )
        data = data[:place] + put + data[place + swallowed :]
    return data


AWKWARD = (
    b"transfer-encoding: chunked\r\n", b"transfer-encoding: gzip, chunked\r\n", b"transfer-encoding: chunked\r\n" * 2,
    b"transfer-encoding: identity\r\n", b"content-length: 3\r\n", b"content-length: 4\r\n", b"content-length: 3, 3\r\n",
    b"content-length: +3\r\n", b"content-length:\r\n", b"content-length: 0x3\r\n", b"connection: close\r\n",
    b"connection: upgrade\r\nupgrade: websocket\r\n", b"x-empty:\r\n", b"x-blank: a \t\r\n", b"x-a: b\r\n c\r\n",
    b": nameless\r\n", b"x a: b\r\n", b"x-a : b\r\n", b"x-a: b\n", b"x-a: \x00\r\n",
)  # fmt: skip


@st.composite
def awkward_answers(draw: st.DrawFn) -> bytes:
    """Heads put together from fields that must not meet."""
    status = draw(st.sampled_from([b"200", b"204", b"304", b"100", b"101", b"104", b"000", b"099", b"600", b"2000"]))
    version = draw(st.sampled_from([b"HTTP/1.1", b"HTTP/1.0", b"HTTP/0.9", b"HTTP/2.0", b"http/1.1", b"ICY"]))
    fields = b"".join(draw(st.lists(st.sampled_from(AWKWARD), max_size=3)))
    body = draw(
        st.sampled_from([b"", b"abc", b"abcd", b"3\r\nabc\r\n0\r\n\r\n", b"3;x=y\r\nabc\r\n0\r\nx-t: 1\r\n\r\n"])
    )
    tail = draw(st.sampled_from([b"", b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nX"]))
    return version + b" " + status + b" Reason\r\n" + fields + b"\r\n" + body + tail


def without_what_we_skip(data: bytes) -> bytes:
    return REASON.sub(lambda match: match[1] + b"x" * len(match[2]), EMPTY_LINES.sub(rb"\1", data))


def assert_never_laxer(data: bytes, ours: Reading | None, method: str = "GET") -> None:
    """What we accept h11 accepts, and reads the same."""
    if ours is None:
        return
    theirs = h11_reading(without_what_we_skip(data), method)
    assert theirs is not None
    assert (ours.status, ours.headers) == (theirs.status, theirs.headers)
    assert without_what_we_skip(ours.body) == theirs.body
    assert theirs.reusable or not ours.reusable


@given(valid_answers(), cuts, st.sampled_from(["GET", "POST"]))
def test_valid_answers_read_as_h11_reads_them(data: bytes, places: list[int], method: str) -> None:
    ours = our_reading(cut(data, places), method)
    assert ours is not None
    assert ours == h11_reading(data, method)


@given(broken_answers(), cuts)
@settings(max_examples=400)
def test_whatever_we_accept_of_a_damaged_answer_h11_reads_the_same(data: bytes, places: list[int]) -> None:
    assert_never_laxer(data, our_reading(cut(data, places)))


@given(awkward_answers(), cuts, st.sampled_from(["GET", "HEAD"]))
@settings(max_examples=400)
@example(b"HTTP/1.1 104 X\r\ncontent-length: 3\r\n\r\nabcHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nX", [], "GET")
@example(b"HTTP/1.1 099 X\r\n\r\n", [], "GET")
def test_fields_that_must_not_meet_are_refused_or_read_as_h11_does(data: bytes, places: list[int], method: str) -> None:
    assert_never_laxer(data, our_reading(cut(data, places), method), method)


@given(st.one_of(st.binary(max_size=300), broken_answers(), awkward_answers()), cuts, st.sampled_from(["GET", "HEAD"]))
@settings(max_examples=300)
def test_how_bytes_are_cut_changes_nothing(data: bytes, places: list[int], method: str) -> None:
    """The outcome is that of the whole; only whether surplus came in time to be noticed depends on the cut."""
    whole, in_pieces = our_reading([data], method), our_reading(cut(data, places), method)
    if whole is None or in_pieces is None:
        assert whole is in_pieces
    else:
        assert (whole.status, whole.headers, whole.body) == (in_pieces.status, in_pieces.headers, in_pieces.body)
