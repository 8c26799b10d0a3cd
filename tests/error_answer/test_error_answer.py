"""Failures become answers that help and reveal nothing."""

from __future__ import annotations

import json
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.answer import Answer
from app.error_answer import MAX_DETAIL, CustomPage, ErrorPolicy, error_answer
from app.errors import Failure, GatewayError
from app.request_head import RequestHead

PROGRAM = RequestHead("GET", "/x", ((b"accept", b"application/json"),))
BROWSER = RequestHead("GET", "/x", ((b"accept", b"text/html,application/xhtml+xml"),))
CORRELATION = "b0219fb0-8185-4f2c-b1b9-d99720919ede"
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl"


def headers_of(answer: Answer) -> dict[bytes, bytes]:
    found = dict(answer.headers)
    assert len(found) == len(answer.headers)
    return found


class TextOnly(HTMLParser):
    """Collects what a reader sees."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []

    def handle_data(self, data: str) -> None:
        self.pieces.append(data)


def visible_text(page: bytes) -> str:
    parser = TextOnly()
    parser.feed(page.decode())
    return " ".join(parser.pieces)


@pytest.mark.parametrize("failure", Failure)
def test_every_failure_is_explained_to_programs(failure: Failure) -> None:
    answer = error_answer(GatewayError(failure, "what happened"), PROGRAM, CORRELATION)
    row = failure.value
    headers = headers_of(answer)
    assert answer.status == row.status
    assert headers[b"content-type"] == b"application/problem+json"
    assert headers[b"x-error-origin"] == row.hop.encode()
    assert headers[b"x-error-message"] == f"{row.title}: what happened".encode()
    assert headers[b"cache-control"] == b"no-store"
    assert (b"www-authenticate" in headers) is (row.status == 401)
    assert (b"retry-after" in headers) is (row.status == 503)
    problem = json.loads(answer.body)
    assert problem["type"].startswith("urn:gangway:error:")
    assert (problem["status"], problem["title"], problem["detail"]) == (row.status, row.title, "what happened")
    assert (problem["hop"], problem["advice"], problem["correlationId"]) == (row.hop, row.advice, CORRELATION)


def test_scripts_without_a_session_are_told_where_to_log_in() -> None:
    policy = ErrorPolicy(login="/.gangway/login")
    ended = error_answer(GatewayError(Failure.LOGIN_REQUIRED), PROGRAM, CORRELATION, policy)
    assert json.loads(ended.body)["login"] == "/.gangway/login"
    for other in (Failure.SCOPE_MISSING, Failure.TOKEN_REFUSED, Failure.BASIC_REQUIRED):
        assert "login" not in json.loads(error_answer(GatewayError(other), PROGRAM, CORRELATION, policy).body)
    assert "login" not in json.loads(error_answer(GatewayError(Failure.LOGIN_REQUIRED), PROGRAM, CORRELATION).body)


@pytest.mark.parametrize("failure", Failure)
def test_every_failure_is_explained_to_people(failure: Failure) -> None:
    answer = error_answer(GatewayError(failure, "what happened"), BROWSER, CORRELATION)
    assert headers_of(answer)[b"content-type"] == b"text/html; charset=utf-8"
    text = visible_text(answer.body)
    for part in (failure.value.title, failure.value.advice, failure.value.hop, "what happened", CORRELATION):
        assert part in text


def test_types_are_different_for_every_failure() -> None:
    types = {json.loads(error_answer(GatewayError(failure), PROGRAM, CORRELATION).body)["type"] for failure in Failure}
    assert len(types) == len(Failure)


@pytest.mark.parametrize(
    ("method", "headers", "page"),
    [
        ("GET", ((b"accept", b"text/html"),), True),
        ("HEAD", ((b"accept", b"Text/HTML;q=0.9"),), True),
        ("POST", ((b"accept", b"text/html"),), False),
        ("POST", ((b"sec-fetch-mode", b"navigate"),), True),
        ("GET", ((b"accept", b"*/*"), (b"sec-fetch-mode", b"cors")), False),
        ("GET", (), False),
    ],
)
def test_pages_are_for_navigation(method: str, headers: tuple[tuple[bytes, bytes], ...], page: bool) -> None:
    answer = error_answer(GatewayError(Failure.NO_ROUTE), RequestHead(method, "/x", headers), CORRELATION)
    assert answer.body.startswith(b"<!doctype html>") is page


def test_a_page_runs_and_loads_nothing_and_escapes_what_it_shows() -> None:
    answer = error_answer(GatewayError(Failure.NO_ROUTE, "<script>alert('x')</script>&\"{title}"), BROWSER, CORRELATION)
    assert b"<script" not in answer.body
    assert "<script>alert('x')</script>&\"{title}" in visible_text(answer.body)
    assert headers_of(answer)[b"content-security-policy"].startswith(b"default-src 'none'")


@pytest.mark.parametrize("reader", [PROGRAM, BROWSER])
def test_what_is_for_the_log_alone_is_not_shown_and_better_advice_is(reader: RequestHead) -> None:
    error = GatewayError(Failure.BACKEND_TLS_FAILED, "a detail", advice="Do that.", logged="valid for 10.0.0.7")
    answer = error_answer(error, reader, CORRELATION)
    assert "10.0.0.7" not in answer.body.decode()
    assert "10.0.0.7" not in str(answer.headers)
    assert "Do that." in answer.body.decode()
    assert Failure.BACKEND_TLS_FAILED.value.advice not in answer.body.decode()


def test_without_a_detail_the_advice_is_the_detail() -> None:
    answer = error_answer(GatewayError(Failure.BACKEND_TIMEOUT), PROGRAM, CORRELATION)
    assert json.loads(answer.body)["detail"] == Failure.BACKEND_TIMEOUT.value.advice
    assert headers_of(answer)[b"x-error-message"] == b"Backend timeout"


def test_tokens_never_show_even_when_a_detail_has_one() -> None:
    error = GatewayError(Failure.XSUAA_REFUSED, f"refused Bearer {JWT} with client_secret=hunter2")
    for head in (PROGRAM, BROWSER):
        answer = error_answer(error, head, CORRELATION)
        shown = answer.body + b"".join(value for _, value in answer.headers)
        assert JWT.encode() not in shown
        assert b"hunter2" not in shown


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_source_is_named_when_configured(method: str) -> None:
    head = RequestHead(method, "/x", ())
    error = GatewayError(Failure.BACKEND_TIMEOUT)
    assert b"x-error-source" not in headers_of(error_answer(error, head, CORRELATION))
    marked = error_answer(error, head, CORRELATION, ErrorPolicy(return_error_source=True))
    assert headers_of(marked)[b"x-error-source"] == b"gateway"


def test_a_configured_page_replaces_the_body_alone() -> None:
    policy = ErrorPolicy(pages={401: CustomPage(b"text/html; charset=utf-8", b"<h1>custom</h1>")})
    error = GatewayError(Failure.LOGIN_REQUIRED)
    for head in (PROGRAM, BROWSER):
        answer = error_answer(error, head, CORRELATION, policy)
        assert (answer.status, answer.body) == (401, b"<h1>custom</h1>")
        assert headers_of(answer)[b"content-type"] == b"text/html; charset=utf-8"
        assert headers_of(answer)[b"x-error-origin"] == b"session"
        assert b"content-security-policy" not in headers_of(answer)
    assert error_answer(GatewayError(Failure.NO_ROUTE), PROGRAM, CORRELATION, policy).status == 404


@pytest.mark.parametrize(
    ("failure", "challenge"),
    [
        (Failure.BASIC_REQUIRED, b'Basic realm="gangway", charset="UTF-8"'),
        (Failure.TOKEN_REFUSED, b'Bearer error="invalid_token"'),
        (Failure.LOGIN_REQUIRED, b"Bearer"),
    ],
)
def test_a_401_says_which_credentials_are_wanted(failure: Failure, challenge: bytes) -> None:
    assert headers_of(error_answer(GatewayError(failure), PROGRAM, CORRELATION))[b"www-authenticate"] == challenge


def test_headers_of_the_error_win() -> None:
    error = GatewayError(Failure.OVERLOADED, headers=((b"retry-after", b"60"),))
    assert headers_of(error_answer(error, PROGRAM, CORRELATION))[b"retry-after"] == b"60"
    error = GatewayError(Failure.METHOD_NOT_ALLOWED, headers=((b"allow", b"GET"),))
    assert headers_of(error_answer(error, PROGRAM, CORRELATION))[b"allow"] == b"GET"


@given(st.text(max_size=2000))
def test_wild_details_stay_within_one_bounded_header_line(detail: str) -> None:
    for head in (PROGRAM, BROWSER):
        answer = error_answer(GatewayError(Failure.DESTINATION_UNUSABLE, detail), head, CORRELATION)
        message = headers_of(answer)[b"x-error-message"]
        assert all(32 <= byte < 127 for byte in message)
        assert len(message) <= MAX_DETAIL + 100
    json.loads(error_answer(GatewayError(Failure.INTERNAL, detail), PROGRAM, CORRELATION).body)
