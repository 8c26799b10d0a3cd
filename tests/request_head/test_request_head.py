"""The path of a request has one spelling, and means what was sent."""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.request_head import RequestHead

PIECES = st.sampled_from([*"%%%%0123456789abcdefABCDEF/.~-_", "%2", "%41", "%2e", "%252e", "%C3%BC"])


def target(path: bytes, query: bytes = b"") -> str:
    scope: dict[str, object] = {"raw_path": path, "query_string": query, "client": None, "scheme": "http"}
    return RequestHead.from_scope({**scope, "headers": []}).target


@pytest.mark.parametrize(
    ("sent", "seen"),
    [
        (b"/%61dmin/x", "/admin/x"),
        (b"/%7Euser/%41%2D%5f%2E", "/~user/A-_."),
        (b"/a%2Fb%20c%25%C3%BC%3b", "/a%2Fb%20c%25%C3%BC%3b"),
        (b"/%%32e", "/%%32e"),
        (b"/%2%35", "/%2%35"),
        (b"/%zz%4", "/%zz%4"),
    ],
)
def test_needless_escapes_are_undone_and_nothing_else(sent: bytes, seen: str) -> None:
    assert target(sent) == seen


def test_the_query_stays_as_it_was_sent() -> None:
    assert target(b"/%61", b"x=%61&%7E") == "/a?x=%61&%7E"


@given(st.lists(PIECES, max_size=12).map("".join))
def test_it_decodes_to_what_was_sent_however_often(text: str) -> None:
    sent = b"/" + text.encode()
    seen = target(sent).encode("latin-1")
    for _ in range(3):
        sent, seen = unquote_to_bytes(sent), unquote_to_bytes(seen)
        assert seen == sent
