"""What `check` says about a configuration: its problems, and what is accepted without being effective yet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.problem import PathPart, Problem, json_path
from app.routing.descriptor import FILE_NAME
from app.settings.settings import unknown_variables

NOT_YET_EFFECTIVE: Mapping[str, frozenset[str]] = {
    "$.outgoingRequestOptions.cls": frozenset(),
}
"""Properties of xs-app.json whose behaviour other releases bring, each with the values that do have an effect."""

VARIABLES_NOT_YET_EFFECTIVE = (
    "ENABLE_FRAME_ANCESTORS_CSP_HEADERS",
    "FRAME_ANCESTORS_CSP_HEADER_CACHE_TIME",
    "REQUIRE_AUTH_FOR_UNKNOWN_ROUTES",
    "SKIP_SERVICE2APPROUTER_APPTID_CHECK",
    "USE_HTML5_APP_XS_APPJSON_IN_LOGIN_CALLBACK",
)
"""Variables whose behaviour other releases bring."""


@dataclass(frozen=True, slots=True)
class Note:
    """Something in a valid configuration that its author should know."""

    where: str
    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.where}  {self.path}".rstrip() + f": {self.message}"


def notes(document: Mapping[str, Any], environ: Mapping[str, str]) -> tuple[Note, ...]:
    """What is accepted but has no effect yet, and variables with our prefix that mean nothing."""
    found = [
        Note(FILE_NAME, json_path(path), "accepted, not yet effective")
        for path, value in _walk((), document)
        if _is_idle(path, value)
    ]
    found += [Note(name, "", "accepted, not yet effective") for name in VARIABLES_NOT_YET_EFFECTIVE if name in environ]
    found += [Note(name, "", "unknown variable, ignored") for name in unknown_variables(environ)]
    return tuple(found)


def _walk(path: tuple[PathPart, ...], value: Any) -> Iterator[tuple[tuple[PathPart, ...], Any]]:
    yield path, value
    members: Iterable[tuple[PathPart, Any]] = ()
    if isinstance(value, dict):
        members = value.items()
    elif isinstance(value, list):
        members = enumerate(value)
    for name, member in members:
        yield from _walk((*path, name), member)


def _is_idle(path: tuple[PathPart, ...], value: Any) -> bool:
    effective = NOT_YET_EFFECTIVE.get(_general(path))
    return effective is not None and not (isinstance(value, str) and value in effective)


def _general(path: tuple[PathPart, ...]) -> str:
    """The path with `[*]` for every index."""
    return "$" + "".join("[*]" if isinstance(part, int) else f".{part}" for part in path)


def report(problems: Sequence[Problem], notes: Sequence[Note]) -> str:
    """What `check` prints: a block per problem, a line per note, and what it comes to."""
    blocks = [str(problem) for problem in problems]
    if notes:
        blocks.append("\n".join(f"note: {note}" for note in notes))
    count = len(problems)
    blocks.append(
        f"{count} problem{'s' if count > 1 else ''}: nothing was started." if count else "Configuration valid."
    )
    return "\n\n".join(blocks)
