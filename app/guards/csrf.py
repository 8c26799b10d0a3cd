"""Cross-site request forgery protection: a token fetched by the page must come back with each change. Pure."""

from __future__ import annotations

import hmac

from app.errors import Failure, GatewayError
from app.request_head import RequestHead

HEADER = b"x-csrf-token"
EXEMPT_METHODS = frozenset({"GET", "HEAD"})
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_REQUIRED = ((HEADER, b"Required"),)


def is_fetch(head: RequestHead) -> bool:
    """Whether a request asks for a token: GET or HEAD with `x-csrf-token: fetch`."""
    if head.method not in EXEMPT_METHODS:
        return False
    value = head.header(HEADER)
    return value is not None and value.strip().lower() == "fetch"


def is_foreign_change(head: RequestHead) -> bool:
    """Whether a page of another site makes the browser ask for a change, by the browser's own word (Fetch Metadata).

    On routes without a token, such a request is served, but not as the user whose cookies came along.
    """
    return head.method not in SAFE_METHODS and head.first.get(b"sec-fetch-site") == b"cross-site"


def token_header(token: str) -> tuple[bytes, bytes]:
    """The header that answers a fetch."""
    return HEADER, token.encode("ascii")


def check_csrf(head: RequestHead, expected: str) -> None:
    """Refuse a changing request without the session's token (`CSRF_REQUIRED`); `expected` is empty when none was
    fetched. For routes that are protected; public ones need no token, and no more do services (`csrf_exempt`).
    """
    if head.method in EXEMPT_METHODS:
        return
    sent = head.header(HEADER) or ""
    if not expected or not hmac.compare_digest(sent.encode("latin-1"), expected.encode()):
        raise GatewayError(Failure.CSRF_REQUIRED, headers=_REQUIRED)
