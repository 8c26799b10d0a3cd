"""Typed reading of a destination's properties, which are all strings on the wire (protocols 4.5)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from app.answer import Headers
from app.destination_url import DestinationUrl, parse_url
from app.errors import Failure, GatewayError

E = TypeVar("E", bound=StrEnum)

_FLAGS = {"true": True, "false": False}
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}")  # RFC 9110, 5.6.2
_UNSAFE_VALUE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")  # RFC 9110, 5.5: no controls but the tab
_HEADERS_PREFIX = "URL.headers."
_QUERIES_PREFIX = "URL.queries."
FRAMING = frozenset(
    b"host content-length transfer-encoding connection keep-alive upgrade te trailer expect proxy-connection".split()
)
"""Headers that decide where a request goes or ends; a destination may not set them."""


def unusable(destination: str, reason: str) -> GatewayError:
    """The failure of a destination that cannot be used as it is."""
    return GatewayError(Failure.DESTINATION_UNUSABLE, f"Destination '{destination}': {reason}.")


def header_pair(name: str, value: str) -> tuple[bytes, bytes]:
    """A header as bytes, the name in lower case. Raises ValueError where it would break the request's framing."""
    if not _TOKEN.fullmatch(name):
        raise ValueError("is not a header name")
    if _UNSAFE_VALUE.search(value):
        raise ValueError("has a control character")
    pair = name.lower().encode(), value.strip(" \t").encode()
    if pair[0] in FRAMING:
        raise ValueError("is a header that only the router sets")
    return pair


class Properties:
    """Reads properties by name; a bad value raises DESTINATION_UNUSABLE naming destination and property, never values.

    Property names are compared exactly, as the platform does.
    """

    def __init__(self, destination: str, values: Mapping[str, str]) -> None:
        self.destination = destination
        self._values = values

    def refuse(self, name: str, reason: str) -> GatewayError:
        """The failure for one property."""
        return unusable(self.destination, f"property '{name}' {reason}")

    def text(self, name: str, default: str = "") -> str:
        return self._values.get(name) or default

    def flag(self, name: str, default: bool = False) -> bool:
        """`true` or `false`, in any case."""
        text = self.text(name)
        if not text:
            return default
        if text.lower() not in _FLAGS:
            raise self.refuse(name, "is neither 'true' nor 'false'")
        return _FLAGS[text.lower()]

    def milliseconds(self, name: str, default: float) -> float:
        """A positive number of milliseconds, in seconds."""
        text = self.text(name)
        if not text:
            return default
        if not re.fullmatch(r"[0-9]{1,9}", text) or not int(text):
            raise self.refuse(name, "is not a positive number of milliseconds")
        return int(text) / 1000

    def html5(self, name: str) -> str:
        """The name by which a property of the router stands here: `HTML5.<name>`, or without the prefix."""
        prefixed = f"HTML5.{name}"
        return prefixed if self.text(prefixed) or not self.text(name) else name

    def choice(self, name: str, kind: type[E], default: E, other: E | None = None) -> E:
        """A member of an enumeration, in any case; `other`, if there is one, stands for texts that name none."""
        text = self.text(name)
        if not text:
            return default
        for member in kind:
            if member.value.lower() == text.lower():
                return member
        if other is not None:
            return other
        raise self.refuse(name, f"is none of {', '.join(kind)}")

    def url(self, name: str) -> DestinationUrl:
        try:
            return parse_url(self.text(name))
        except ValueError as error:
            raise self.refuse(name, str(error)) from None

    def header(self, name: str, header: str) -> Headers:
        """The property's value as that header; nothing where the property is missing."""
        value = self.text(name)
        return (self._pair(name, header, value),) if value else ()

    def url_headers(self) -> Headers:
        """All `URL.headers.<name>`."""
        return tuple(
            self._pair(name, name.removeprefix(_HEADERS_PREFIX), value)
            for name, value in self._values.items()
            if name.startswith(_HEADERS_PREFIX)
        )

    def url_queries(self) -> tuple[tuple[str, str], ...]:
        """All `URL.queries.<name>`, not yet encoded."""
        return tuple(
            (name.removeprefix(_QUERIES_PREFIX), value)
            for name, value in self._values.items()
            if name.startswith(_QUERIES_PREFIX)
        )

    def _pair(self, name: str, header: str, value: str) -> tuple[bytes, bytes]:
        try:
            return header_pair(header, value)
        except ValueError as error:
            raise self.refuse(name, str(error)) from None
