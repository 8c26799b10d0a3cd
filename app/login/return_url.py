"""Where a browser goes after the login: a path of this host, whatever was asked for. Pure."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

HOME = "/"
MAX_CHARACTERS = 8192
_PRINTABLE = "".join(chr(c) for c in range(0x21, 0x7F))
_UNSAFE = re.compile(r"[\x00-\x20\x7f\\]")


def safe_path(target: str) -> str:
    """The target (path and query, as sent) when it stays on this host, else the home page; always ASCII.

    Refused are network paths (`//host`, `/\\host`), control characters and backslashes, also when they are
    percent-encoded in the path, once or more: something on the way may decode them.
    """
    if len(target) > MAX_CHARACTERS or _UNSAFE.search(target):
        return HOME
    path = target.partition("?")[0].partition("#")[0]
    if not all(_stays_here(form) for form in _decoded_forms(path)):
        return HOME
    return quote(target, safe=_PRINTABLE, encoding="latin-1", errors="replace")


def _decoded_forms(path: str) -> list[str]:
    forms = [path]
    for _ in range(3):
        decoded = unquote(forms[-1], encoding="latin-1")
        if decoded == forms[-1]:
            break
        forms.append(decoded)
    return forms


def _stays_here(path: str) -> bool:
    if not path.startswith("/") or path.startswith("//"):
        return False
    return "\\" not in path and not any(c < " " or c == "\x7f" for c in path)


def safe_fragment(fragment: str) -> str:
    """A URL fragment with its `#`, as a script read it, or nothing when it is none; always ASCII."""
    if not fragment.startswith("#") or len(fragment) > MAX_CHARACTERS or _UNSAFE.search(fragment):
        return ""
    return quote(fragment, safe=_PRINTABLE)


def without_parameter(target: str, name: str) -> str:
    """The target without a query parameter; everything else stays as it was sent."""
    path, mark, query = target.partition("?")
    if not mark or name not in query:
        return target
    kept = [part for part in query.split("&") if part.partition("=")[0] != name]
    return f"{path}?{'&'.join(kept)}" if kept else path
