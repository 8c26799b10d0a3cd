"""Who is calling: a browser with a session, a service with a token, a user with a password."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from app.answer import Headers
from app.backends.backend import Backend
from app.errors import Failure, GatewayError
from app.guards.derived_csrf import DerivedCsrfTokens
from app.login.basic import PasswordLogin, Purpose
from app.login.tenant import check_tenant
from app.login.weak_token import HEADER as WEAK_HEADER
from app.login.weak_token import WeakTokens
from app.principal import Tenant, caller_of, principal_bytes
from app.request_head import RequestHead
from app.sessions.carried_cookies import CarriedCookies
from app.sessions.manager import SessionManager
from app.sessions.session import Session
from app.sessions.visitor import Visitor
from app.tokens.expiring_map import ExpiringMap
from app.tokens.verifier import VerifiedToken, Verifier

SERVICE_HEADER = b"x-approuter-authorization"
MAX_PREPARED = 10_000


@dataclass(frozen=True, slots=True)
class PreparedKey:
    """Names what was prepared for one token."""

    tenant: Tenant
    fingerprint: str


class Callers:
    """Finds out who is calling: a `Session`, or for callers who prove themselves with each request a plain `Visitor`,
    who shares the prepared backends of earlier requests with the same token.
    """

    def __init__(
        self,
        sessions: SessionManager,
        verifier: Verifier,
        passwords: PasswordLogin,
        weak_tokens: WeakTokens,
        carried: CarriedCookies,
        csrf: DerivedCsrfTokens,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._sessions = sessions
        self._verifier = verifier
        self._passwords = passwords
        self._weak_tokens = weak_tokens
        self._carried = carried
        self._csrf = csrf
        self._clock = clock
        self._prepared: ExpiringMap[PreparedKey, dict[str, Backend]] = ExpiringMap(MAX_PREPARED, clock)

    async def identify(self, head: RequestHead, tenant: Tenant, is_basic: bool = False) -> Visitor | None:
        """The caller of a request at the address of `tenant`; None when nobody is logged in.

        `is_basic`: the route wants name and password. Raises `BAD_REQUEST` for two headers of services, and
        `TOKEN_REFUSED`, `BASIC_REQUIRED`, `TENANT_MISMATCH`, `STORE_UNAVAILABLE`, `XSUAA_UNAVAILABLE`.
        """
        service = await self._service(head, tenant)
        if service is not None:
            return self._visitor(head, service, tenant, is_service=True)
        if is_basic:
            token = await self._passwords.token(head.header(b"authorization"), tenant, Purpose.ROUTE)
            return self._visitor(head, token, tenant, is_service=False)
        session = await self._sessions.current(head)
        if session is not None and session.caller.tenant is not tenant:
            check_tenant(session.caller.tenant, tenant)
        return session

    async def _service(self, head: RequestHead, tenant: Tenant) -> VerifiedToken | None:
        """The token of a calling application; None when it is none."""
        given = [*head.header_values(SERVICE_HEADER), *head.header_values(WEAK_HEADER)]
        if not given:
            return None
        if len(given) > 1:
            raise GatewayError(Failure.BAD_REQUEST, "there is more than one of the headers that name a service")
        scheme, _, value = given[0].strip().partition(" ")
        if SERVICE_HEADER not in head.first:
            weak = value if scheme.lower() == "bearer" else given[0]
            return await self._weak_tokens.extend(weak.strip(), tenant)
        if scheme.lower() == "basic":
            return await self._passwords.token(given[0], tenant, Purpose.SERVICE)
        if scheme.lower() != "bearer":
            raise GatewayError(Failure.TOKEN_REFUSED, "x-approuter-authorization is neither Bearer nor Basic")
        return await self._verifier.verify_again(value.strip())

    def _visitor(self, head: RequestHead, token: VerifiedToken, tenant: Tenant, is_service: bool) -> Visitor:
        """Services are exempt from CSRF protection: their headers are none that a browser sends by itself."""
        check_tenant(token.principal.tenant, tenant)
        csrf_token = "" if is_service else self._csrf.token(principal_bytes(token.principal))
        visitor = Visitor(caller_of(token), csrf_token, csrf_exempt=is_service)
        visitor.prepared = self._prepared_for(token)
        visitor.backend_cookies = self._carried.read(head, token.principal)
        return visitor

    def _prepared_for(self, token: VerifiedToken) -> dict[str, Backend]:
        key = PreparedKey(token.principal.tenant, token.fingerprint)
        prepared = self._prepared.get(key)
        if prepared is None:
            prepared = {}
            self._prepared.put(key, prepared, token.expires_at - self._clock())
        return prepared

    async def cookies_changed(self, head: RequestHead, visitor: Visitor) -> Headers:
        """Keep backend cookies that an answer changed: headers for the answer where the caller carries them."""
        if isinstance(visitor, Session):
            await self._sessions.changed(visitor)
            return ()
        return (self._carried.write(head, visitor.caller.principal, visitor.backend_cookies),)
