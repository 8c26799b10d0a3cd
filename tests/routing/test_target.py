"""Targets are rewritten as JavaScript's `String.replace` does it."""

from __future__ import annotations

import pytest

from app.routing.js_regex import compile_pattern
from app.routing.target import address_text, compile_template, rewrite


def rewritten(source: str, target: str | None, text: str) -> str:
    """The address after a route of this source and target."""
    pattern = compile_pattern(source)
    found = pattern.search(text)
    assert found is not None
    return rewrite(compile_template(target, pattern.groups, pattern.names) if target else None, text, found)


@pytest.mark.parametrize(
    ("source", "target", "text", "expected"),
    [
        ("^/a/(.*)$", "$1", "/a/x", "/x"),
        ("^/a/(.*)$", None, "/a/x?y", "/a/x?y"),
        ("^/swap/([^/]+)/([^/]+)$", "/$2/$1/end", "/swap/one/two", "/two/one/end"),
        ("^/fixed/", "/constant", "/fixed/abc?x=1", "/constantabc?x=1"),
        ("^/strip(/.*)?$", "$1", "/strip", "/"),
        ("/k/(.*)", "$1", "/pre/k/abc?x", "/preabc?x"),
        ("q=(\\d+)", "R$1", "/zz?q=12&b=1", "/zz?R12&b=1"),
        ("^/d(.*)$", "/a$$b", "/d1", "/a$b"),
        ("^/e(.*)$", "/x$&y", "/e1", "/x/e1y"),
        ("^/f(.*)$", "/$10-$01", "/f1", "/10-1"),
        ("^/g(.*)$", "/$0-$2", "/g1", "/$0-$2"),
        ("^/h(?<n>.*)$", "/$<n>z$<m>", "/habc", "/abcz"),
        ("^/h(.*)$", "/$<n>", "/habc", "/$<n>"),
        ("/i(.*)$", "[$`][$']", "/p/iabc", "/p[/p][]"),
        ("^/a/(.*)$", "$1", "/a/x%2Fy%20z%C3%BC", "/x%2Fy%20z%C3%BC"),
    ],
)
def test_the_target_takes_the_place_of_the_match(source: str, target: str | None, text: str, expected: str) -> None:
    assert rewritten(source, target, text) == expected


@pytest.mark.parametrize(
    ("target", "text"),
    [
        ("/\u20ac/$1", "/%E2%82%AC/$1"),
        ("/\u00e4", "/%C3%A4"),
        ("/a b?c d=\u00e4&$2", "/a%20b?c%20d=%C3%A4&$2"),
        ("/%E4/%20/$<name>", "/%E4/%20/$<name>"),
        ("/$&$`$'$$$10", "/$&$`$'$$$10"),
        ("$1", "$1"),
        ("..", ".."),
        ("/a..b/...", "/a..b/..."),
        ("/x?to=//a/../b\\c", "/x?to=//a/../b\\c"),
        ("/{a}|<b>^'\"", "/{a}|<b>^'\""),
        ("./index.html", "index.html"),
        ("././$1", "$1"),
        ("./", "/"),
        ("/index.html#Shell", "/index.html"),
        ("/a?b#c", "/a?b"),
        ("", ""),
    ],
)
def test_a_target_is_written_as_addresses_are(target: str, text: str) -> None:
    assert address_text(target) == text


@pytest.mark.parametrize("target", ["/a\nb", "/a?\x7f", "a\\b", "/./$1", "a/../$1", "/\uff0f", "\ud800"])
def test_a_target_by_which_every_request_would_be_refused_is_none(target: str) -> None:
    with pytest.raises(ValueError, match=r"^(a path|a safe path|text)"):
        address_text(target)
