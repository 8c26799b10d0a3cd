"""Answers that are one user's stay out of shared caches."""

from __future__ import annotations

import pytest

from app.cache_control import make_private, unshared


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ([], [b"private"]),
        ([b"public, max-age=600"], [b"private, max-age=600"]),
        ([b"Public,S-MaxAge=60 , no-transform"], [b"private, no-transform"]),
        ([b"public", b"max-age=5"], [b"private, max-age=5"]),
        ([b"no-store"], [b"private, no-store"]),
        ([b"private"], [b"private"]),
        ([b""], [b"private"]),
        ([b'no-cache="set-cookie, x", public'], [b'private, no-cache="set-cookie, x", public']),
    ],
)
def test_shared_caches_are_left_out_and_nothing_else_changes(said: list[bytes], says: list[bytes]) -> None:
    headers = [(b"a", b"1"), *((b"cache-control", value) for value in said)]
    make_private(headers)
    assert headers == [(b"a", b"1"), *((b"cache-control", value) for value in says)]


def test_what_somebody_says_of_caches_counts() -> None:
    assert unshared(((b"a", b"1"),)) == ((b"a", b"1"), (b"cache-control", b"private"))
    assert unshared(((b"cache-control", b"public"),)) == ((b"cache-control", b"public"),)
