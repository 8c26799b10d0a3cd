"""The `welcomeFile`: where a request for the root path goes."""

from __future__ import annotations

from urllib.parse import quote

from app.answer import Answer, redirect
from app.public_address import public_prefix
from app.request_head import RequestHead

_URL_CHARACTERS = "!#$%&'()*+,-./:;=?@[]_~"


def welcome(head: RequestHead, welcome_file: str, base: str = "") -> Answer | RequestHead:
    """What becomes of a request: the redirect to the welcome file, or the request to go on with.

    A request for the root, `base` and a slash, is redirected, query included; with `x-csrf-token: fetch` the welcome
    file is served in its place. All other requests go on as they are.
    """
    if head.path != f"{base}/":
        return head
    file = quote(welcome_file, safe=_URL_CHARACTERS)
    target = f"{base}/{file.lstrip('/')}" if base else file
    if head.query:
        target += ("&" if "?" in target else "?") + quote(head.query, safe=_URL_CHARACTERS, encoding="latin-1")
    if (head.header(b"x-csrf-token") or "").lower() == "fetch":
        return RequestHead(head.method, "/" + target.lstrip("/"), head.headers, head.client, head.scheme)
    prefix = public_prefix(head)
    return redirect(f"{prefix}/{target.lstrip('/')}" if prefix else target)
