"""Paths that mean one thing to us and another to a server that decodes them once more: refused before any decision.

Ordinary escapes pass unchanged, encoded slashes among them.
"""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import unquote_to_bytes

from app.errors import Failure, GatewayError

_ESCAPE = (
    r"%(?:2[0-46-9A-DFa-df]|[346][0-9A-Fa-f]|5[0-9ABD-Fabd-f]|7[0-9A-Ea-e]"
    r"|(?:[Cc][2-9A-Fa-f]|[Dd][0-9A-Fa-f])%[89ABab][0-9A-Fa-f])(?!\.)"
)
"""Escapes that hide nothing: printable ASCII but `%`, `.` and backslash, and two bytes of UTF-8, no dot behind."""

_PLAIN = re.compile(
    rf"(?=/)(?:/(?:[^%\\#./;\x00-\x20\x7f-\xff]|{_ESCAPE})(?:[^%\\#/;\x00-\x20\x7f-\xff]++|{_ESCAPE})*+)*+/?\Z"
)
"""Segments that do not start with a dot, without parameters and special characters: most requests."""

_RAW = re.compile(r"[\x00-\x20\x7f\\#]")
_CONTROL_OR_BACKSLASH = re.compile(rb"[\x00-\x1f\x7f\\]")
_OVERLONG = re.compile(rb"[\xc0\xc1]|\xe0[\x80-\x9f]|\xf0[\x80-\x8f]")
_UNICODE_ESCAPE = re.compile(rb"%u[0-9A-Fa-f]{4}")
_LOOKS_LIKE_SEPARATOR = re.compile("[\u2044\u2215\u2216\u29f5\u29f8]")
_MOST_ENCODINGS = 4


def refuse_unsafe_path(path: str) -> None:
    """Raise PATH_REFUSED for a path (latin-1 text, without query) with dot segments or disguised separators.

    Looked for in every layer of percent-encoding: dot segments (also before `;`), control characters, backslashes,
    overlong UTF-8, characters that compatibility normalisation turns into dots and slashes, and separators that only a
    second decoding reveals.
    """
    if _PLAIN.match(path):
        return
    reason = _danger_in(path)
    if reason:
        raise GatewayError(Failure.PATH_REFUSED, reason)


def _danger_in(path: str) -> str:
    """What is wrong with the path; empty when nothing is."""
    if not path.startswith("/") or path.startswith("//"):
        return "it does not start with a single slash"
    if _RAW.search(path):
        return "control character, space, backslash or # in the path"
    layer = path.encode("latin-1")
    for depth in range(_MOST_ENCODINGS):
        danger = _danger_in_layer(layer)
        if danger:
            return danger
        decoded = unquote_to_bytes(layer)
        if decoded == layer:
            return ""
        if depth and _separators(decoded) > _separators(layer):
            return "dots or slashes encoded more than once"
        layer = decoded
    return "encoded too often"


def _danger_in_layer(layer: bytes) -> str:
    if _CONTROL_OR_BACKSLASH.search(layer):
        return "encoded control character or backslash"
    if _OVERLONG.search(layer):
        return "overlong UTF-8"
    if _UNICODE_ESCAPE.search(layer):
        return "%u escape"
    text = layer.decode("utf-8", "replace")
    plain = unicodedata.normalize("NFKC", text)
    if _LOOKS_LIKE_SEPARATOR.search(text) or plain.count("/") > text.count("/") or "\\" in plain:
        return "character that looks like a slash"
    if any(map(_is_dot_segment, plain.split("/"))):
        return "dot segment"
    return ""


def _is_dot_segment(segment: str) -> bool:
    name, *parameters = segment.split(";")
    values = [name, *(parameter.rpartition("=")[2] for parameter in parameters)]
    return any(value.strip() in (".", "..") for value in values)


def _separators(layer: bytes) -> int:
    return layer.count(b"/") + layer.count(b".")
