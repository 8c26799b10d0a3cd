"""Keeping the tokens of sessions alive: renewed before they end, in the background of requests."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

from app.errors import Failure, GatewayError
from app.principal import UserCaller
from app.sessions.session import Session
from app.sessions.store import SessionStore
from app.tokens.identity_provider import Login
from app.tokens.single_flight import SingleFlight
from app.tokens.token_response import TokenRefused

log = logging.getLogger("gangway.sessions")

PAUSE_AFTER_FAILURE = 5.0


Renew = Callable[[UserCaller, str], Awaitable[Login]]
"""Gets new tokens for a caller with a refresh token: `IdentityProviders.renew`."""


def attention_time(login: Login, window: float, now: float) -> float:
    """When tokens obtained `now` have to be looked after: `window` seconds before their end, or at their end when they
    cannot be renewed. Tokens that live no longer than the window are renewed at half their life. A window of 0
    switches renewal off.
    """
    ends = login.caller.expires_at
    if not login.refresh_token or window <= 0:
        return ends
    early = ends - window
    return early if early > now else now + (ends - now) / 2


class TokenRefresher:
    """Renews tokens; many requests of a session cause one renewal. `window`: `JWT_REFRESH` in seconds."""

    def __init__(
        self,
        renew: Renew,
        store: SessionStore,
        window: float = 300.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._renew_tokens = renew
        self._store = store
        self._window = window
        self._clock = clock
        self._running: SingleFlight[bytes, None] = SingleFlight()

    def attention_at(self, login: Login) -> float:
        """When a session with these new tokens needs `attend`."""
        return attention_time(login, self._window, self._clock())

    async def attend(self, session: Session) -> bool:
        """Look after a session whose `attention_at` has come. Returns whether its token may be used.

        A living token is renewed behind the request's back. A dead one is waited for: raises `XSUAA_UNAVAILABLE` when
        the authorization server does not answer, and the session may recover later.
        """
        renewable = bool(session.refresh_token) and self._window > 0
        alive = session.caller.expires_at > self._clock()
        if renewable and alive:
            self._running.start(session.key, lambda: self._renew(session))
        elif renewable:
            await self._running.run(session.key, lambda: self._renew(session))
            alive = session.caller.expires_at > self._clock()
            if not alive and session.refresh_token and not session.ended:
                raise GatewayError(Failure.XSUAA_UNAVAILABLE, "the session's token could not be renewed")
        return alive

    async def _renew(self, session: Session) -> None:
        try:
            async with self._store.alone(session):
                if not session.ended and session.attention_at <= self._clock():  # else another process was faster
                    await self._redeem(session)
        except GatewayError as error:
            self._failed(session, error.failure.name)

    async def _redeem(self, session: Session) -> None:
        try:
            login = await self._renew_tokens(session.caller, session.refresh_token)
            caller = login.caller
            if caller.principal != session.caller.principal:
                raise TokenRefused("foreign_token", "the renewed token belongs to someone else")
        except TokenRefused as refusal:
            return await self._refused(session, refusal)
        renewed = replace(login, refresh_token=login.refresh_token or session.refresh_token)
        session.renew(caller, renewed.refresh_token, self.attention_at(renewed))
        log.info("token renewed")
        try:
            await self._store.update(session)
        except GatewayError as error:  # it serves here, and is stored with the session's next use
            log.warning("renewed token not stored yet", extra={"fields": {"reason": error.failure.name}})

    async def _refused(self, session: Session, refusal: TokenRefused) -> None:
        """A refresh token that is worth nothing any more is forgotten, in all processes."""
        if not refusal.is_about_our_client:
            session.refresh_token = ""
            await self._store.update(session)
        self._failed(session, refusal.error)

    def _failed(self, session: Session, reason: str) -> None:
        """The old token serves while it lives; without a refresh token the session ends with it."""
        ends = float(session.caller.expires_at)
        later = self._clock() + PAUSE_AFTER_FAILURE
        session.attention_at = min(later, ends) if session.refresh_token else ends
        log.warning("token not renewed", extra={"fields": {"reason": reason}})

    async def drain(self) -> None:
        """Wait until the renewals that run now have ended: a redeemed refresh token must not be lost."""
        await self._running.drain()

    async def aclose(self) -> None:
        """Stop running renewals."""
        await self._running.aclose()
