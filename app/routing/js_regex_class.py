"""Character classes of JavaScript regular expressions as sets of latin-1 code points."""

from __future__ import annotations

from collections.abc import Iterable

ALL = frozenset(range(256))
DIGITS = frozenset(b"0123456789")
WORD = DIGITS | frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_")
SPACE = frozenset(b"\t\n\v\f\r \xa0")
LINE_ENDS = frozenset(b"\n\r")

CLASS_ESCAPES = {
    "d": DIGITS,
    "D": ALL - DIGITS,
    "w": WORD,
    "W": ALL - WORD,
    "s": SPACE,
    "S": ALL - SPACE,
}


def with_other_case(points: frozenset[int]) -> frozenset[int]:
    """The set closed under upper and lower case (ECMAScript, Canonicalize), within latin-1."""
    points &= ALL
    other = {ord(c) for p in points for c in (chr(p).lower(), chr(p).upper()) if len(c) == 1 and ord(c) < 256}
    return points | other


def char_class(points: Iterable[int]) -> str:
    """A class that matches one of these code points, in the syntax both engines share."""
    chosen = frozenset(points) & ALL
    if not chosen:
        return r"[^\x00-\xff]"
    return "[" + "".join(_range(first, last) for first, last in _runs(sorted(chosen))) + "]"


def _range(first: int, last: int) -> str:
    return f"\\x{first:02x}" if first == last else f"\\x{first:02x}-\\x{last:02x}"


def _runs(points: list[int]) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for point in points:
        if runs and runs[-1][1] == point - 1:
            runs[-1] = (runs[-1][0], point)
        else:
            runs.append((point, point))
    return runs
