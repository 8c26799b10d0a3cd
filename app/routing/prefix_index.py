"""Finds the few routes that can match an address, by the literal their patterns start with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")


class PrefixIndex(Generic[Item]):
    """Items in order, each with a prefix; "" fits every text.

    Each bucket already holds, in order, all items whose prefix begins its own, so that one lookup gives the answer.
    """

    __slots__ = ("_buckets", "_lengths", "_rest")

    def __init__(self, items: Sequence[tuple[str, Item]]) -> None:
        prefixes = {prefix for prefix, _ in items if prefix}
        self._lengths = tuple(sorted({len(prefix) for prefix in prefixes}, reverse=True))
        self._rest = tuple(item for prefix, item in items if not prefix)
        self._buckets = {key: tuple(item for prefix, item in items if key.startswith(prefix)) for key in prefixes}

    def candidates(self, text: str) -> tuple[Item, ...]:
        """The items whose prefix `text` starts with, in order."""
        buckets = self._buckets
        for length in self._lengths:
            bucket = buckets.get(text[:length])
            if bucket is not None:
                return bucket
        return self._rest
