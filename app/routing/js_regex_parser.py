"""Reads JavaScript regular expressions (ECMAScript 2024, no flags but `i`, annex B) and writes them for our engines.

Both engines get the same normal form: every literal and every class spelled out, so that no shorthand can mean
something else than in JavaScript. They differ in how they name the ends of the input and in what they can do.

Known difference: a group inside a repeated group keeps its last value, where JavaScript resets it on each iteration.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from app.routing.js_regex_class import ALL, CLASS_ESCAPES, LINE_ENDS, char_class, with_other_case
from app.routing.repetition import MAX_REPEAT, MAX_SIZE, count, split

_QUANTIFIER = re.compile(r"(?:[*+?]|\{(\d+)(,(\d*))?\})")
_GROUP_NAME = re.compile(r"<([A-Za-z_$][A-Za-z0-9_$]*)>")
_CONTROL = {"t": 9, "n": 10, "v": 11, "f": 12, "r": 13}
_WORD = "[0-9A-Za-z_]"

MAX_DEPTH = 100
"""Groups in groups; those who read patterns call themselves for each."""


class PatternError(ValueError):
    """Not a JavaScript regular expression, or one that cannot be run; the message says why."""


class NeedsBacktracking(Exception):
    """The pattern uses what a linear-time engine cannot do."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How an engine spells what differs between them."""

    end: str
    boundary: str
    no_boundary: str
    backtracking: bool


LINEAR = Dialect(r"\z", r"\b", r"\B", False)
BACKTRACKING = Dialect(
    r"\Z",
    f"(?:(?<={_WORD})(?!{_WORD})|(?<!{_WORD})(?={_WORD}))",
    f"(?:(?<={_WORD})(?={_WORD})|(?<!{_WORD})(?!{_WORD}))",
    True,
)


@dataclass(frozen=True, slots=True)
class Translation:
    """A pattern as an engine reads it, with the number of its groups, their names, and the literal it starts with."""

    text: str
    groups: int
    names: Mapping[str, int]
    prefix: str


def translate(source: str, ignore_case: bool, dialect: Dialect) -> Translation:
    """Translate a pattern; raises `PatternError`, or `NeedsBacktracking` when the dialect cannot express it."""
    parser = _Parser(source, ignore_case, dialect)
    text = parser.disjunction()
    if parser.at < len(source):
        raise PatternError(f"unmatched ) at position {parser.at + 1}")
    return Translation(text, parser.groups, parser.names, parser.prefix())


