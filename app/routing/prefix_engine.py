r"""The patterns nearly all routes have, without a regular expression engine.

`^/path`, `^/path$`, `^/path(.*)` and `^/path(.*)$` with a literal path are decided by comparing its characters: an
order of magnitude faster than any engine's call, on the path of every request.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

_SIMPLE = re.compile(r"\^((?:[A-Za-z0-9/_~%@!,;:=&'\" <>#-]|\\[^A-Za-z0-9])*)(\(\.\*\))?(\$)?")
_LINE_ENDS = ("\n", "\r")


@dataclass(frozen=True, slots=True)
class SimplePattern:
    """`^literal`, then perhaps `(.*)` as its only group, then perhaps `$`."""

    literal: str
    takes_rest: bool
    to_end: bool


def simple_pattern(source: str) -> SimplePattern | None:
    """The parts of a pattern of this form, None for any other."""
    found = _SIMPLE.fullmatch(source)
    if found is None:
        return None
    literal = re.sub(r"\\(.)", r"\1", found[1])
    return SimplePattern(literal, found[2] is not None, found[3] is not None) if literal.isascii() else None


Span = tuple[int, int, tuple[str | None, ...]]


def prefix_search(pattern: SimplePattern, general: Callable[[str], Span | None]) -> Callable[[str], Span | None]:
    """A search function for such a pattern: start, end and groups of the match.

    In JavaScript `.` stops at a line end; a text with one (no request target has any) is left to the `general` engine.
    """
    literal, length = pattern.literal, len(pattern.literal)

    def rest(text: str) -> Span | None:
        if not text.startswith(literal):
            return None
        if _LINE_ENDS[0] in text or _LINE_ENDS[1] in text:
            return general(text)
        return 0, len(text), (text[length:],)

    def exact(text: str) -> Span | None:
        return (0, length, ()) if text == literal else None

    def beginning(text: str) -> Span | None:
        return (0, length, ()) if text.startswith(literal) else None

    if pattern.takes_rest:
        return rest
    return exact if pattern.to_end else beginning
