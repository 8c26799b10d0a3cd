"""What is wrong with a configuration, said so that it can be put right without reading code."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_LONGEST_VALUE = 80
_SECRET_NAME = re.compile(r"secret|passw|credential|private|(^|_)key$|(?<!forwardAuth)token$", re.IGNORECASE)
_USER_INFO = re.compile(r"//.*@", re.DOTALL)

PathPart = str | int


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to correct.

    `where` is the file or variable, `path` the JSON path in it (`$.routes[0].source`, empty for all of it), `value` the
    offending value, shortened and never secret (empty when there is none to show), `message` says what is allowed.
    """

    where: str
    path: str
    value: str
    message: str

    def __str__(self) -> str:
        lines = [f"{self.where}  {self.path}".rstrip()]
        if self.value:
            lines.append(f"    found    {self.value}")
        lines.append(f"    allowed  {self.message}")
        return "\n".join(lines)


class ConfigurationError(Exception):
    """The configuration cannot be served; `problems` are all that were found."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: Sequence[Problem] = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def json_path(parts: Iterable[PathPart]) -> str:
    """`$.routes[0].source` for `("routes", 0, "source")`; names that are no identifiers are quoted."""
    path = "$"
    for part in parts:
        if isinstance(part, int):
            path += f"[{part}]"
        elif part.replace("_", "").isalnum():
            path += f".{part}"
        else:
            path += f"['{part}']"
    return path


def shown(value: object, name: PathPart = "") -> str:
    """A value as it may be printed: short, containers by kind only, nothing below a name that sounds secret."""
    if _SECRET_NAME.search(str(name)):
        return "(hidden)"
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list | tuple):
        return "an array"
    text = f'"{_USER_INFO.sub("//(hidden)@", value)}"' if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 3] + "..."
