"""Content types by extension."""

from __future__ import annotations

import pytest

from app.static_files.content_types import content_type, replaced_content_type


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("page.html", b"text/html; charset=utf-8"),
        ("APP.JS", b"text/javascript; charset=utf-8"),
        ("library-preload.js.map", b"application/json; charset=utf-8"),
        ("i18n_de.properties", b"text/plain; charset=utf-8"),
        ("vector.svg", b"image/svg+xml; charset=utf-8"),
        ("theme.less", b"text/less; charset=utf-8"),
        ("theme.scss", b"text/x-scss; charset=utf-8"),
        ("server.log", b"text/plain; charset=utf-8"),
        ("nginx.conf", b"text/plain; charset=utf-8"),
        ("setup.ini", b"text/plain; charset=utf-8"),
        ("row.hbs", b"text/x-handlebars-template; charset=utf-8"),
        ("context.jsonld", b"application/ld+json; charset=utf-8"),
        ("news.rss", b"application/rss+xml; charset=utf-8"),
        ("news.atom", b"application/atom+xml; charset=utf-8"),
        ("types.xsd", b"application/xml; charset=utf-8"),
        ("service.wsdl", b"application/wsdl+xml; charset=utf-8"),
        ("sheet.xlsm", b"application/vnd.ms-excel.sheet.macroEnabled.12"),
        ("pic.png", b"image/png"),
        ("font.woff2", b"font/woff2"),
        ("unknown.zzz", b"application/octet-stream"),
        ("LICENSE", b"application/octet-stream"),
    ],
)
def test_text_is_declared_utf_8_and_the_unknown_is_bytes(name: str, expected: bytes) -> None:
    assert content_type(name) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("conf.JSON", b"application/json; charset=utf-8"),
        ("app.js", b"text/javascript; charset=utf-8"),
        ("style.css", b"text/css; charset=utf-8"),
        ("readme.txt", b"text/plain; charset=utf-8"),
        *((name, b"text/html; charset=utf-8") for name in ("page.html", "page.view", "page.xhtml", "a.xml", "page")),
    ],
)
def test_a_file_with_placeholders_is_a_page_but_for_a_few_extensions(name: str, expected: bytes) -> None:
    assert replaced_content_type(name) == expected
