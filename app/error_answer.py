"""Turns a failure into the answer that helps its reader: a page for people, problem details for programs.

Both name the failing hop, what to do, and the correlation id under which the log has more.
"""

from __future__ import annotations

import html
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from app.answer import Answer, Headers, redirect
from app.errors import Failure, GatewayError
from app.observability.redaction import redact
from app.public_address import public_prefix
from app.request_head import RequestHead

MAX_DETAIL = 500
"""Characters of a detail that are shown."""

RETRY_AFTER = b"5"
"""Seconds; what a 503 asks for when the failure does not say otherwise."""

_CHALLENGES = {
    Failure.BASIC_REQUIRED: b'Basic realm="gangway", charset="UTF-8"',
    Failure.TOKEN_REFUSED: b'Bearer error="invalid_token"',
}
_CHALLENGE = b"Bearer"  # RFC 9110, 15.5.2: every 401 has one; this one opens no password dialog

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; color: #223548; background: #f5f6f7; margin: 0 }}
main {{ max-width: 36em; margin: 12vh auto; padding: 2em; background: #fff; border-radius: 8px }}
h1 {{ font-size: 1.4em; margin-top: 0 }}
dl {{ display: grid; grid-template-columns: auto 1fr; gap: .2em 1em; color: #556b82; font-size: .85em }}
dd {{ margin: 0; overflow-wrap: anywhere }}
</style>
</head>
<body>
<main>
<h1>{title}</h1>
<p>{advice}</p>
<p>{detail}</p>
<dl><dt>Status</dt><dd>{status}</dd><dt>Where</dt><dd>{hop}</dd><dt>Correlation id</dt><dd>{correlation_id}</dd></dl>
</main>
</body>
</html>
"""
_HTML_HEADERS: Headers = (
    (b"content-type", b"text/html; charset=utf-8"),
    (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'"),
)
_PROBLEM_HEADERS: Headers = ((b"content-type", b"application/problem+json"),)


@dataclass(frozen=True, slots=True)
class CustomPage:
    """What is shown in place of ours: content, or, where `redirect` is not empty, the path the browser is sent to."""

    content_type: bytes = b""
    body: bytes = b""
    redirect: str = ""


@dataclass(frozen=True, slots=True)
class ErrorPolicy:
    """How errors are shown: `RETURN_ERROR_SOURCE`, and the pages of `errorPage` by status. `login` is the path where
    a script sends its browser when a session has ended.
    """

    return_error_source: bool = False
    pages: Mapping[int, CustomPage] = field(default_factory=dict)
    login: str = ""


def error_answer(
    error: GatewayError, head: RequestHead, correlation_id: str, policy: ErrorPolicy = ErrorPolicy()
) -> Answer:
    """The answer to a request that failed; `send_answer` leaves its body out for HEAD."""
    row = error.row
    page = policy.pages.get(row.status)
    if page is not None and page.redirect and page.redirect != head.path:  # a page that fails itself: no loop
        return redirect(page.redirect)
    if page is not None and not page.redirect:
        content: Headers = ((b"content-type", page.content_type),)
        body = page.body
    elif _is_navigation(head):
        content, body = _HTML_HEADERS, _page(error, correlation_id)
    else:
        content, body = _PROBLEM_HEADERS, _problem(error, head, correlation_id, policy)
    return Answer(row.status, (*content, *_headers(error, policy)), body)


def _is_navigation(head: RequestHead) -> bool:
    if head.header(b"sec-fetch-mode") == "navigate":
        return True
    return head.method in {"GET", "HEAD"} and "text/html" in (head.header(b"accept") or "").lower()


def _headers(error: GatewayError, policy: ErrorPolicy) -> Headers:
    row = error.row
    headers = [
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
        (b"x-error-origin", row.hop.encode()),
        (b"x-error-message", _message(error)),
    ]
    if policy.return_error_source:
        headers.append((b"x-error-source", b"gateway"))
    own = {name for name, _ in error.headers}
    if row.status == 401 and b"www-authenticate" not in own:
        headers.append((b"www-authenticate", _CHALLENGES.get(error.failure, _CHALLENGE)))
    if row.status == 503 and b"retry-after" not in own:
        headers.append((b"retry-after", RETRY_AFTER))
    return (*headers, *error.headers)


def _detail(error: GatewayError) -> str:
    return redact(error.detail)[:MAX_DETAIL]


def _message(error: GatewayError) -> bytes:
    """Title and detail as a header value: printable ASCII, on one line."""
    detail = _detail(error)
    text = f"{error.row.title}: {detail}" if detail else error.row.title
    return "".join(c if " " <= c <= "~" else "?" for c in " ".join(text.split())).encode("ascii")


def _page(error: GatewayError, correlation_id: str) -> bytes:
    row = error.row
    values = {
        "title": row.title,
        "advice": error.advice,
        "detail": _detail(error),
        "status": str(row.status),
        "hop": row.hop.value,
        "correlation_id": correlation_id,
    }
    page = _PAGE.format_map({name: html.escape(value) for name, value in values.items()})
    return page.encode(errors="replace")


def _problem(error: GatewayError, head: RequestHead, correlation_id: str, policy: ErrorPolicy) -> bytes:
    """Problem details (RFC 9457); the type names the row of the error table."""
    row = error.row
    problem = {
        "type": f"urn:gangway:error:{error.failure.name.lower().replace('_', '-')}",
        "title": row.title,
        "status": row.status,
        "detail": _detail(error) or error.advice,
        "advice": error.advice,
        "hop": row.hop.value,
        "correlationId": correlation_id,
    }
    if error.failure is Failure.LOGIN_REQUIRED and policy.login:
        problem["login"] = public_prefix(head) + policy.login
    return json.dumps(problem).encode()
