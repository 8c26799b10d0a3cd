"""`SECURE_SESSION_COOKIE=true`: what comes over plain http goes no further; our cookies would never come back. Pure."""

from __future__ import annotations

from app.errors import Failure, GatewayError
from app.public_address import public_scheme
from app.request_head import RequestHead


def check_scheme(head: RequestHead) -> None:
    """Refuse (`HTTPS_REQUIRED`) a request that did not reach us by https."""
    if public_scheme(head) != "https":
        raise GatewayError(Failure.HTTPS_REQUIRED)
