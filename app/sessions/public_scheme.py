"""How the browser reached us, seen through the router in front."""

from __future__ import annotations

from app.request_head import RequestHead


def public_scheme(head: RequestHead) -> str:
    """`https` or `http`: what the front end says in x-forwarded-proto (first of a list), else our own socket's."""
    forwarded = head.header(b"x-forwarded-proto")
    if forwarded is not None:
        first = forwarded.partition(",")[0].strip().lower()
        if first in ("http", "https"):
            return first
    return "https" if head.scheme in ("https", "wss") else "http"
