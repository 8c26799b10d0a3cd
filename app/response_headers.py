"""The headers an administrator adds to answers: `httpHeaders`, `responseHeaders`, `X-Frame-Options`, CSP.

Headers configured in xs-app.json (`responseHeaders`) win over those of the environment (`httpHeaders`), and a header
that an answer brings itself wins over both, whoever gives the answer. `MERGE_CSP_HEADERS` makes one exception: the
configured `Content-Security-Policy` then stands beside the answer's own, and browsers enforce both.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from app.answer import Headers

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # RFC 9110, 5.6.2
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")  # RFC 9110, 5.5: anything but these and tab
_CREDENTIALS = frozenset({"authorization", "cookie", "set-cookie"})
_FRAMING = frozenset(
    {"connection", "content-length", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "date"}
)
_FRAME_OPTIONS = (b"x-frame-options", b"SAMEORIGIN")
_CSP = b"content-security-policy"


def header_problem(name: str, value: str) -> str | None:
    """What is wrong with a configured header, or None when it may be sent."""
    lowered = name.lower()
    if not _TOKEN.fullmatch(name):
        return f"{name!r} is not a header name"
    if lowered in _CREDENTIALS:
        return f"{name} must not be configured, for security reasons"
    if lowered in _FRAMING:
        return f"{name} must not be configured: the gateway sets it itself"
    if _CONTROL.search(value):
        return f"the value of {name} has a control character"
    if not value.isascii():
        return f"the value of {name} has a character outside ASCII"
    return None


@dataclass(frozen=True, slots=True)
class ResponsePolicy:
    """The configured headers, ready to be added to answers."""

    defaults: Headers = (_FRAME_OPTIONS,)
    always: Headers = ()
    _names: frozenset[bytes] = field(init=False, repr=False)
    _all: Headers = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_names", frozenset(name for name, _ in self.defaults))
        object.__setattr__(self, "_all", self.defaults + self.always)

    @classmethod
    def prepare(
        cls,
        http_headers: Iterable[tuple[str, str]] = (),
        response_headers: Iterable[tuple[str, str]] = (),
        *,
        send_x_frame_options: bool = True,
        merge_csp: bool = False,
    ) -> ResponsePolicy:
        """The policy of this configuration: pairs of name and value from the environment and from xs-app.json.

        Raises ValueError with all problems when a header may not be configured (see `header_problem`).
        """
        configured = [*http_headers, *response_headers]
        problems = [problem for name, value in configured if (problem := header_problem(name, value))]
        if problems:
            raise ValueError("; ".join(problems))
        merged = dict([_FRAME_OPTIONS]) if send_x_frame_options else {}
        for name, value in configured:
            merged[name.lower().encode()] = value.strip().encode()
        always = tuple(pair for pair in merged.items() if merge_csp and pair[0] == _CSP)
        return cls(tuple(pair for pair in merged.items() if pair not in always), always)

    def missing_from(self, headers: Iterable[tuple[bytes, bytes]]) -> Headers:
        """What has to be added to an answer with these headers (lower-case names)."""
        names = self._names
        sent = [name for name, _ in headers if name in names]
        if not sent:
            return self._all
        return tuple(pair for pair in self._all if pair[0] not in sent or pair in self.always)
