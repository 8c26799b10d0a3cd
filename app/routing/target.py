"""The `target` of a route: what takes the place of the matched part of the address."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from app.errors import GatewayError
from app.routing.js_regex import Match
from app.routing.path_safety import refuse_unsafe_path

_REFERENCE = re.compile(r"\$(?:([$&`'])|(\d{1,2})|<([^>]*)>)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_CURRENT = re.compile(r"\A(?:\./)+")
_PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))
_WHOLE, _BEFORE, _AFTER = 0, -1, -2
_SPECIAL = {"&": _WHOLE, "`": _BEFORE, "'": _AFTER}

Part = str | int
"""A literal, or a reference: a group's number, or one of the special references."""


@dataclass(frozen=True, slots=True)
class Template:
    """A replacement as JavaScript's `String.replace` understands it: `$1`, `$&`, `$<name>`, `$$`."""

    parts: tuple[Part, ...]

    @property
    def is_constant(self) -> bool:
        """Whether it refers to nothing of the match."""
        return all(isinstance(part, str) for part in self.parts)

    def expand(self, text: str, found: Match) -> str:
        """The replacement for a match in `text`; groups that took no part are empty."""
        if len(self.parts) == 1:
            return _value(self.parts[0], text, found)
        return "".join([_value(part, text, found) for part in self.parts])


def compile_template(source: str, groups: int, names: Mapping[str, int]) -> Template:
    """Prepare a replacement for a pattern with that many groups; references to groups it lacks stay literal."""
    parts: list[Part] = []
    at = 0
    for reference in _REFERENCE.finditer(source):
        parts.append(source[at : reference.start()])
        parts.extend(_parts_of(reference, groups, names))
        at = reference.end()
    parts.append(source[at:])
    return Template(tuple(part for part in parts if part != "") or ("",))


def address_text(target: str) -> str:
    """A target as addresses are written: spaces and what is not ASCII percent-encoded, as UTF-8; without `./` at its
    beginning and without a fragment, which mean nothing here.

    Raises ValueError for one by which every request would be refused, whatever its references stand for; the message
    says what is allowed.
    """
    if _CONTROL.search(target):
        raise ValueError("a path, and perhaps a query, without control characters")
    target = _CURRENT.sub("", target.partition("#")[0]) or ("/" if target else "")
    try:
        text = quote(target, safe=_PRINTABLE)
    except UnicodeEncodeError:
        raise ValueError("text of whole characters") from None
    path = _REFERENCE.sub("x", text.partition("?")[0])
    if "/" in path or "\\" in path:  # dots alone may stand for a part of a name
        try:
            refuse_unsafe_path(path if path.startswith("/") else "/" + path)
        except GatewayError as error:
            raise ValueError(f"a safe path; not safe here: {error.detail}") from None
    return text


def rewrite(template: Template | None, text: str, found: Match) -> str:
    """The address with its matched part replaced; it always starts with `/`."""
    if template is None:
        return text
    rewritten = text[: found.start] + template.expand(text, found) + text[found.end :]
    return rewritten if rewritten.startswith("/") else "/" + rewritten


def _value(part: Part, text: str, found: Match) -> str:
    if isinstance(part, str):
        return part
    if part > 0:
        return found.groups[part - 1] or ""
    if part == _WHOLE:
        return text[found.start : found.end]
    return text[: found.start] if part == _BEFORE else text[found.end :]


def _parts_of(reference: re.Match[str], groups: int, names: Mapping[str, int]) -> tuple[Part, ...]:
    special, digits, name = reference.groups()
    if special:
        return ("$",) if special == "$" else (_SPECIAL[special],)
    if name is not None:
        return ((names[name],) if name in names else ()) if names else (reference[0],)
    if 1 <= int(digits) <= groups:
        return (int(digits),)
    if len(digits) == 2 and 1 <= int(digits[0]) <= groups:
        return (int(digits[0]), digits[1])
    return (reference[0],)
