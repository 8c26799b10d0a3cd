"""Sessions in a store outside of the process: any instance serves any session, and a stolen store opens nothing.

What leaves the process is sealed with a key from `sessionSecret` and bound to the session and the part it belongs to:
parts cannot be swapped, and neither ids nor tokens can be read. An instance keeps copies of the sessions it serves,
each asked for its version with every request: a copy never outlives the session, and never serves an older state.

Rule for changes at the same time, in two requests or two instances: parts are written one by one (see
`session_parts`), a CSRF token is made once, the token is renewed by one process only (`alone`), and for the rest the
later write of the same part counts. Whoever finds that another wrote in between reads the session again.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import secrets
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from weakref import WeakValueDictionary

from app.errors import Failure, GatewayError
from app.sessions.sealed_parts import SealedParts
from app.sessions.session import Session
from app.sessions.session_parts import CSRF, TokenPart, Values, apply, token_part, values_of
from app.sessions.session_table import Row, SessionTable
from app.sessions.store import LOGIN_SECONDS, Lifetime
from app.tokens.single_flight import SingleFlight

log = logging.getLogger("gangway.sessions")

COPIES = 10_000
COPY_SECONDS = 60.0
REAP_SECONDS = 120.0
LOCK_SECONDS = 10.0
LOCK_PAUSE = 0.05
LOCK_PATIENCE = 30.0


class Copy(Session):
    """This instance's copy of a stored session. `known` are the parts the store is known to have at `version`."""

    __slots__ = ("__weakref__", "known", "unsaved", "version")

    def __init__(self, key: bytes, part: TokenPart) -> None:
        super().__init__(
            key, part.caller, part.refresh_token, part.created_at, part.attention_at, login_names=part.login_names
        )
        self.known: Values = {}
        self.version = 0
        self.unsaved = False


