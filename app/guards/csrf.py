"""Cross-site request forgery protection: a token fetched by the page must come back with each change. Pure."""

from __future__ import annotations

import hmac

from app.answer import Headers
from app.errors import Failure, GatewayError
from app.guards.origins import ALLOW_CREDENTIALS, is_our_page, parse_origin
from app.request_head import RequestHead

HEADER = b"x-csrf-token"
EXEMPT_METHODS = frozenset({"GET", "HEAD"})
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_OWN_SITE = frozenset((b"same-origin", b"none"))
"""A page of ours, or the person (address bar, bookmark). Hosts beside ours (`same-site`) can be other tenants'."""
_REQUIRED = ((HEADER, b"Required"),)


def is_fetch(head: RequestHead) -> bool:
    """Whether a request asks for a token: GET or HEAD with `x-csrf-token: fetch`."""
    if head.method not in EXEMPT_METHODS:
        return False
    value = head.header(HEADER)
    return value is not None and value.strip().lower() == "fetch"


def is_foreign_change(head: RequestHead, granted: Headers = ()) -> bool:
    """Whether a page of another origin makes the browser ask for a change, by the browser's own word: Fetch Metadata,
    or `Origin` where it sends none. `granted`: the headers of a CORS ruling, which may let that origin act for users.

    On routes without a token, such a request is served, but not as the user whose cookies came along.
    """
    if head.method in SAFE_METHODS or ALLOW_CREDENTIALS in granted:
        return False
    site = head.first.get(b"sec-fetch-site")
    if site is not None:
        return site not in _OWN_SITE
    text = head.header(b"origin")
    if text is None:  # no browser, or no page
        return False
    origin = parse_origin(text)
    return origin is None or not is_our_page(origin, head)


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
