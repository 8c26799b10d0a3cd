"""Writes docs/errors.md: every way a request can fail, from the error table."""

from __future__ import annotations

from pathlib import Path

from app.errors import Failure, Hop

FILE = Path(__file__).parents[1] / "docs" / "errors.md"
HEAD = """# Errors

Every way a request can fail, by the station that fails (`hop` in the log, `x-error-origin` in the answer). Made from
`app/errors.py` by `make docs`; [operating.md](operating.md) says how to read a failure.
"""


def document() -> str:
    """The text of docs/errors.md."""
    return "\n".join([HEAD, *(_section(hop) for hop in Hop)])


def _section(hop: Hop) -> str:
    rows = [failure for failure in Failure if failure.value.hop is hop]
    lines = [f"| `{each.name}` | {each.value.status} | {each.value.title} | {each.value.advice} |\n" for each in rows]
    return f"## {hop}\n\n| Failure | Status | What happened | What to do |\n|---|---|---|---|\n" + "".join(lines)


if __name__ == "__main__":
    FILE.write_text(document())
