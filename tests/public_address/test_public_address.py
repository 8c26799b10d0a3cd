"""Where browsers reach us: what proxies in front say is believed only as far as it can be a plain address."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.login.return_url import safe_path
from app.public_address import public_prefix
from app.request_head import RequestHead


def prefix(target: str, forwarded: bytes | None) -> str:
    headers = [] if forwarded is None else [(b"x-forwarded-path", forwarded)]
    return public_prefix(RequestHead("GET", target, headers))


@pytest.mark.parametrize(
    ("target", "forwarded", "expected"),
    [
        ("/x", None, ""),
        ("/x", b"/x", ""),
        ("/x?a=b", b"/pre/x?a=b", "/pre"),
        ("/x?a=b", b"/pre/x", "/pre"),
        ("/", b"/pre/", "/pre"),
        ("/", b"/pre", ""),
        ("/x/y", b"/a-1/b.c/~d/x/y", "/a-1/b.c/~d"),
        ("/x", b"/pre/y", ""),
        ("/x", b"pre/x", ""),
        ("/x", b"", ""),
        ("/x", b"/\xe4/x", ""),
    ],
)
def test_the_prefix_is_what_was_removed_in_front_of_the_path(
    target: str, forwarded: bytes | None, expected: str
) -> None:
    assert prefix(target, forwarded) == expected


@pytest.mark.parametrize(
    "forwarded",
    [b"//evil.example/x", b"/\\evil/x", b"https://evil/x", b"/../x", b"/a/../x", b"/./x", b"/a//x", b"/%2f%2fevil/x",
     b"/@evil/x", b"/a;b/x", b"/a b/x", b"/a\x00/x", b"/a#/x", b"/<script>/x"],
)  # fmt: skip
def test_attack_46_what_could_lead_elsewhere_is_no_prefix(forwarded: bytes) -> None:
    assert prefix("/x", forwarded) == ""


@given(st.binary(max_size=60), st.text("/.ab%?", max_size=10))
def test_a_prefix_and_our_path_are_a_safe_path(forwarded: bytes, path: str) -> None:
    found = prefix(f"/{path}", forwarded + f"/{path}".encode())
    assert safe_path(f"{found}/x") == f"{found}/x"
