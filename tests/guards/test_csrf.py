from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import Failure, GatewayError
from app.guards.csrf import check_csrf, is_fetch, token_header
from app.request_head import RequestHead

TOKEN = "the-token"


def head(method: str, sent: str | None = None) -> RequestHead:
    headers = [] if sent is None else [(b"x-csrf-token", sent.encode("latin-1"))]
    return RequestHead(method, "/", headers)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_reading_needs_no_token(method: str) -> None:
    check_csrf(head(method), TOKEN)
    check_csrf(head(method), "")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"])
def test_everything_else_needs_the_sessions_token(method: str) -> None:
    check_csrf(head(method, TOKEN), TOKEN)


@given(sent=st.one_of(st.none(), st.text(st.characters(max_codepoint=255))), expected=st.sampled_from(["", TOKEN]))
def test_attack_63_anything_else_is_refused(sent: str | None, expected: str) -> None:
    if sent == expected and expected:
        return
    with pytest.raises(GatewayError) as caught:
        check_csrf(head("POST", sent), expected)
    assert caught.value.failure is Failure.CSRF_REQUIRED
    assert caught.value.headers == ((b"x-csrf-token", b"Required"),)


@pytest.mark.parametrize(
    ("method", "sent", "expected"),
    [
        ("GET", "fetch", True),
        ("HEAD", " Fetch ", True),
        ("POST", "fetch", False),
        ("GET", TOKEN, False),
        ("GET", None, False),
    ],
)
def test_a_token_is_fetched_with_get_or_head(method: str, sent: str | None, expected: bool) -> None:
    assert is_fetch(head(method, sent)) is expected


def test_the_token_is_answered_in_the_header_it_is_asked_for() -> None:
    assert token_header(TOKEN) == (b"x-csrf-token", b"the-token")
