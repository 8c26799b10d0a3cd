"""Writes docs/variables.md: every environment variable with its default and its docstring, and what is idle."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path

from pydantic.fields import FieldInfo

from app.check import VARIABLES_WITHOUT_EFFECT
from app.settings.answer_settings import AnswerSettings
from app.settings.server_settings import ServerSettings
from app.settings.session_settings import SessionSettings

FILE = Path(__file__).parents[1] / "docs" / "variables.md"
HEAD = """# Environment variables

Names, meaning and defaults are those of the reference router 23.0.0; those that begin with `GATEWAY_` are our own.
A value that is not allowed stops the start, with all other problems listed; an empty one counts as not set. Variables
marked *no effect* are accepted and ignored; [compatibility.md](compatibility.md) says why. Made from the settings'
docstrings by `make docs`.
"""
TAIL = """## Of libraries

Read as SAP's libraries and Node.js read them; other values than those named here count as not set.

| Variable | Default | Meaning |
|---|---|---|
| `LOG_SENSITIVE_CONNECTION_DATA` |  | `true`: the log has the addresses of clients, which are masked otherwise. |
| `LOG_REMOTE_USER` |  | `true`: the log has the ids of users. |
| `LOG_REFERER` |  | `true`: the log has the header `referer`. |
| `LOG_SSL_HEADERS` |  | `true`: the log has the headers about client certificates. |
| `NODE_EXTRA_CA_CERTS` |  | File with certificates that are trusted besides the usual authorities. |
| `NODE_DEBUG` |  | Diagnostic output of Node.js. *(no effect)* |
| `DEBUG` |  | Diagnostic output of a Node.js library. *(no effect)* |
"""
SECTIONS = {"Server": ServerSettings, "Sessions and login": SessionSettings, "Answers and routing": AnswerSettings}


def document() -> str:
    """The text of docs/variables.md."""
    parts = [HEAD]
    for title, settings in SECTIONS.items():
        parts.append(f"## {title}\n\n| Variable | Default | Meaning |\n|---|---|---|\n" + "".join(_rows(settings)))
    return "\n".join([*parts, TAIL])


def _rows(settings: type) -> Iterator[str]:
    fields: dict[str, FieldInfo] = settings.__dict__["__pydantic_fields__"]
    for name, meaning in _docstrings(settings):
        variable = fields[name].alias or name
        idle = " *(no effect)*" if variable in VARIABLES_WITHOUT_EFFECT else ""
        yield f"| `{variable}` | {_default(fields[name])} | {meaning}{idle} |\n"


def _docstrings(settings: type) -> Iterator[tuple[str, str]]:
    """Field name and the text below it, in the order of the source."""
    [definition] = ast.parse(inspect.getsource(settings)).body
    assert isinstance(definition, ast.ClassDef)
    for field, text in zip(definition.body, definition.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            assert isinstance(text, ast.Expr), f"{field.target.id} has no docstring"
            yield field.target.id, " ".join(str(ast.literal_eval(text.value)).split()).replace("|", "\\|")


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True)
    if value is None or value == () or value == "":
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value}`" if isinstance(value, int | str) else ""


if __name__ == "__main__":
    FILE.write_text(document())
