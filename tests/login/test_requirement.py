from __future__ import annotations

import pytest

from app.errors import Failure, GatewayError
from app.login.requirement import Requirement, decide, is_script
from app.request_head import RequestHead


def test_a_known_caller_proceeds() -> None:
    for method in ("GET", "POST", "HEAD"):
        assert decide(RequestHead(method, "/", []), is_known=True) is Requirement.PROCEED


def test_a_page_without_session_leads_to_the_login() -> None:
    assert decide(RequestHead("GET", "/", []), is_known=False) is Requirement.LOGIN


@pytest.mark.parametrize(
    ("headers", "asks"),
    [
        ([], False),
        ([(b"x-requested-with", b"XMLHttpRequest")], True),
        ([(b"x-requested-with", b"XMLHttpRequest, XMLHttpRequest")], True),
        ([(b"x-requested-with", b"com.example.app")], False),
        ([(b"sec-fetch-dest", b"empty"), (b"sec-fetch-mode", b"cors")], True),
        ([(b"sec-fetch-dest", b"empty"), (b"sec-fetch-mode", b"same-origin")], True),
        ([(b"sec-fetch-dest", b"document"), (b"sec-fetch-mode", b"navigate")], False),
        ([(b"sec-fetch-dest", b"empty"), (b"sec-fetch-mode", b"navigate")], False),
        ([(b"sec-fetch-dest", b"script"), (b"sec-fetch-mode", b"no-cors")], False),
    ],
)
def test_a_script_is_told_from_a_person(headers: list[tuple[bytes, bytes]], asks: bool) -> None:
    assert is_script(RequestHead("GET", "/", headers)) is asks


@pytest.mark.parametrize(
    ("method", "with_header", "is_websocket"),
    [
        ("GET", b"XMLHttpRequest", False),
        ("GET", b"xmlhttprequest", False),
        ("GET", None, True),
        ("HEAD", None, False),
        ("POST", None, False),
        ("DELETE", None, False),
        ("OPTIONS", None, False),
    ],
)
def test_where_a_redirect_helps_nobody_it_is_401(method: str, with_header: bytes | None, is_websocket: bool) -> None:
    headers = [(b"x-requested-with", with_header)] if with_header else []
    with pytest.raises(GatewayError) as caught:
        decide(RequestHead(method, "/", headers), is_known=False, is_websocket=is_websocket)
    assert caught.value.failure is Failure.LOGIN_REQUIRED
    assert caught.value.headers[0][0] == b"www-authenticate"
