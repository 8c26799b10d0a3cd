"""Requests for the root path go to the welcome file."""

from __future__ import annotations

import pytest

from app.answer import Answer
from app.request_head import RequestHead
from app.static_files.welcome import welcome


@pytest.mark.parametrize(
    ("target", "welcome_file", "location"),
    [
        ("/", "/web/index.html", b"/web/index.html"),
        ("/?sap-language=DE", "/web/index.html", b"/web/index.html?sap-language=DE"),
        ("/?a=1", "/web/?b=2", b"/web/?b=2&a=1"),
        ("/", "/web/gr\u00fc\u00df.html", b"/web/gr%C3%BC%C3%9F.html"),
        ("/?\u00e9=\r\n", "/index.html", b"/index.html?%E9=%0D%0A"),
    ],
)
def test_the_root_path_is_redirected(target: str, welcome_file: str, location: bytes) -> None:
    answer = welcome(RequestHead("GET", target, ()), welcome_file)
    assert isinstance(answer, Answer)
    assert answer.status == 302
    assert dict(answer.headers)[b"location"] == location


def test_fetching_a_csrf_token_gets_the_content() -> None:
    head = RequestHead("GET", "/?a=1", ((b"x-csrf-token", b"Fetch"),), "10.0.0.1", "https")
    served = welcome(head, "web/index.html")
    assert isinstance(served, RequestHead)
    assert (served.method, served.target) == ("GET", "/web/index.html?a=1")
    assert (served.headers, served.client, served.scheme) == (head.headers, "10.0.0.1", "https")


@pytest.mark.parametrize("file", ["index.html", "/index.html"])
@pytest.mark.parametrize("base", ["", "/shop"])
def test_behind_a_proxy_with_a_path_of_its_own_the_file_is_below_it(file: str, base: str) -> None:
    head = RequestHead("GET", f"{base}/", ((b"x-forwarded-path", f"/apps{base}/".encode()),))
    answer = welcome(head, file, base)
    assert isinstance(answer, Answer)
    assert dict(answer.headers)[b"location"] == f"/apps{base}/index.html".encode()


def test_other_paths_go_on() -> None:
    head = RequestHead("GET", "/web/", ())
    assert welcome(head, "/web/index.html") is head


@pytest.mark.parametrize("file", ["index.html", "/index.html"])
def test_below_a_base_the_file_is_below_it_too(file: str) -> None:
    answer = welcome(RequestHead("GET", "/shop/?a=b", ()), file, "/shop")
    assert isinstance(answer, Answer)
    assert dict(answer.headers)[b"location"] == b"/shop/index.html?a=b"
    fetching = RequestHead("GET", "/shop/", ((b"x-csrf-token", b"fetch"),))
    served = welcome(fetching, file, "/shop")
    assert isinstance(served, RequestHead)
    assert served.target == "/shop/index.html"
    other = RequestHead("GET", "/", ())
    assert welcome(other, file, "/shop") is other
