"""An answer the gateway gives itself: status, header pairs (lower-case names) and a small body."""

from __future__ import annotations

from dataclasses import dataclass

Headers = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer; `content-length` is added when it is sent."""

    status: int
    headers: Headers = ()
    body: bytes = b""

    def with_headers(self, headers: Headers) -> Answer:
        """The same answer with more headers."""
        return Answer(self.status, self.headers + headers, self.body)


def redirect(location: str, headers: Headers = (), status: int = 302) -> Answer:
    """A redirect. `location` is percent-encoded by the caller; CR, LF or NUL in it raise ValueError."""
    if any(c in location for c in "\r\n\x00"):
        raise ValueError("control character in a redirect")
    return Answer(status, ((b"location", location.encode("ascii")), (b"cache-control", b"no-store"), *headers))
