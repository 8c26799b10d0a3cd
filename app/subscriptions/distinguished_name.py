"""Whether a certificate's subject or issuer is the one a binding expects (`callback_certificate_*`). Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # takes a tenth of the start to import, and only a callback needs it
    from cryptography import x509


@dataclass(frozen=True, slots=True)
class NamePattern:
    """Expected values by attribute (`CN`, `OU`, ...); `*` in a value stands for any characters."""

    attributes: Mapping[str, tuple[str, ...]]

    def fits(self, name: x509.Name) -> bool:
        """Whether a name has these attributes and no others, each value fitting, none missing and none too many."""
        found: dict[str, list[str]] = {}
        for attribute in name:
            found.setdefault(attribute.rfc4514_attribute_name, []).append(str(attribute.value))
        return found.keys() == self.attributes.keys() and all(
            _all_fit(patterns, found[attribute]) for attribute, patterns in self.attributes.items()
        )


def parse_name(document: object) -> NamePattern:
    """Read an object of texts, or lists of texts where an attribute repeats. Raises ValueError."""
    if not isinstance(document, Mapping) or not document:
        raise ValueError("an object with the attributes of a distinguished name")
    return NamePattern({str(key).upper(): _values(value) for key, value in document.items()})


def _values(value: object) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    if not values or not all(isinstance(each, str) for each in values):
        raise ValueError("attributes whose values are texts or lists of texts")
    return tuple(values)


def _all_fit(patterns: tuple[str, ...], values: list[str]) -> bool:
    if len(patterns) != len(values):
        return False
    every_value = all(any(_fits(pattern, value) for pattern in patterns) for value in values)
    return every_value and all(any(_fits(pattern, value) for value in values) for pattern in patterns)


def _fits(pattern: str, value: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), value, re.DOTALL) is not None
