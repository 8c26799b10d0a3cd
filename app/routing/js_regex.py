"""JavaScript regular expressions on request targets, in linear time.

Patterns run on google-re2; what it cannot run because of its size is refused. Only those that need look-around or
back-references run on Python's backtracking engine instead, and then only on texts of at most `LONGEST_BACKTRACKING`
characters; longer ones are refused, because what cannot be decided must not pass. Texts are latin-1: one character is
one byte of the request.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import NamedTuple, Protocol

import re2

from app.errors import Failure, GatewayError
from app.routing.js_regex_parser import (
    BACKTRACKING,
    LINEAR,
    NeedsBacktracking,
    PatternError,
    Translation,
    translate,
)
from app.routing.prefix_engine import SimplePattern, prefix_search, simple_pattern
from app.routing.repetition import MAX_REPEAT

__all__ = ["LONGEST_BACKTRACKING", "Match", "Pattern", "PatternError", "compile_pattern"]

LONGEST_BACKTRACKING = 8192


class Match(NamedTuple):
    """Where a pattern matched; `groups[0]` is group 1, None for a group that took no part."""

    start: int
    end: int
    groups: tuple[str | None, ...]


class _Engine(Protocol):
    def search(self, text: str) -> Match | None: ...


class _PrefixEngine:
    """For simple patterns; a Match is made of what the plain function finds."""

    __slots__ = ("_find",)

    def __init__(self, pattern: SimplePattern, general: _Engine) -> None:
        self._find = prefix_search(pattern, general.search)

    def search(self, text: str) -> Match | None:
        """The first match in `text`, or None."""
        found = self._find(text)
        return Match(*found) if found is not None else None


class Pattern:
    """A compiled JavaScript regular expression.

    `prefix` is a literal text every match starts with at the very beginning of the input, "" when there is none.
    `linear` tells whether it runs in linear time.
    """

    __slots__ = ("groups", "linear", "names", "prefix", "search", "source")

    def __init__(self, source: str, translation: Translation, engine: _Engine, linear: bool) -> None:
        self.source = source
        self.prefix = translation.prefix
        self.groups = translation.groups
        self.names: Mapping[str, int] = translation.names
        self.linear = linear
        self.search = engine.search


class _Re2Engine:
    __slots__ = ("_find", "_spans")

    def __init__(self, translated: str, groups: int, ignore_case: bool) -> None:
        options = re2.Options()
        options.encoding = re2.Options.Encoding.LATIN1
        options.case_sensitive = not ignore_case
        options.log_errors = False
        self._find = re2.compile(translated.encode("latin-1"), options).search
        self._spans = range(1, groups + 1)

    def search(self, text: str) -> Match | None:
        """The first match in `text`, or None."""
        found = self._find(text.encode("latin-1"))
        if found is None:
            return None
        start, end = found.span()
        return Match(start, end, tuple([text[a:b] if a >= 0 else None for a, b in map(found.span, self._spans)]))


class _BacktrackingEngine:
    __slots__ = ("_find",)

    def __init__(self, translated: str, ignore_case: bool) -> None:
        self._find = re.compile(translated, re.IGNORECASE if ignore_case else re.NOFLAG).search

    def search(self, text: str) -> Match | None:
        """The first match in `text`, or None; raises URI_TOO_LONG where it could take too long."""
        if len(text) > LONGEST_BACKTRACKING:
            raise GatewayError(Failure.URI_TOO_LONG, f"at most {LONGEST_BACKTRACKING} characters here")
        found = self._find(text)
        return Match(found.start(), found.end(), found.groups()) if found else None


@functools.lru_cache(maxsize=4096)
def compile_pattern(source: str, ignore_case: bool = False) -> Pattern:
    """Compile a JavaScript regular expression (no flags but `i`); raises `PatternError` saying what is wrong."""
    try:
        return _linear(source, ignore_case)
    except NeedsBacktracking:
        translation = translate(source, ignore_case, BACKTRACKING)
    except re2.error as error:
        reason = error.args[0] if error.args else ""
        text = reason.decode("latin-1") if isinstance(reason, bytes) else reason
        if "repetition size" in text:
            raise PatternError(f"repetitions inside each other multiply: at most {MAX_REPEAT} in all") from None
        raise PatternError(f"not to be run in linear time: {text}") from None
    try:
        return Pattern(source, translation, _BacktrackingEngine(translation.text, ignore_case), False)
    except (re.error, OverflowError, RecursionError) as error:
        raise PatternError(f"not supported here: {error}") from None


def _linear(source: str, ignore_case: bool) -> Pattern:
    """Raises NeedsBacktracking, PatternError, re2.error."""
    translation = translate(source, ignore_case, LINEAR)
    engine: _Engine = _Re2Engine(translation.text, translation.groups, ignore_case)
    simple = None if ignore_case else simple_pattern(source)
    return Pattern(source, translation, _PrefixEngine(simple, engine) if simple else engine, True)
