"""Content codings, and which of them a client wants (RFC 9110, 12.5.3)."""

from __future__ import annotations

import re
from enum import Enum
from functools import lru_cache

_LONGEST = 256
"""Bytes of an Accept-Encoding that is looked at; no client needs more to name what exists."""

_MEMBER = re.compile(
    rb"[ \t]*([!#$%&'*+\-.^_`|~0-9A-Za-z]+)[ \t]*(?:;[ \t]*[qQ]=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)[ \t]*)?"
)


class Coding(Enum):
    """A content coding; the value is its name in headers."""

    GZIP = b"gzip"
    BROTLI = b"br"
    ZSTD = b"zstd"


def preferred(accept: bytes | None, offered: tuple[Coding, ...]) -> Coding | None:
    """The coding for a client with this Accept-Encoding; None: none at all (identity).

    Its weights decide; among equals, the one that is offered first. Whoever sends no such header, or one that is not
    well-formed, gets identity.
    """
    if not accept or len(accept) > _LONGEST:
        return None
    return _preferred(accept, offered)


@lru_cache(maxsize=1024)
def _preferred(accept: bytes, offered: tuple[Coding, ...]) -> Coding | None:
    weights = _weights(accept)
    others = weights.get(b"*", 0)
    best = max(offered, key=lambda coding: weights.get(coding.value, others), default=None)
    weight = weights.get(best.value, others) if best is not None else 0
    return best if weight > 0 and weight >= weights.get(b"identity", 0) else None


def _weights(accept: bytes) -> dict[bytes, int]:
    """Thousandths by coding; empty when the header is not well-formed."""
    weights: dict[bytes, int] = {}
    for member in accept.split(b","):
        if not member.strip(b" \t"):  # RFC 9110, 5.6.1: empty members count for nothing
            continue
        match = _MEMBER.fullmatch(member)
        if match is None:
            return {}
        name = match[1].lower()
        weights.setdefault(b"gzip" if name == b"x-gzip" else name, round(float(match[2] or b"1") * 1000))
    return weights
