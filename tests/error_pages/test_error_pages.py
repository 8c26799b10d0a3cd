"""Error pages of the administrator."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.error_answer import CustomPage, ErrorPolicy, error_answer
from app.error_pages import read_error_pages
from app.errors import Failure, GatewayError
from app.request_head import RequestHead
from app.routing.descriptor_options import ErrorPage


def pages(workdir: Path, *entries: dict[str, object]) -> dict[int, CustomPage]:
    return dict(read_error_pages([ErrorPage.model_validate(entry) for entry in entries], workdir))


def test_files_are_read_for_each_of_their_statuses_and_the_last_entry_of_a_status_counts(tmp_path: Path) -> None:
    (tmp_path / "errors").mkdir()
    (tmp_path / "errors" / "40x.html").write_text("<h1>40x</h1>")
    (tmp_path / "errors" / "50x.json").write_text("{}")
    html = CustomPage(b"text/html; charset=utf-8", b"<h1>40x</h1>")
    assert pages(
        tmp_path,
        {"status": [401, 404], "file": "./errors/40x.html"},
        {"status": 502, "file": "/errors/50x.json"},
        {"status": [403, 404], "path": "forbidden p\u00e4ge.html"},
        {"status": 404, "file": "errors/40x.html"},
    ) == {
        401: html,
        404: html,
        502: CustomPage(b"application/json; charset=utf-8", b"{}"),
        403: CustomPage(redirect="/forbidden%20p%C3%A4ge.html"),
    }


def test_a_missing_file_is_an_error_at_start(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="missing"):
        pages(tmp_path, {"status": 404, "file": "missing.html"})


def head(target: str = "/x", accept: str = "text/html") -> RequestHead:
    return RequestHead("GET", target, [(b"accept", accept.encode())])


POLICY = ErrorPolicy(
    return_error_source=True,
    pages={404: CustomPage(b"text/html; charset=utf-8", b"custom"), 403: CustomPage(redirect="/forbidden.html")},
)


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_a_page_replaces_the_body_and_keeps_the_status(accept: str) -> None:
    answer = error_answer(GatewayError(Failure.NO_ROUTE), head(accept=accept), "id", POLICY)
    assert (answer.status, answer.body) == (404, b"custom")
    headers = dict(answer.headers)
    assert headers[b"content-type"] == b"text/html; charset=utf-8"
    assert headers[b"x-error-source"] == b"gateway"
    assert b"content-security-policy" not in headers


def test_a_path_is_redirected_to() -> None:
    answer = error_answer(GatewayError(Failure.SCOPE_MISSING), head(), "id", POLICY)
    assert (answer.status, dict(answer.headers)[b"location"]) == (302, b"/forbidden.html")


def test_a_page_that_fails_itself_is_not_redirected_to_again() -> None:
    answer = error_answer(GatewayError(Failure.SCOPE_MISSING), head("/forbidden.html?x=1"), "id", POLICY)
    assert answer.status == 403


def test_other_statuses_keep_our_page() -> None:
    assert error_answer(GatewayError(Failure.INTERNAL), head(), "id", POLICY).status == 500
