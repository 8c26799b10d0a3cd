"""The `replace` property of a route: placeholders in text files, filled from the environment and from services.

`{{NAME}}` gives the value escaped for HTML, as mustache does it, so that no place in a page takes it for anything but
text; `{{{NAME}}}` and `{{&NAME}}` give it as it is; `{{service.property}}` is a
property of a service's credentials. Whatever is not listed in the route is replaced by nothing, as is a listed
variable that is not set. Sections and partials of template languages do not exist here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_ESCAPES = str.maketrans(
    {
        "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;", "/": "&#x2F;", "`": "&#x60;", "=": "&#x3D;"
    }
)  # fmt: skip
_TAG = re.compile(r"\{\{\{([^{}]*)\}\}\}|\{\{([^{}]*)\}\}")


@dataclass(frozen=True)
class Placeholders:
    """What a route replaces, and where.

    `variables` holds the listed variables that are set; `services` the credentials of the listed services, by the
    name the route gives them. Raises ValueError when a variable and a service have the same name.
    """

    suffixes: tuple[str, ...]
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    services: Mapping[str, Mapping[str, object]] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if both := self.variables.keys() & self.services.keys():
            raise ValueError(f"replace: {', '.join(sorted(both))} is both a variable and a service")

    def concern(self, path: str) -> bool:
        """Whether a file is processed; `path` starts with a slash at its `localDir`."""
        return path.endswith(self.suffixes)

    def fill(self, content: bytes) -> bytes:
        """The content with its placeholders replaced; content that is not UTF-8 stays as it is."""
        try:
            text = content.decode()
        except UnicodeDecodeError:
            return content
        return _TAG.sub(self._replacement, text).encode()

    def _replacement(self, match: re.Match[str]) -> str:
        raw, escaped = match.groups()
        if raw is not None:
            return self._value(raw)
        name = escaped.strip()
        return self._value(name[1:]) if name.startswith("&") else self._value(name).translate(_ESCAPES)

    def _value(self, name: str) -> str:
        name = name.strip()
        if name in self.variables:
            return self.variables[name]
        service, _, path = name.partition(".")
        value: object = self.services.get(service)
        for key in path.split("."):
            value = value.get(key) if isinstance(value, Mapping) else None
        return _text(value)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else ""
