"""The page between a protected address and the login: it keeps the fragment, which browsers do not send. Pure."""

from __future__ import annotations

import html
import json
import secrets
from dataclasses import dataclass

from app.answer import Answer, Headers
from app.sessions.cookie import FRAGMENT_COOKIE

KEY_CHARACTERS = 12
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Login</title></head>
<body><script nonce="{nonce}">
(function () {{
  var fragment = encodeURIComponent(location.hash);
  if (fragment && fragment.length < 2000) document.cookie = {cookie} + fragment + {attributes};
  location.replace({address});
}})();
</script><noscript><a href="{link}">Continue to the login</a></noscript></body></html>
"""
_STRICT = "default-src 'none'; script-src 'nonce-{nonce}'; base-uri 'none'; form-action 'none'"
_EXTENDED = (
    "; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'"  # as EXTENDED_LOGIN_CSP names them
)


@dataclass(frozen=True, slots=True)
class LoginPageOptions:
    """`extended_csp`: `EXTENDED_LOGIN_CSP`; `omit_csp`: `OMIT_LOGIN_CSP`."""

    extended_csp: bool = False
    omit_csp: bool = False


def fragment_key(state: str) -> str:
    """Ties a remembered fragment to one login: another tab's is not mistaken for it."""
    return state[:KEY_CHARACTERS]


def login_page(address: str, state: str, attributes: str, options: LoginPageOptions, headers: Headers) -> Answer:
    """The page that goes on to `address`. `attributes` are those of the cookie it writes, each after a `; `."""
    nonce = secrets.token_urlsafe(16)
    body = _PAGE.format(
        nonce=nonce,
        cookie=_script_text(f"{FRAGMENT_COOKIE}={fragment_key(state)}:"),
        attributes=_script_text(f"; Path=/; Max-Age=600{attributes}"),
        address=_script_text(address),
        link=html.escape(address),
    )
    page: Headers = ((b"content-type", b"text/html; charset=utf-8"), (b"cache-control", b"no-store"))
    if not options.omit_csp:
        policy = (_STRICT + (_EXTENDED if options.extended_csp else "")).format(nonce=nonce)
        page += ((b"content-security-policy", policy.encode()),)
    return Answer(200, page + headers, body.encode())


def _script_text(text: str) -> str:
    """A string literal inside a script element: nothing in it can end the element."""
    return json.dumps(text).replace("<", "\\u003c").replace(">", "\\u003e")
