"""JavaScript regular expressions mean here what they mean in JavaScript.

`js_vectors.json` holds results of a JavaScript engine: pattern, flags, and for texts start, end and groups of the
match; null instead of texts where the pattern is a syntax error.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import Failure, GatewayError
from app.routing.js_regex import LONGEST_BACKTRACKING, PatternError, compile_pattern

VECTORS: list[Any] = json.loads((Path(__file__).parent / "js_vectors.json").read_text(encoding="utf-8"))
VALID = [vector for vector in VECTORS if vector[2] is not None]
INVALID = [vector[0] for vector in VECTORS if vector[2] is None]

LATIN1 = st.text(st.characters(min_codepoint=0, max_codepoint=255), max_size=40)


def test_all_vectors_agree_with_javascript() -> None:
    disagreements = []
    for source, flags, results in VALID:
        pattern = compile_pattern(source, flags == "i")
        for text, expected in results:
            found = pattern.search(text)
            actual = [found.start, found.end, list(found.groups)] if found else None
            if actual != expected:
                disagreements.append((source, flags, text, expected, actual))
    assert len(VALID) > 200
    assert disagreements == []


@pytest.mark.parametrize("source", INVALID)
def test_syntax_errors_of_javascript_are_errors_here(source: str) -> None:
    with pytest.raises(PatternError):
        compile_pattern(source)


@pytest.mark.parametrize("look", ["", "(?=/)"])
@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("^/(a+){1,1001}x$", "at most 1000 repetitions of a group"),
        ("^/(a{1,65535}){1,65535}$", "at most 10000 repetitions"),
        ("^/(?:a{1,2000}){1,6}$", "more than 10000 characters"),
        ("^/a{0,99999999999999999999999}", "at most 10000 repetitions"),
        ("^/a{" + "9" * 5000 + "}", "at most 10000 repetitions"),
        ("^/(a{1,1000}){1,1000}$", "more than 10000 characters"),
        ("^/" + "[^/]{1,1000}" * 100, "more than 10000 characters"),
        ("^/" + "(" * 101 + ")" * 101, "at most 100 groups"),
        ("^/" + "(?:" * 5000 + ")" * 5000, "at most 100 groups"),
    ],
)
def test_what_would_take_too_long_is_no_pattern(source: str, reason: str, look: str) -> None:
    """None of it falls back to backtracking."""
    start = time.monotonic()
    with pytest.raises(PatternError, match=reason):
        compile_pattern(look + source)
    assert time.monotonic() - start < 1


def test_repetitions_inside_each_other_count_together() -> None:
    with pytest.raises(PatternError, match="repetitions inside each other multiply: at most 1000"):
        compile_pattern("(?:a{500}){3}")


@pytest.mark.parametrize(
    "source",
    [
        "^/a{1000}$",
        "^/(a{2,100}){1,10}",
        "^/" + "(" * 100 + "a" + ")" * 100,
        "^/a{0001}",
        "^/a{0,}",
        "a{,1001}",
        "^/a{" + "0" * 5000 + "7}",
    ],
)
def test_what_stays_below_the_limits_runs_in_linear_time(source: str) -> None:
    assert compile_pattern(source).linear


@pytest.mark.parametrize(
    ("source", "lengths"),
    [
        ("^/a{1001}$", {1001}),
        ("^/a{0,1024}$", range(1025)),
        ("^/a{500,2500}$", range(500, 2501)),
        ("^/a{2000}$", {2000}),
        ("^/a{1500,}$", range(1500, 3000)),
        ("^/a{1,2000}?$", range(1, 2001)),
        ("^/(?!b)a{1,1001}$", range(1, 1002)),
    ],
)
def test_large_numbers_of_repetitions_are_exact(source: str, lengths: Collection[int]) -> None:
    pattern = compile_pattern(source)
    for length in (0, 1, 499, 500, 1000, 1001, 1002, 1024, 1025, 1499, 1500, 2000, 2001, 2500, 2501, 2999):
        assert (pattern.search("/" + "a" * length) is not None) is (length in lengths), length


@pytest.mark.parametrize("look", ["", "(?=a)"])
def test_numbers_of_repetitions_may_begin_with_zeros(look: str) -> None:
    found = compile_pattern(look + "a{002,0003}").search("aaaaa")
    assert found is not None
    assert (found.start, found.end) == (0, 3)


@pytest.mark.parametrize(
    ("source", "ignore_case", "prefix"),
    [
        ("^/app/(.*)$", False, "/app/"),
        (r"^\/app\.x/", False, "/app.x/"),
        ("/app/", False, ""),
        ("^/a|/b", False, ""),
        ("^/ab*", False, "/a"),
        ("^/ab?c", False, "/a"),
        ("^/(a)b", False, "/"),
        ("^", False, ""),
        ("^/App/", True, "/"),
        ("^/12/a", True, "/12/"),
        ("^/a(?!b)c", False, "/a"),
        ("(^/a)b", False, ""),
        (r"^/a\/[b]", False, "/a/"),
    ],
)
def test_the_literal_prefix_is_what_every_match_starts_with(source: str, ignore_case: bool, prefix: str) -> None:
    assert compile_pattern(source, ignore_case).prefix == prefix


@given(LATIN1)
def test_no_match_lacks_the_prefix(text: str) -> None:
    for source in ("^/app/(.*)$", "^/a+", "^/(?:a|b)", r"^\/x?"):
        pattern = compile_pattern(source)
        if pattern.search(text):
            assert text.startswith(pattern.prefix)


@given(LATIN1)
def test_offsets_count_characters_of_the_text(text: str) -> None:
    found = compile_pattern("(.*)x").search(text + "\xffx")
    assert found is not None
    assert (text + "\xffx")[found.start : found.end] == (found.groups[0] or "") + "x"


@given(st.text(max_size=30), st.booleans())
def test_any_text_is_a_pattern_or_a_pattern_error(source: str, ignore_case: bool) -> None:
    with contextlib.suppress(PatternError):
        assert compile_pattern(source, ignore_case).source == source


def test_a_pattern_that_explodes_elsewhere_is_linear() -> None:
    pattern = compile_pattern("^/(a+)+$")
    started = time.process_time()
    assert pattern.linear
    assert pattern.search("/" + "a" * 64_000 + "!") is None
    assert time.process_time() - started < 1


def test_look_around_runs_on_short_texts_only() -> None:
    pattern = compile_pattern("^/(?!api)(.*)$")
    assert not pattern.linear
    assert pattern.search("/x") is not None
    assert pattern.search("/api") is None
    with pytest.raises(GatewayError) as caught:
        pattern.search("/" + "x" * LONGEST_BACKTRACKING)
    assert caught.value.failure is Failure.URI_TOO_LONG


def test_unsupported_look_behind_is_named() -> None:
    with pytest.raises(PatternError, match="look-behind"):
        compile_pattern("(?<=a|bc)d")


def test_names_of_groups_are_known() -> None:
    assert compile_pattern("(?<first>a)(b)(?<third>c)").names == {"first": 1, "third": 3}


@given(st.lists(st.sampled_from(["/a/", "b", "\n", "\r", "\xe9", "/A/"]), max_size=6).map("".join))
def test_the_form_most_routes_have_needs_no_engine_and_means_the_same(text: str) -> None:
    for source, spelled_otherwise in (
        ("^/a/(.*)$", "^/a/(.{0,})$"),
        ("^/a/(.*)", "^/a/(.{0,})"),
        ("^(.*)$", "^(.{0,})$"),
    ):
        assert compile_pattern(source).search(text) == compile_pattern(spelled_otherwise).search(text)
        assert compile_pattern(source, True).search(text) == compile_pattern(spelled_otherwise, True).search(text)