class _Parser:
    """Recursive descent over one pattern. `at` is the position of the next character."""

    def __init__(self, source: str, ignore_case: bool, dialect: Dialect) -> None:
        self.source = source
        self.ignore_case = ignore_case
        self.dialect = dialect
        self.at = 0
        self.groups = 0
        self.names: dict[str, int] = {}
        self.closed: set[int] = set()
        self.total_groups = len(re.findall(r"\((?!\?)|\(\?<(?![=!])", _without_escapes_and_classes(source)))
        self.has_names = "(?<" in re.sub(r"\(\?<[=!]", "", _without_escapes_and_classes(source))
        self._depth = 0
        self._size = 0
        self._alternatives = False
        self._anchored = False
        self._literal: list[str] = []
        self._literal_open = True

    def prefix(self) -> str:
        """The literal text that every match starts with at the beginning of the input."""
        return "" if self._alternatives or not self._anchored else "".join(self._literal)

    def disjunction(self) -> str:
        """Alternatives up to a closing parenthesis or the end."""
        alternatives = [self._alternative()]
        while self._take("|"):
            self._alternatives = self._alternatives or self._depth == 0
            alternatives.append(self._alternative())
        return "|".join(alternatives)

    def _alternative(self) -> str:
        terms = []
        while self.at < len(self.source) and self.source[self.at] not in "|)":
            terms.append(self._term())
        return "".join(terms)

    def _term(self) -> str:
        start, size, groups = self.at, self._size, self.groups
        text, repeatable = self._atom()
        quantifiers, times = self._quantifiers()
        self._size = size + max(self._size - size, 1) * times
        if self._size > MAX_SIZE:
            raise PatternError(f"more than {MAX_SIZE} characters when its repetitions are written out")
        if quantifiers and not repeatable:
            raise PatternError(f"nothing to repeat at position {start + 1}")
        if times > MAX_REPEAT and self.groups > groups:
            raise PatternError(f"at most {MAX_REPEAT} repetitions of a group, not {times}")
        if self._depth == 0:
            self._extend_prefix(start, text, bool(quantifiers))
        return "".join(f"(?:{text}){each}" for each in quantifiers) or text

    def _extend_prefix(self, start: int, text: str, quantified: bool) -> None:
        """Note a literal that comes right after a leading `^`."""
        if start == 0:
            self._anchored = text == r"\A"
            return
        literal = _literal_of(text)
        if self._literal_open and literal and not quantified and not (self.ignore_case and _has_case(literal)):
            self._literal.append(literal)
        else:
            self._literal_open = False

    def _quantifiers(self) -> tuple[list[str], int]:
        """The quantifier at this place, as several where that is too large for the engine, and how many copies of its
        term it is written out to.
        """
        match = _QUANTIFIER.match(self.source, self.at)
        if not match:
            return [], 1
        first, more, last = match.groups()
        low, high = count(first or "1"), count(last or first or "1")
        if max(low, high) > MAX_SIZE:
            raise PatternError(f"at most {MAX_SIZE} repetitions, not {match[0][:20]}")
        if low > high:
            raise PatternError(f"numbers out of order in {match[0]}")
        self.at = match.end()
        lazy = "?" if self._take("?") else ""
        if not first:
            return [match[0] + lazy], 1
        most = None if more and not last else high
        bounds = [(low, most)] if self.dialect.backtracking else list(split(low, most))
        return [f"{{{least},{'' if up_to is None else up_to}}}{lazy}" for least, up_to in bounds], max(high, 1)

    def _atom(self) -> tuple[str, bool]:
        """One term without quantifier, and whether it may have one."""
        c = self.source[self.at]
        if c == "{" and _QUANTIFIER.match(self.source, self.at):
            return "", False
        if c in "*+?":
            return "", False
        self.at += 1
        if c == "^":
            return r"\A", False
        if c == "$":
            return self.dialect.end, False
        if c == ".":
            return char_class(ALL - LINE_ENDS), True
        if c == "(":
            return self._group()
        if c == "[":
            return self._class(), True
        if c == "\\":
            return self._escape()
        return self._char(ord(c)), True

    def _char(self, point: int) -> str:
        if point > 127:
            # Engines disagree about the case of letters beyond ASCII; a class is explicit.
            return char_class(with_other_case(frozenset({point})) if self.ignore_case else {point})
        return chr(point) if chr(point).isalnum() else f"\\x{point:02x}"

    # -- groups

    def _group(self) -> tuple[str, bool]:
        opening, repeatable, number = self._group_opening()
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise PatternError(f"at most {MAX_DEPTH} groups inside each other")
        body = self.disjunction()
        self._depth -= 1
        if not self._take(")"):
            raise PatternError("a ( is not closed")
        self.closed.add(number)
        return f"{opening}{body})", repeatable

    def _group_opening(self) -> tuple[str, bool, int]:
        """The opening in our spelling, whether the group may be repeated, and its number (0 without)."""
        if self._take("?:"):
            return "(?:", True, 0
        for look in ("?=", "?!", "?<=", "?<!"):
            if self._take(look):
                if not self.dialect.backtracking:
                    raise NeedsBacktracking
                return f"({look}", "<" not in look, 0
        self.groups += 1
        if self._take("?"):
            name = _GROUP_NAME.match(self.source, self.at)
            if not name or name[1] in self.names:
                raise PatternError(f"invalid group at position {self.at}")
            self.at = name.end()
            self.names[name[1]] = self.groups
        return "(", True, self.groups

    def _backreference(self, number: int) -> tuple[str, bool]:
        if not self.dialect.backtracking:
            raise NeedsBacktracking
        # In JavaScript a group that took no part, or is not complete yet, matches the empty string.
        return (f"(?({number})\\{number})" if number in self.closed else "(?:)"), True

    # -- escapes

    def _escape(self) -> tuple[str, bool]:
        """What a backslash outside a class means."""
        if self.at >= len(self.source):
            raise PatternError("\\ at the end")
        c = self.source[self.at]
        if c in "bB":
            self.at += 1
            return (self.dialect.boundary if c == "b" else self.dialect.no_boundary), False
        if c in CLASS_ESCAPES:
            self.at += 1
            return char_class(CLASS_ESCAPES[c]), True
        if c == "k" and self.has_names:
            return self._named_backreference()
        digits = re.compile(r"[1-9]\d*").match(self.source, self.at)
        if digits and int(digits[0]) <= self.total_groups:
            self.at = digits.end()
            return self._backreference(int(digits[0]))
        return self._char(self._escaped_char(in_class=False)), True

    def _named_backreference(self) -> tuple[str, bool]:
        name = _GROUP_NAME.match(self.source, self.at + 1)
        if not name or f"(?<{name[1]}>" not in self.source:
            raise PatternError("\\k names no group")
        self.at = name.end()
        return self._backreference(self.names.get(name[1], 0))

    def _escaped_char(self, in_class: bool) -> int:
        """The code point of a character escape; `at` is behind the backslash."""
        c = self.source[self.at]
        control = r"c([A-Za-z0-9_])" if in_class else r"c([A-Za-z])"
        for form, base in (
            (r"x([0-9A-Fa-f]{2})", 16),
            (r"u([0-9A-Fa-f]{4})", 16),
            (r"([0-3][0-7]{0,2}|[4-7][0-7]?)", 8),
        ):
            match = re.compile(form).match(self.source, self.at)
            if match:
                self.at = match.end()
                return int(match[1], base)
        match = re.compile(control).match(self.source, self.at)
        if match:
            self.at = match.end()
            return ord(match[1]) % 32
        if c == "c":
            return ord("\\")
        self.at += 1
        return _CONTROL.get(c, ord(c))

    # -- classes

    def _class(self) -> str:
        negated = self._take("^")
        points: set[int] = set()
        while not self._take("]"):
            points |= self._class_range()
        chosen = with_other_case(frozenset(points)) if self.ignore_case else frozenset(points)
        return char_class(ALL - chosen if negated else chosen)

    def _class_range(self) -> frozenset[int]:
        first = self._class_member()
        if not self.source.startswith("-", self.at) or self.source.startswith("-]", self.at):
            return first
        self.at += 1
        last = self._class_member()
        if len(first) != 1 or len(last) != 1:
            return first | last | {ord("-")}
        (low,), (high,) = first, last
        if low > high:
            raise PatternError("a range in [] is out of order")
        return frozenset(range(low, high + 1))

    def _class_member(self) -> frozenset[int]:
        """One character, or the characters of an escape such as `\\d`."""
        if self.at >= len(self.source):
            raise PatternError("a [ is not closed")
        c = self.source[self.at]
        self.at += 1
        if c != "\\":
            return frozenset({ord(c)})
        if self.at >= len(self.source):
            raise PatternError("\\ at the end")
        escape = self.source[self.at]
        if escape in CLASS_ESCAPES:
            self.at += 1
            return CLASS_ESCAPES[escape]
        if escape == "b":
            self.at += 1
            return frozenset({8})
        return frozenset({self._escaped_char(in_class=True)})

    def _take(self, text: str) -> bool:
        if self.source.startswith(text, self.at):
            self.at += len(text)
            return True
        return False


def _without_escapes_and_classes(source: str) -> str:
    return re.sub(r"\\.|\[(?:\\.|[^\]\\])*\]?", "", source, flags=re.DOTALL)


def _literal_of(text: str) -> str:
    """The character a translated atom stands for, "" when it is something else."""
    if len(text) == 1:
        return text
    match = re.fullmatch(r"\\x([0-9a-f]{2})", text)
    return chr(int(match[1], 16)) if match else ""


def _has_case(character: str) -> bool:
    return character.lower() != character.upper()
