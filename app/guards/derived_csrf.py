"""CSRF tokens of callers without a session: derived from who they are, so that nothing has to be kept. Pure."""

from __future__ import annotations

import hmac
import os
from base64 import urlsafe_b64encode


class DerivedCsrfTokens:
    """For callers with name and password, whose browser sends both by itself: a foreign page has them, too, but cannot
    read an answer, and so not the token. Instances that share a secret accept each other's; without a secret a random
    one is used, and the tokens are this process's own.
    """

    def __init__(self, secret: str = "") -> None:
        self._key = hmac.digest(secret.encode() or os.urandom(32), b"gangway derived csrf token", "sha256")

    def token(self, principal: bytes) -> str:
        """The token of a caller, named by `principal_bytes`."""
        return urlsafe_b64encode(hmac.digest(self._key, principal, "sha256")).rstrip(b"=").decode()
