"""`Vary`: which request headers an answer depends on, so that no cache gives it to the wrong client
(RFC 9110, 12.5.5).
"""

from __future__ import annotations

VARY = b"vary"


def add_vary(headers: list[tuple[bytes, bytes]], field: bytes) -> None:
    """Name a request header in `Vary` of these headers (lower-case names), in place and once."""
    for index, (name, value) in enumerate(headers):
        if name == VARY:
            named = value.lower().replace(b" ", b"").split(b",")
            if field.lower() not in named and b"*" not in named:
                headers[index] = (VARY, value + b", " + field if value else field)
            return
    headers.append((VARY, field))
