"""Which file a target path names: decided on the text alone, before the file system is touched.

The path is percent-decoded exactly once. What could mean another file to another reader is refused rather than
cleaned: dot segments, backslashes, control characters, a second layer of encoding, characters that look like dots or
slashes. There are no patterns: `*`, `?` and brackets are ordinary characters of a name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from app.errors import Failure, GatewayError

MAX_PATH = 4096

_ENCODED_AGAIN = re.compile(r"%[0-9A-Fa-f]{2}")
# Backslash, control characters, and the forms of ".", "/" and "\" that normalisation (NFKC) or a reader may fold:
# one and two dot leader, fraction and division slash, big and set-minus solidus, small and full-width forms.
_DISGUISED = re.compile(
    "[\\\\\x00-\x1f\x7f\u2024\u2025\u2044\u2215\u2216\u29f5\u29f8\u29f9\ufe52\ufe68\uff0e\uff0f\uff3c]"
)
# Configuration that lies beside static files when `localDir` is the working directory.
_CONFIGURATION = frozenset(
    {"xs-app.json", "xs-security.json", "default-env.json", "default-services.json", "manifest.yml", "mta.yaml"}
)


@dataclass(frozen=True, slots=True)
class FilePath:
    """The segments of a file's path below its root; `directory` when the path ended with a slash (or is empty)."""

    segments: tuple[str, ...]
    directory: bool

    @property
    def text(self) -> str:
        """The path in one piece, from its root: `/sub/deep.txt`."""
        return "/" + "/".join(self.segments)

    def index(self, name: str) -> FilePath:
        """The index file in this directory."""
        return FilePath((*self.segments, name), False)


def file_path(target: str) -> FilePath:
    """The file path of a rewritten target: path, as sent or rewritten (percent-encoded), a query is ignored.

    Raises GatewayError: PATH_REFUSED for paths that try to leave the root or are disguised; NO_ROUTE for hidden files
    (a name that starts with a dot) and for configuration files.
    """
    path = _decode(target.partition("?")[0])
    segments = tuple(segment for segment in path.split("/") if segment)
    for segment in segments:
        _check(segment)
    return FilePath(segments, path.endswith("/") or not segments)


def _decode(path: str) -> str:
    if len(path) > MAX_PATH:
        raise GatewayError(Failure.URI_TOO_LONG)
    try:
        text = unquote_to_bytes(path.encode("latin-1")).decode()
    except UnicodeError as error:
        raise GatewayError(Failure.PATH_REFUSED, "The path is not UTF-8.") from error
    if _DISGUISED.search(text) or _ENCODED_AGAIN.search(text):
        raise GatewayError(Failure.PATH_REFUSED)
    return text


def _check(segment: str) -> None:
    if segment.partition(";")[0] in {".", ".."}:
        raise GatewayError(Failure.PATH_REFUSED)
    # A colon names drives and streams on Windows.
    if segment.startswith(".") or ":" in segment or segment.casefold() in _CONFIGURATION:
        raise GatewayError(Failure.NO_ROUTE, "There is no such file.")