class ExternalSessionStore:
    """A `SessionStore` over a `SessionTable`.

    `touch_every`: seconds between two writes of a session's last use; a session may live that much longer than its
    idle time, never shorter. By default a tenth of the idle time, at most 30 s.
    """

    def __init__(
        self,
        table: SessionTable,
        secret: str,
        lifetime: Lifetime,
        clock: Callable[[], float] = time.time,
        touch_every: float | None = None,
    ) -> None:
        self._table = table
        self._parts = SealedParts(secret, "stored session")
        self._name_key = hmac.digest(secret.encode(), b"gangway login names", "sha256")
        self._lifetime = lifetime
        self._clock = clock
        self._touch_every = min(30.0, lifetime.idle / 10) if touch_every is None else touch_every
        self._copies: WeakValueDictionary[bytes, Copy] = WeakValueDictionary()
        self._kept: OrderedDict[bytes, Copy] = OrderedDict()
        self._touching: SingleFlight[bytes, Session | None] = SingleFlight()

    async def load(self, key: bytes) -> Session | None:
        """See `SessionStore`."""
        copy = self._copies.get(key)
        if copy is None:
            return await self._loaded(key)
        glimpse = await self._table.glance(key)
        if glimpse is None:
            self._drop(key)
            return None
        if copy.unsaved:
            await self._update(copy)
        if copy.version != glimpse.version:
            return await self._loaded(key)
        return await self._used(copy, glimpse.ends_at)

    def touch(self, key: bytes) -> None:
        """See `SessionStore`. The store is asked no more often than a session's use is written."""
        copy = self._copies.get(key)
        if copy is None or self._clock() >= copy.last_used + self._touch_every:
            self._touching.start(key, lambda: self.load(key))

    async def _loaded(self, key: bytes) -> Session | None:
        row = await self._table.read(key)
        copy = self._take(key, row) if row is not None else None
        if row is None or copy is None:
            self._drop(key)
            return None
        return await self._used(copy, row.ends_at)

    async def _used(self, copy: Copy, ends_at: float) -> Session | None:
        now = self._clock()
        if now >= min(ends_at, self._lifetime.limit(copy)):  # only the limit follows from what is sealed
            return None  # what has to happen at its end is up to `expire`
        copy.last_used = now
        self._kept[copy.key] = copy
        self._kept.move_to_end(copy.key)
        if len(self._kept) > COPIES:
            self._kept.popitem(last=False)
        if self._lifetime.end(copy, now) > ends_at:
            end = self._end(copy, now)
            await self._table.prolong(copy.key, end, self._keep(end, now))
        return copy

    def _end(self, session: Session, now: float) -> float:
        return self._lifetime.end(session, now + self._touch_every)

    @staticmethod
    def _keep(end: float, now: float) -> float:
        """Seconds for which the store has a row: a little longer, so that an end can be acted upon."""
        return max(end - now, 0) + REAP_SECONDS

    def _take(self, key: bytes, row: Row) -> Copy | None:
        """The copy, brought to the row's state unless it is newer; None when the row is not ours."""
        copy = self._copies.get(key)
        if copy is not None and copy.version >= row.version:
            return copy
        try:
            values = self._parts.open(key, row.parts)
            if copy is None:
                copy = Copy(key, token_part(values))
            apply(copy, values)
        except ValueError:
            log.warning("a stored session cannot be opened: it was changed, or the session secret is another one")
            return None
        copy.known, copy.version = values_of(copy), row.version
        self._copies[key] = copy
        return copy

    def _drop(self, key: bytes) -> None:
        """A session that is gone from the store ends here, too."""
        self._kept.pop(key, None)
        copy = self._copies.pop(key, None)
        if copy is not None:
            copy.end()

    async def add(self, session: Session) -> None:
        """See `SessionStore`."""
        now = self._clock()
        end, parts = self._end(session, now), self._parts.seal(session.key, values_of(session))
        await self._table.create(session.key, parts, end, self._keep(end, now))
        for name in session.login_names:
            await self._table.name(self._hidden(name), session.key, self._lifetime.absolute)

    async def update(self, session: Session) -> None:
        """See `SessionStore`. What could not be written is written with the copy's next use."""
        if isinstance(session, Copy):
            await self._update(session)
        else:
            parts = self._parts.seal(session.key, values_of(session))
            once = {CSRF: parts.pop(CSRF)} if CSRF in parts else {}
            await self._table.write(session.key, parts, once, ())

    async def _update(self, copy: Copy) -> None:
        values, key, before = values_of(copy), copy.key, copy.version
        changed = {name: value for name, value in values.items() if copy.known.get(name) != value}
        removed = copy.known.keys() - values.keys()
        once = {CSRF: changed.pop(CSRF)} if CSRF in changed else {}
        copy.unsaved = bool(changed or once or removed)
        if not copy.unsaved:
            return
        version = await self._table.write(key, self._parts.seal(key, changed), self._parts.seal(key, once), removed)
        copy.unsaved = False
        if version == before + 1 == copy.version + 1:
            copy.known, copy.version = values, version
        else:  # somebody else wrote, too
            await self._refresh(key)

    async def _refresh(self, key: bytes) -> None:
        """Bring the copy to the stored state."""
        row = await self._table.read(key)
        if row is None or self._take(key, row) is None:
            self._drop(key)

    async def of_login(self, name: bytes) -> list[Session]:
        """See `SessionStore`."""
        found: list[Session] = []
        for key in await self._table.named(self._hidden(name)):
            row = await self._table.read(key)
            session = self._take(key, row) if row is not None else None
            if session is not None:
                found.append(session)
        return found

    async def end_login(self, name: bytes) -> None:
        """See `SessionStore`. The key found under the name of an ended login is no row's: it says that it has ended."""
        ended = self._hidden(b"ended " + name)
        await self._table.name(ended, ended, LOGIN_SECONDS)

    async def has_ended(self, name: bytes) -> bool:
        """See `SessionStore`."""
        return bool(await self._table.named(self._hidden(b"ended " + name)))

    def _hidden(self, name: bytes) -> bytes:
        """Names of logins tell of users: the store sees digests that only we can make."""
        return hmac.digest(self._name_key, name, "sha256")

    async def delete(self, key: bytes) -> None:
        """See `SessionStore`."""
        await self._table.delete(key)
        self._drop(key)

    @asynccontextmanager
    async def alone(self, session: Session) -> AsyncIterator[None]:
        """See `SessionStore`. The lock lapses some seconds after its holder has died."""
        holder = secrets.token_bytes(16)
        await self._claim(session.key, holder)
        keeper = asyncio.get_running_loop().create_task(self._keep_claimed(session.key, holder))
        try:
            if isinstance(session, Copy) and session.unsaved:
                await self._update(session)
            await self._refresh(session.key)
            yield
        finally:
            keeper.cancel()
            with suppress(GatewayError):
                await self._table.release(session.key, holder)

    async def _claim(self, key: bytes, holder: bytes) -> None:
        patience = self._clock() + LOCK_PATIENCE
        while not await self._table.claim(key, holder, LOCK_SECONDS):
            if self._clock() > patience:
                raise GatewayError(Failure.XSUAA_UNAVAILABLE, "another instance has been renewing the token for long")
            await asyncio.sleep(LOCK_PAUSE)

    async def _keep_claimed(self, key: bytes, holder: bytes) -> None:
        while True:
            await asyncio.sleep(LOCK_SECONDS / 3)
            with suppress(GatewayError):
                await self._table.claim(key, holder, LOCK_SECONDS)

    async def expire(self) -> list[Session]:
        """See `SessionStore`; a session's end is reported by one of the instances. Copies that nobody uses go, too."""
        now = self._clock()
        while self._kept and next(iter(self._kept.values())).last_used < now - COPY_SECONDS:
            self._kept.popitem(last=False)
        await self._end_copies_without_session()
        reaped = [await self._reap(key, now) for key in await self._table.take_ended(now)]
        return [session for session in reaped if session is not None]

    async def _end_copies_without_session(self) -> None:
        """Web sockets send no requests: whether their session still exists is asked for them."""
        watched = [copy for copy in self._copies.values() if copy.is_watched]
        glimpses = await asyncio.gather(*(self._table.glance(copy.key) for copy in watched))
        for copy, glimpse in zip(watched, glimpses, strict=True):
            if glimpse is None or self._clock() >= self._lifetime.limit(copy):
                self._drop(copy.key)

    async def _reap(self, key: bytes, now: float) -> Session | None:
        row = await self._table.read(key)
        if row is None:
            return None
        session = self._take(key, row)
        limit = self._lifetime.limit(session) if session is not None else now + self._lifetime.absolute
        ends_at = min(row.ends_at, limit)
        if ends_at > now:  # used at the last moment
            await self._table.prolong(key, ends_at, self._keep(ends_at, now))
            return None
        await self.delete(key)
        return session

    async def aclose(self) -> None:
        """See `SessionStore`."""
        await self._touching.aclose()
        await self._table.aclose()

    def __len__(self) -> int:
        """Copies held, not sessions."""
        return len(self._copies)
