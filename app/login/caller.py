"""Who is calling: a browser with a session, a service with a token, a user with a password."""

from __future__ import annotations

import time
from collections.abc import Callable

from app.answer import Headers
from app.backends.backend import Backend
from app.errors import Failure, GatewayError
from app.login.basic import PasswordLogin
from app.login.tenant import check_tenant
from app.principal import Tenant, UserToken
from app.request_head import RequestHead
from app.sessions.carried_cookies import CarriedCookies
from app.sessions.manager import SessionManager
from app.sessions.session import Session
from app.tokens.expiring_map import ExpiringMap
from app.tokens.verifier import Verifier, user_token

SERVICE_HEADER = b"x-approuter-authorization"
MAX_PREPARED = 10_000


class Callers:
    """Finds out who is calling; whatever the way, the result is a `Session`.

    Callers who prove themselves with each request get a `stateless` one, which shares the prepared backends of
    earlier requests with the same token.
    """

    def __init__(
        self,
        sessions: SessionManager,
        verifier: Verifier,
        passwords: PasswordLogin,
        carried: CarriedCookies,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._sessions = sessions
        self._verifier = verifier
        self._passwords = passwords
        self._carried = carried
        self._clock = clock
        self._prepared: ExpiringMap[str, dict[str, Backend]] = ExpiringMap(MAX_PREPARED, clock)

    async def identify(self, head: RequestHead, tenant: Tenant, is_basic: bool = False) -> Session | None:
        """The caller of a request at the address of `tenant`; None when nobody is logged in.

        `is_basic`: the route wants name and password. Raises `TOKEN_REFUSED`, `BASIC_REQUIRED`, `TENANT_MISMATCH`,
        `STORE_UNAVAILABLE`, `XSUAA_UNAVAILABLE`.
        """
        service = head.header(SERVICE_HEADER)
        if service is not None:
            return self._stateless(head, await self._service_token(service, tenant))
        if is_basic:
            return self._stateless(head, await self._passwords.token(head.header(b"authorization"), tenant))
        session = await self._sessions.current(head)
        if session is not None and session.caller.tenant is not tenant:
            check_tenant(session.caller.tenant, tenant)
        return session

    async def _service_token(self, header: str, tenant: Tenant) -> UserToken:
        scheme, _, value = header.strip().partition(" ")
        if scheme.lower() == "basic":
            return await self._passwords.token(header, tenant)
        if scheme.lower() != "bearer":
            raise GatewayError(Failure.TOKEN_REFUSED, "x-approuter-authorization is neither Bearer nor Basic")
        token = user_token(await self._verifier.verify_again(value.strip()))
        check_tenant(token.principal.tenant, tenant)
        return token

    def _stateless(self, head: RequestHead, token: UserToken) -> Session:
        now = self._clock()
        session = Session(b"", token, "", now, stateless=True)
        prepared = self._prepared.get(token.fingerprint)
        if prepared is None:
            prepared = {}
            self._prepared.put(token.fingerprint, prepared, token.expires_at - now)
        session.prepared = prepared
        session.backend_cookies = self._carried.read(head, token.principal)
        return session

    async def cookies_changed(self, head: RequestHead, session: Session) -> Headers:
        """Keep backend cookies that an answer changed: headers for the answer where the caller carries them."""
        if session.stateless:
            return (self._carried.write(head, session.caller.principal, session.backend_cookies),)
        await self._sessions.changed(session)
        return ()
