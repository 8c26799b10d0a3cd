"""How the browser reached us, seen through the router in front."""

from __future__ import annotations

import re

from app.request_head import RequestHead

_PREFIX = re.compile(r"(?:/(?!\.{1,2}(?:/|\Z))[A-Za-z0-9._~-]+)+")  # plain segments, none of them `.` or `..`


def public_scheme(head: RequestHead) -> str:
    """`https` or `http`: what the front end says in x-forwarded-proto (first of a list), else our own socket's."""
    forwarded = head.header(b"x-forwarded-proto")
    if forwarded is not None:
        first = forwarded.partition(",")[0].strip().lower()
        if first in ("http", "https"):
            return first
    return "https" if head.scheme in ("https", "wss") else "http"


def public_prefix(head: RequestHead) -> str:
    """The path in front of ours, such as `/apps/shop`, where something before us has removed it: what x-forwarded-path
    has before the path that came in. Empty without that header, and for all that is no path of plain segments.
    """
    forwarded = (head.header(b"x-forwarded-path") or "").partition("?")[0]
    prefix = forwarded.removesuffix(head.path) if forwarded != head.path else ""
    return prefix if prefix != forwarded and _PREFIX.fullmatch(prefix) else ""
