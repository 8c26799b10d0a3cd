"""What `check` says about a configuration: its problems, and what is accepted without being effective yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.problem import Problem
from app.settings.settings import unknown_variables

VARIABLES_NOT_YET_EFFECTIVE = (
    "ENABLE_FRAME_ANCESTORS_CSP_HEADERS",
    "FRAME_ANCESTORS_CSP_HEADER_CACHE_TIME",
    "USE_HTML5_APP_XS_APPJSON_IN_LOGIN_CALLBACK",
)
"""Variables whose behaviour other releases bring."""


@dataclass(frozen=True, slots=True)
class Note:
    """Something about a variable of a valid configuration that its author should know."""

    variable: str
    message: str

    def __str__(self) -> str:
        return f"{self.variable}: {self.message}"


def notes(environ: Mapping[str, str]) -> tuple[Note, ...]:
    """What is accepted but has no effect yet, and variables with our prefix that mean nothing."""
    idle = [Note(name, "accepted, not yet effective") for name in VARIABLES_NOT_YET_EFFECTIVE if name in environ]
    return (*idle, *(Note(name, "unknown variable, ignored") for name in unknown_variables(environ)))


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
