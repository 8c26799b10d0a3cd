"""Where the identity service reports that a login has ended, so that the instance learns of it that has the session.

The service repeats the cookies by which the platform's router finds that instance. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

from app.request_head import RequestHead
from app.sessions.cookie import PLACEHOLDER, STICKY_COOKIE
from app.tokens.identity_provider import ReportAddress

MAX_VALUE = 512


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """`path`: `logout.backChannelLogoutEndpoint`. `platform_cookie`: `PLATFORM_COOKIE_NAME`. `session_cookie`:
    `SESSION_COOKIE_NAME`.
    """

    path: str
    platform_cookie: str
    session_cookie: str


def report_address(head: RequestHead, host: str, options: ReportOptions) -> ReportAddress:
    """Where the end of the login is reported that this request, to the public `host`, completes."""
    return ReportAddress(f"https://{host}{options.path}", ";".join(_cookies(head, options)))


def _cookies(head: RequestHead, options: ReportOptions) -> list[str]:
    """The platform's cookie as the browser has it. Cloud Foundry looks at it beside a session cookie alone, whose value
    means nothing to it: the real one opens a session, and is shown to nobody.
    """
    platform, session = options.platform_cookie, options.session_cookie
    value = head.cookies().get(platform, "") if platform != session else ""
    found = [f"{platform}={value}"] if 0 < len(value) <= MAX_VALUE else []
    return [*found, f"{STICKY_COOKIE}={PLACEHOLDER}"] if session == STICKY_COOKIE else found
