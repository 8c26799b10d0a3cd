"""`Vary` names each request header once."""

from __future__ import annotations

import pytest

from app.vary import add_vary


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([], [(b"vary", b"Origin")]),
        ([(b"vary", b"Accept-Encoding")], [(b"vary", b"Accept-Encoding, Origin")]),
        ([(b"vary", b"accept , origin")], [(b"vary", b"accept , origin")]),
        ([(b"vary", b"*")], [(b"vary", b"*")]),
        ([(b"vary", b"")], [(b"vary", b"Origin")]),
        ([(b"a", b"b"), (b"vary", b"X-Origin")], [(b"a", b"b"), (b"vary", b"X-Origin, Origin")]),
    ],
)
def test_a_request_header_is_added_where_it_is_missing(
    before: list[tuple[bytes, bytes]], after: list[tuple[bytes, bytes]]
) -> None:
    add_vary(before, b"Origin")
    assert before == after
