"""How often a term of a pattern is repeated, and what of that an engine can do."""

from __future__ import annotations

from collections.abc import Iterator

MAX_REPEAT = 1000
"""What RE2 allows, also of repetitions inside each other, which multiply."""
MAX_SIZE = 10_000
"""Characters and classes of a pattern whose repetitions are written out; more of them take seconds to compile."""


def count(digits: str) -> int:
    """A number of repetitions; one beyond `MAX_SIZE` where it is larger, however long it is written."""
    significant = digits.lstrip("0") or "0"
    return min(int(significant), MAX_SIZE + 1) if len(significant) <= len(str(MAX_SIZE)) else MAX_SIZE + 1


def split(low: int, high: int | None) -> Iterator[tuple[int, int | None]]:
    """Bounds of repetitions, None for no upper one, as several within `MAX_REPEAT` that come to the same."""
    while max(low, high or 0) > MAX_REPEAT:
        least = min(low, MAX_REPEAT)
        yield least, MAX_REPEAT if high is not None else least
        low, high = low - least, None if high is None else high - MAX_REPEAT
    yield low, high
