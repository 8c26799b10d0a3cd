"""Unsafe paths are refused in every disguise, ordinary ones pass."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import Failure, GatewayError
from app.routing.path_safety import _danger_in, refuse_unsafe_path

ORDINARY = [
    "/",
    "/a/x",
    "/a/x%2Fy%20z%C3%BC",
    "/a/.well-known/x",
    "/a..b/c",
    "/Items(%27A%2FB%27)/x",
    "/a;v=1/b",
    "/100%25",
    "/a/%2520b",
    "/x%FCy",
    "/a//b",
    "/~user/",
    "/a/%C2%BD",
    "/a/...",
    "/file%2etxt",
    "/%E3%81%82",
    "/proxy/http://x/y",
    "/a/x%",
    "/a/%zz",
    "/batch/$batch",
    "/a/%d0%90",
    "/a.b/c.d",
]

UNSAFE = [
    "/..",
    "/a/../b",
    "/a/..",
    "/a/.",
    "/a/%2e%2e/b",
    "/a/.%2E/b",
    "/a/%252e%252e/b",
    "/a/%25252e%25252e",
    "/a/%c0%ae%c0%ae/b",
    "/a/%ef%bc%8e%ef%bc%8e/b",
    "/a/..%2fb",
    "/a%2f..%2fb",
    "/a/%5cb",
    "/a\\b",
    "/a/..;/b",
    "/a/..;x=1/b",
    "/a;x=../b",
    "/a%00",
    "/a%0d%0a",
    "//admin",
    "/./admin",
    "@evil",
    "*",
    "a/b",
    "http://x/",
    "/a#b",
    "/a%252Fb",
    "/a%255c",
    "/a/%ef%bc%8fb",
    "/a/%u002e%u002e/",
    "/a/%e2%80%a5/b",
    "/%25%32%65%25%32%65/x",
    "/a/%e0%80%ae%e0%80%ae/",
    "/a/..%20/b",
    "/a/%20../b",
    "/%2525252525252e",
    "/a/%e2%88%95b",
    "/%2e",
    "/a%2F../b",
]


@pytest.mark.parametrize("path", ORDINARY)
def test_ordinary_paths_pass(path: str) -> None:
    refuse_unsafe_path(path)


@pytest.mark.parametrize("path", [*UNSAFE, "", "/a b", "/a\x00b", "/a\x7f"])
def test_disguised_paths_are_refused(path: str) -> None:
    with pytest.raises(GatewayError) as caught:
        refuse_unsafe_path(path)
    assert caught.value.failure is Failure.PATH_REFUSED


@given(st.text(st.sampled_from("/.%25eE2fFcC0;x\\a"), max_size=14))
def test_the_quick_test_lets_nothing_pass_that_the_careful_one_refuses(tail: str) -> None:
    path = "/" + tail
    try:
        refuse_unsafe_path(path)
    except GatewayError:
        assert _danger_in(path)
    else:
        assert not _danger_in(path)


def test_no_letter_of_two_bytes_turns_into_a_separator() -> None:
    normal = (unicodedata.normalize("NFKC", chr(point)) for point in range(0x80, 0x800))
    assert not any(set(text) & set("./\\") for text in normal)
