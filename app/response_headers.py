"""The headers an administrator adds to answers: `httpHeaders`, `responseHeaders`, `X-Frame-Options`, CSP.

Headers configured in xs-app.json (`responseHeaders`) win over those of the same name in the environment
(`httpHeaders`), and a header that an answer brings itself wins over both, whoever gives the answer. What one place
configures twice is sent twice. `MERGE_CSP_HEADERS` makes one exception: the configured `Content-Security-Policy` then
stands beside a backend's own, and browsers enforce both. Pages of our own bring a policy for what they need; only who
may frame them is said by the configured one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from app.answer import Headers
from app.cache_control import CACHE_CONTROL

_FRAME_OPTIONS = (b"x-frame-options", b"SAMEORIGIN")
_CSP = b"content-security-policy"
_FRAMES = b"frame-ancestors"
MAX_FRAMED = 100
"""Policies kept for different directives: one for each tenant at most."""


@dataclass(frozen=True, slots=True)
class ResponsePolicy:
    """The configured headers, ready to be added to answers. `merge_csp`: `MERGE_CSP_HEADERS`. `rules_caches`: they say
    something about caches.
    """

    configured: Headers = (_FRAME_OPTIONS,)
    merge_csp: bool = False
    rules_caches: bool = field(init=False)
    _give_way: frozenset[bytes] = field(init=False, repr=False)
    _framed: dict[bytes, ResponsePolicy] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        beside = {_CSP} if self.merge_csp else set()
        object.__setattr__(self, "rules_caches", any(name == CACHE_CONTROL for name, _ in self.configured))
        object.__setattr__(self, "_give_way", frozenset(name for name, _ in self.configured) - beside)

    @classmethod
    def prepare(
        cls,
        http_headers: Iterable[tuple[str, str]] = (),
        response_headers: Iterable[tuple[str, str]] = (),
        *,
        send_x_frame_options: bool = True,
        merge_csp: bool = False,
    ) -> ResponsePolicy:
        """The policy of this configuration: pairs of name and value from the environment and from xs-app.json, such
        as `routing.descriptor_header` accepts.
        """
        merged: Headers = (_FRAME_OPTIONS,) if send_x_frame_options else ()
        for given in (http_headers, response_headers):
            merged = _overridden(
                merged, tuple((name.lower().encode(), value.strip().encode()) for name, value in given)
            )
        return cls(merged, merge_csp)

    def framed_by(self, ancestors: bytes) -> ResponsePolicy:
        """This policy with the directive `ancestors` about frames in its Content-Security-Policy; itself for none."""
        if not ancestors:
            return self
        policy = self._framed.get(ancestors)
        if policy is None:
            if len(self._framed) >= MAX_FRAMED:
                self._framed.clear()
            has_csp = any(name == _CSP for name, _ in self.configured)
            with_csp = self.configured if has_csp else ((_CSP, b""), *self.configured)
            policy = self._framed[ancestors] = ResponsePolicy(_with_directive(with_csp, ancestors), self.merge_csp)
        return policy

    def missing_from(self, headers: Iterable[tuple[bytes, bytes]]) -> Headers:
        """What has to be added to an answer with these headers (lower-case names)."""
        give_way = self._give_way
        sent = [name for name, _ in headers if name in give_way]
        if not sent:
            return self.configured
        return tuple(pair for pair in self.configured if pair[0] not in sent)

    def completed(self, headers: Headers) -> Headers:
        """The headers of an answer of our own, with what they lack."""
        missing = self.missing_from(headers)
        if not any(name == _CSP for name, _ in headers):
            return headers + missing
        policies = b",".join(value for name, value in self.configured if name == _CSP)
        ancestors, *others = _frame_ancestors(policies) or [b""]
        framed = _with_directive(headers, ancestors) if ancestors else headers
        beside = tuple((_CSP, directive) for directive in others)
        return framed + beside + tuple(pair for pair in missing if pair[0] != _CSP)


def _overridden(headers: Headers, others: Headers) -> Headers:
    """Headers, where those of a name give way to others of the same name."""
    names = {name for name, _ in others}
    return tuple(pair for pair in headers if pair[0] not in names) + others


def _frame_ancestors(policies: bytes) -> list[bytes]:
    """What policies say about frames, each once: they hold together, and in each of them the first directive counts."""
    found = (next(filter(_is_about_frames, _directives(policy)), b"") for policy in policies.split(b","))
    return list(dict.fromkeys(filter(None, found)))


def _with_directive(headers: Headers, ancestors: bytes) -> Headers:
    """Headers whose Content-Security-Policy says about frames what `ancestors` says, and nothing else."""
    return tuple((name, _reframed(value, ancestors) if name == _CSP else value) for name, value in headers)


def _reframed(policies: bytes, ancestors: bytes) -> bytes:
    """One header can hold several policies, with commas between them, which hold together (CSP3, 2.2.1)."""
    *others, last = (_without_frames(policy) for policy in policies.split(b","))
    return b", ".join([*filter(None, others), b"; ".join(filter(None, (last, ancestors)))])


def _without_frames(policy: bytes) -> bytes:
    return b"; ".join(each for each in _directives(policy) if not _is_about_frames(each))


def _directives(policy: bytes) -> list[bytes]:
    return [directive for each in policy.split(b";") if (directive := each.strip())]


def _is_about_frames(directive: bytes) -> bool:
    return directive.split(None, 1)[0].lower() == _FRAMES
