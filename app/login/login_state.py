"""The `state` of a login: everything the callback needs, sealed into the browser's own round trip.

Nothing is kept here for a caller who is not logged in, several tabs can log in at once, and any instance that knows
the secret (`STATE_PARAMETER_SECRET`) can take the callback.
"""

from __future__ import annotations

import hmac
import json
import secrets
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256

from app.routing.route import AuthenticationType
from app.sessions.sealed_box import SealedBox

MAX_LOCATION = 1024
MAX_STATE = 4096


@dataclass(frozen=True, slots=True)
class LoginState:
    """`location`: the path to return to, empty when it is too long to be carried. `code_verifier`: PKCE's secret
    (RFC 7636). `browser`: digest of the mark in the browser's cookie. `issued_at`: epoch seconds. `kind`: with which
    authorization server.
    """

    location: str
    code_verifier: str = field(repr=False)
    browser: str
    issued_at: int
    kind: AuthenticationType

    @property
    def nonce(self) -> str:
        """What ties an id token to this login; it follows from the secret, so that nothing more has to be carried."""
        return digest(f"nonce {self.code_verifier}") if self.code_verifier else ""

    def mark_among(self, marks: list[str]) -> str | None:
        """Which of the marks a browser shows was there when this login began; None: it began in another browser."""
        return next((mark for mark in marks if hmac.compare_digest(digest(mark), self.browser)), None)


def digest(mark: str) -> str:
    """How a browser's mark stands in a state."""
    return urlsafe_b64encode(sha256(mark.encode()).digest()).rstrip(b"=").decode()


class LoginStates:
    """Makes and reads states. `lifetime` (`STATE_CACHE`) in seconds: how long a user may take to log in."""

    def __init__(self, secret: str, lifetime: int = 60, clock: Callable[[], float] = time.time) -> None:
        self._box = SealedBox(secret, "login state")
        self._lifetime = lifetime
        self._clock = clock

    def begin(self, location: str, mark: str, kind: AuthenticationType) -> tuple[LoginState, str]:
        """A new login of the browser with this mark, and its sealed state."""
        short = location if len(location) <= MAX_LOCATION else ""
        state = LoginState(short, secrets.token_urlsafe(32), digest(mark), int(self._clock()), kind)
        plain = json.dumps([state.location, state.code_verifier, state.browser, state.issued_at, kind])
        return state, self._box.seal(plain.encode())

    def read(self, sealed: str) -> LoginState | None:
        """The state, or None when it is not ours or was changed."""
        plain = self._box.open(sealed) if len(sealed) <= MAX_STATE else None
        if plain is None:
            return None
        location, code_verifier, browser, issued_at, kind = json.loads(plain)
        return LoginState(location, code_verifier, browser, issued_at, AuthenticationType(kind))

    def is_late(self, state: LoginState) -> bool:
        """Whether the login has taken too long."""
        return not -60 <= self._clock() - state.issued_at <= self._lifetime
