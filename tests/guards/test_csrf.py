from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import Failure, GatewayError
from app.guards.csrf import check_csrf, is_fetch, is_foreign_change, token_header
from app.guards.origins import ALLOW_CREDENTIALS
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


@pytest.mark.parametrize(
    ("method", "site", "origin", "foreign"),
    [
        ("POST", "cross-site", None, True),
        ("DELETE", "same-site", None, True),
        ("POST", "same-site", "https://evil.shop.example", True),
        ("POST", "same-origin", "null", False),
        ("POST", "none", None, False),
        ("POST", None, "https://evil.example", True),
        ("POST", None, "null", True),
        ("POST", None, "junk", True),
        ("POST", None, "http://shop.example", True),
        ("POST", None, "https://shop.example", False),
        ("POST", None, None, False),
        ("GET", "cross-site", "https://evil.example", False),
        ("OPTIONS", "cross-site", "https://evil.example", False),
    ],
)
def test_attack_63_changes_that_another_origin_asks_for_are_told_apart(
    method: str, site: str | None, origin: str | None, foreign: bool
) -> None:
    given = {"host": "shop.example", "x-forwarded-proto": "https", "sec-fetch-site": site, "origin": origin}
    headers = [(name.encode(), value.encode()) for name, value in given.items() if value is not None]
    sent = RequestHead(method, "/", headers)
    assert is_foreign_change(sent) is foreign
    assert not is_foreign_change(sent, (ALLOW_CREDENTIALS,))
