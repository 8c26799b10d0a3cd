"""Content types by extension."""

from __future__ import annotations

import pytest

from app.static_files.content_types import REPLACED_DEFAULT, content_type


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("page.html", b"text/html; charset=utf-8"),
        ("APP.JS", b"text/javascript; charset=utf-8"),
        ("library-preload.js.map", b"application/json; charset=utf-8"),
        ("i18n_de.properties", b"text/plain; charset=utf-8"),
        ("vector.svg", b"image/svg+xml; charset=utf-8"),
        ("pic.png", b"image/png"),
        ("font.woff2", b"font/woff2"),
        ("unknown.zzz", b"application/octet-stream"),
        ("LICENSE", b"application/octet-stream"),
    ],
)
def test_text_is_declared_utf_8_and_the_unknown_is_bytes(name: str, expected: bytes) -> None:
    assert content_type(name) == expected


def test_the_unknown_may_have_another_default() -> None:
    assert content_type("page.view", REPLACED_DEFAULT) == b"text/html; charset=utf-8"
