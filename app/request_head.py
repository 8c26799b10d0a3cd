"""What the deciding code sees of a request: an immutable view of the ASGI scope."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from app.answer import Headers

_NEEDLESS = re.compile(r"(?<!%)(?<!%[0-9A-Fa-f])%(2[DdEe]|3[0-9]|4[1-9A-Fa-f]|5[0-9AaFf]|6[1-9A-Fa-f]|7[0-9AaEe])")
"""An escape of a character that means the same without. After a stray `%` it may be the rest of another one."""


class RequestHead:
    """Method, raw target and headers of one request, as received.

    `target` is path and query as sent (latin-1 text, always starting with `/`), `path` the part before `?`.
    Header names are lower-case bytes; `first` has the first value of each.
    """

    __slots__ = ("client", "first", "headers", "method", "path", "query", "scheme", "target")

    def __init__(
        self,
        method: str,
        target: str,
        headers: Headers | list[tuple[bytes, bytes]],
        client: str = "",
        scheme: str = "http",
    ) -> None:
        self.method = method
        self.target = target
        self.path, _, self.query = target.partition("?")
        self.headers = headers
        self.first: dict[bytes, bytes] = dict(reversed(headers))
        self.client = client
        self.scheme = scheme

    @classmethod
    def from_scope(cls, scope: Mapping[str, Any]) -> RequestHead:
        """The head of an ASGI `http` or `websocket` scope. In its path, letters, digits and `-._~` are not escaped (RFC
        3986, 6.2.2.2), so that it has one form for us and for who decodes it: what a route protects has no other name.
        """
        query = scope["query_string"]
        path: str = scope["raw_path"].decode("latin-1")
        if "%" in path:
            path = _NEEDLESS.sub(_unescaped, path)
        client = scope["client"]
        return cls(
            scope.get("method", "GET"),
            f"{path}?{query.decode('latin-1')}" if query else path,
            scope["headers"],
            client[0] if client else "",
            scope["scheme"],
        )

    def header(self, name: bytes) -> str | None:
        """The first value of a header, or None."""
        value = self.first.get(name)
        return None if value is None else value.decode("latin-1")

    def header_values(self, name: bytes) -> list[str]:
        """All values of a header."""
        if name not in self.first:
            return []
        return [value.decode("latin-1") for key, value in self.headers if key == name]

    def cookies(self) -> dict[str, str]:
        """Cookies by name; of several with one name the first counts, nameless ones are ignored (RFC 6265, 5.2)."""
        found: dict[str, str] = {}
        for line in self.header_values(b"cookie"):
            for pair in line.split(";"):
                name, equals, value = pair.strip().partition("=")
                if name and equals:
                    found.setdefault(name, value)
        return found


def _unescaped(escape: re.Match[str]) -> str:
    return chr(int(escape[1], 16))
