"""Which pages of other origins may call (CORS; Fetch standard, 3.2), as `cors` and `CORS` say. Pure.

The first policy whose patterns fit path and host governs a request; a path without one is left to its backend. On a
governed path, a foreign origin that is not allowed is refused, as it is in the reference, and what the backend says
about origins is replaced: there is one place that decides.

Stricter than the reference where that protects users: patterns see the path without its query, and an origin that is
only allowed because everybody is (`"host": "*"`) never gets credentials.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from app.answer import Headers
from app.guards.origins import ALLOW_CREDENTIALS, Origin, OriginRule, is_own, parse_origin
from app.request_head import RequestHead
from app.routing.descriptor_cors import CorsPolicy
from app.routing.js_regex import Pattern, compile_pattern
from app.vary import VARY, add_vary

_PREFIX = b"access-control-"
_ALLOW_ORIGIN = b"access-control-allow-origin"
_REQUEST_METHOD = b"access-control-request-method"
_REQUEST_HEADERS = b"access-control-request-headers"
_VARIES: Headers = ((VARY, b"Origin"),)
ANY = "*"


class Verdict(Enum):
    """What becomes of a request."""

    PASS = auto()
    ANSWER = auto()
    """A preflight that is granted: it is answered with the ruling's headers alone."""
    REFUSE = auto()


@dataclass(frozen=True, slots=True)
class Ruling:
    """A verdict, and the headers of whatever answer the request gets. No headers: no policy governs the request."""

    verdict: Verdict = Verdict.PASS
    headers: Headers = ()


_UNGOVERNED = Ruling()


@dataclass(frozen=True, slots=True)
class CorsRule:
    """A policy, ready to be applied."""

    uri: Pattern
    host: Pattern | None
    origins: tuple[OriginRule, ...]
    anybody: bool
    methods: frozenset[str]
    request_headers: frozenset[str]
    credentials: bool
    on_answer: Headers
    """What an allowed origin's answers carry besides the origin."""
    on_preflight: Headers
    """What a granted preflight carries besides origin and method."""

    @classmethod
    def prepare(cls, policy: CorsPolicy) -> CorsRule:
        """The rule of a policy. Raises PatternError."""
        named = [origin for origin in policy.allowed_origin if origin.host != ANY]
        exposed = ", ".join(policy.expose_headers)
        preflight = [(b"access-control-allow-headers", ", ".join(policy.allowed_headers).encode("latin-1"))]
        if policy.max_age >= 0:
            preflight.append((b"access-control-max-age", b"%d" % policy.max_age))
        return cls(
            uri=compile_pattern(policy.uri_pattern),
            host=compile_pattern(policy.host_pattern) if policy.host_pattern is not None else None,
            origins=tuple(OriginRule.of(origin.host, origin.protocol, origin.port) for origin in named),
            anybody=len(named) < len(policy.allowed_origin),
            methods=frozenset(policy.allowed_methods),
            request_headers=frozenset(name.lower() for name in policy.allowed_headers),
            credentials=policy.allowed_credentials,
            on_answer=((b"access-control-expose-headers", exposed.encode("latin-1")),) if exposed else (),
            on_preflight=tuple(preflight),
        )

    def governs(self, path: str, host: str) -> bool:
        """Whether this is the policy for a path at a host, which may be matched with its port or without."""
        if self.uri.search(path) is None:
            return False
        if self.host is None:
            return True
        return self.host.search(host) is not None or self.host.search(_without_port(host)) is not None

    def rule(self, head: RequestHead, hosts: Sequence[str]) -> Ruling:
        """What becomes of a request that this rule governs; `hosts` are the names we are reached by."""
        text = head.header(b"origin")
        if text is None:
            return Ruling(headers=_VARIES)
        origin = parse_origin(text)
        if origin is not None and is_own(origin, hosts):
            return Ruling(headers=_VARIES)
        granted = self._granted(origin, text)
        wanted = head.header(_REQUEST_METHOD)
        if head.method == "OPTIONS" and wanted is not None:
            return self._preflight(granted, wanted, head)
        if not granted or head.method not in self.methods:
            return Ruling(Verdict.REFUSE, _VARIES)
        return Ruling(headers=granted + self.on_answer + _VARIES)

    def _granted(self, origin: Origin | None, text: str) -> Headers:
        """The headers that let an origin in, which is named as it was sent; none when it is not allowed."""
        if origin is None:  # `null` among them: any page can have that
            return ()
        allowed = (_ALLOW_ORIGIN, text.encode("latin-1"))
        if any(rule.matches(origin) for rule in self.origins):
            return (allowed, ALLOW_CREDENTIALS) if self.credentials else (allowed,)
        return (allowed,) if self.anybody else ()

    def _preflight(self, granted: Headers, method: str, head: RequestHead) -> Ruling:
        if not granted or method not in self.methods or not self._header_names(head) <= self.request_headers:
            return Ruling(Verdict.REFUSE, _VARIES)
        allowed = (b"access-control-allow-methods", method.encode("latin-1"))
        return Ruling(Verdict.ANSWER, (*granted, allowed, *self.on_preflight, *_VARIES))

    @staticmethod
    def _header_names(head: RequestHead) -> set[str]:
        """The headers a preflight asks for, lower-case."""
        lines = head.header_values(_REQUEST_HEADERS)
        return {name.strip().lower() for line in lines for name in line.split(",")} - {""}


def ruling(rules: Iterable[CorsRule], head: RequestHead) -> Ruling:
    """What the first rule that governs a request says about it."""
    own = head.header(b"host") or ""
    public = (head.header(b"x-forwarded-host") or own).partition(",")[0].strip()
    for rule in rules:
        if rule.governs(head.path, public):
            return rule.rule(head, (own, public))
    return _UNGOVERNED


def ruled(headers: Iterable[tuple[bytes, bytes]], ruled_headers: Headers) -> list[tuple[bytes, bytes]]:
    """An answer's headers with those of a ruling; what the answer itself says about origins gives way to them."""
    if not ruled_headers:
        return list(headers)
    result = [pair for pair in headers if not pair[0].startswith(_PREFIX)]
    result += [pair for pair in ruled_headers if pair[0] != VARY]
    add_vary(result, b"Origin")
    return result


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdecimal() else host
