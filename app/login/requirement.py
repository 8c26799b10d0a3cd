"""What becomes of a request on a route that wants a login. Pure."""

from __future__ import annotations

from enum import Enum

from app.errors import Failure, GatewayError
from app.request_head import RequestHead


class Requirement(Enum):
    """`PROCEED` with the caller we know, or send the browser to the `LOGIN`."""

    PROCEED = "proceed"
    LOGIN = "login"


def decide(head: RequestHead, is_known: bool, is_websocket: bool = False) -> Requirement:
    """Whether a request on a protected route passes. Raises `LOGIN_REQUIRED` where a redirect would help nobody:
    AJAX, web sockets and any method but GET.
    """
    if is_known:
        return Requirement.PROCEED
    if is_websocket or head.method != "GET" or is_script(head):
        raise GatewayError(Failure.LOGIN_REQUIRED, headers=((b"www-authenticate", b'Session realm="login"'),))
    return Requirement.LOGIN


def is_script(head: RequestHead) -> bool:
    """Whether a page's script asks, not a person who navigates: by its own word, or by the browser's (Fetch Metadata).

    Scripts cannot follow a redirect to the login: it leads to another origin.
    """
    asked = (head.header(b"x-requested-with") or "").lower()
    if any(word.strip() == "xmlhttprequest" for word in asked.split(",")):
        return True
    return head.header(b"sec-fetch-dest") == "empty" and head.header(b"sec-fetch-mode") != "navigate"
