"""Sessions of applications that call us (reference, "Service to Application Router"): what belongs to such a caller
and outlives a request lies in the store that instances share.

The caller proves itself with each request; its session holds a CSRF token and backend cookies, never its right to
call. The key of a session is made of its id and of who is calling: knowing an id helps nobody else.
"""

from __future__ import annotations

import hmac
import math
import time
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256

from app.principal import KnownCaller, principal_bytes
from app.request_head import RequestHead
from app.sessions.sealed_parts import SealedParts
from app.sessions.session import new_csrf_token
from app.sessions.session_parts import CSRF, Values, apply_to_visitor, visitor_values
from app.sessions.session_table import SessionTable
from app.sessions.visitor import Visitor

ID_HEADER = b"x-approuter-ext-session-id"
SIGNATURE_HEADER = b"x-approuter-ext-session-id-sig"
EXPIRY_HEADER = b"x-approuter-ext-session-expiry"
LONGEST_SECONDS = 24 * 60 * 60.0
MAX_ID = 1024
MILLISECONDS_FROM = 100_000_000_000
"""A later time in seconds is some thousand years away: such a number is in milliseconds."""


@dataclass(frozen=True, slots=True)
class ServiceSessionOptions:
    """`secrets`: those of signatures, the newer first. `signed` is False where ids need no signature.

    `keeps_csrf`: callers are protected by a CSRF token. `keeps_cookies`: backend cookies stay here, else the caller
    carries them. `cookie`: a new session is told by a cookie, by which routers in front keep to one instance.
    """

    secrets: tuple[str, ...] = field(default=(), repr=False)
    signed: bool = True
    keeps_csrf: bool = False
    keeps_cookies: bool = False
    cookie: bool = False

    @property
    def needed(self) -> bool:
        """Whether there is anything to keep."""
        return self.keeps_csrf or self.keeps_cookies or self.cookie


class ServiceVisitor(Visitor):
    """A calling application with a session under `key` until `ends_at` (epoch seconds); `is_new`: opened just now."""

    __slots__ = ("ends_at", "is_new", "keeps_cookies", "key", "known")

    def __init__(self, caller: KnownCaller, key: bytes, ends_at: float, options: ServiceSessionOptions) -> None:
        super().__init__(caller, csrf_exempt=not options.keeps_csrf)
        self.key = key
        self.ends_at = ends_at
        self.keeps_cookies = options.keeps_cookies
        self.is_new = False
        self.known: Values = {}


def signature(session_id: str, secret: str) -> str:
    """What a caller shows to prove that it may name a session: HMAC-SHA256 in base64 without padding."""
    return b64encode(hmac.digest(secret.encode(), session_id.encode(), "sha256")).rstrip(b"=").decode()


def session_name(head: RequestHead, options: ServiceSessionOptions, now: float) -> tuple[str, float] | None:
    """The id and the end of the session a request names; None without one, or when it is not signed as it has to be."""
    session_id, expiry = head.header(ID_HEADER) or "", head.header(EXPIRY_HEADER) or ""
    if not 0 < len(session_id) <= MAX_ID or not (expiry.isascii() and expiry.isdigit() and len(expiry) < 16):
        return None
    ends_at = int(expiry) / 1000 if int(expiry) >= MILLISECONDS_FROM else float(expiry)
    if ends_at <= now or (options.signed and not _is_signed(head, session_id, options.secrets)):
        return None
    return session_id, min(ends_at, now + LONGEST_SECONDS)


def _is_signed(head: RequestHead, session_id: str, secrets: tuple[str, ...]) -> bool:
    shown = (head.header(SIGNATURE_HEADER) or "").rstrip("=").encode("latin-1", "replace")
    return any(hmac.compare_digest(shown, signature(session_id, secret).encode()) for secret in secrets)


class ServiceSessions:
    """Finds and keeps them. All methods raise `STORE_UNAVAILABLE`."""

    def __init__(
        self, table: SessionTable, secret: str, options: ServiceSessionOptions, clock: Callable[[], float] = time.time
    ) -> None:
        self._table = table
        self._parts = SealedParts(secret, "service session")
        self._options = options
        self._clock = clock

    async def visitor(self, head: RequestHead, caller: KnownCaller) -> ServiceVisitor:
        """The caller with its session: the one it names, else that of its token."""
        named = session_name(head, self._options, self._clock())
        token = caller.token
        session_id, ends_at = named or (f"token {token.fingerprint}", float(token.expires_at))
        # The length keeps an id from being continued by the name of somebody else.
        scope = b"%d:%s" % (len(session_id.encode()), session_id.encode())
        key = sha256(b"service session " + scope + principal_bytes(token.principal)).digest()
        visitor = ServiceVisitor(caller, key, ends_at, self._options)
        if not await self._read(visitor) and self._options.cookie:
            await self._create(visitor)
            visitor.is_new = True
        return visitor

    async def csrf_token(self, visitor: ServiceVisitor) -> str:
        """The session's CSRF token, made when first asked for."""
        if not visitor.csrf_token:
            visitor.csrf_token = new_csrf_token()
            await self.changed(visitor)
        return visitor.csrf_token

    async def changed(self, visitor: ServiceVisitor) -> None:
        """Keep what a request changed, beside what others change at the same time (see `external_store`)."""
        values = visitor_values(visitor)
        changed = {name: value for name, value in values.items() if visitor.known.get(name) != value}
        removed = visitor.known.keys() - values.keys()
        once = {CSRF: changed.pop(CSRF)} if CSRF in changed else {}
        sealed, sealed_once = self._parts.seal(visitor.key, changed), self._parts.seal(visitor.key, once)
        if not await self._table.write(visitor.key, sealed, sealed_once, removed):
            await self._create(visitor)
            await self._table.write(visitor.key, sealed, sealed_once, removed)
        await self._read(visitor)

    async def _read(self, visitor: ServiceVisitor) -> bool:
        """Bring the visitor to the stored state; False when nothing is stored that can be opened."""
        row = await self._table.read(visitor.key)
        if row is None:
            return False
        try:
            apply_to_visitor(visitor, self._parts.open(visitor.key, row.parts))
        except ValueError:
            return False
        visitor.known = visitor_values(visitor)
        return True

    async def _create(self, visitor: ServiceVisitor) -> None:
        keep = visitor.ends_at - self._clock()
        await self._table.create(visitor.key, {}, math.inf, max(keep, 1.0))
