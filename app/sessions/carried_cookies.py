"""Backend cookies of callers without a session: they carry them, sealed, in `ARBE`."""

from __future__ import annotations

import json

from app.principal import Principal, principal_bytes
from app.request_head import RequestHead
from app.sessions.backend_cookies import BackendCookies
from app.sessions.cookie import CARRIED_COOKIE, CookieWriter
from app.sessions.sealed_box import SealedBox

FORMAT = "1:"
MAX_CHARACTERS = 32_768
_NAME = CARRIED_COOKIE.encode()


class CarriedCookies:
    """Seals with `BACKEND_COOKIES_SECRET`. What one principal was given does not open for another, and what nobody was
    given opens for nobody who is known.
    """

    def __init__(self, secret: str, writer: CookieWriter) -> None:
        self._box = SealedBox(secret, "carried cookies")
        self.writer = writer

    def read(self, head: RequestHead, principal: Principal) -> BackendCookies:
        """The cookies a request carries; none when there are none, or they are not this principal's."""
        if not any(_NAME in value for name, value in head.headers if name == b"cookie"):
            return BackendCookies()
        value = head.cookies().get(CARRIED_COOKIE, "")
        if not value.startswith(FORMAT) or len(value) > MAX_CHARACTERS:
            return BackendCookies()
        plain = self._box.open(value.removeprefix(FORMAT), principal_bytes(principal))
        return BackendCookies.load(json.loads(plain)) if plain is not None else BackendCookies()

    def write(self, head: RequestHead, principal: Principal, cookies: BackendCookies) -> tuple[bytes, bytes]:
        """The Set-Cookie header that makes the caller carry these cookies."""
        plain = json.dumps(cookies.dump(), separators=(",", ":")).encode()
        return self.writer.write(head, CARRIED_COOKIE, FORMAT + self._box.seal(plain, principal_bytes(principal)))
