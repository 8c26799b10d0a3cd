"""Host names as the gateway resolves them."""

from __future__ import annotations

LOOPBACK = "127.0.0.1"


def resolvable(host: str) -> str:
    """The name to resolve for `host`: names below `.localhost` are loopback everywhere (RFC 6761, 6.3)."""
    return LOOPBACK if host.lower().endswith(".localhost") else host
