"""Who is calling: a browser with a session, a service with a token, a user with a password."""

from __future__ import annotations

import time
from collections.abc import Callable

from app.answer import Headers
from app.backends.backend import Backend
from app.errors import Failure, GatewayError
from app.guards.csrf import is_foreign_change
from app.guards.derived_csrf import DerivedCsrfTokens
from app.login.basic import PasswordLogin, Purpose
from app.login.shown_tokens import ShownTokens
from app.login.tenant import check_tenant
from app.login.weak_token import HEADER as WEAK_HEADER
from app.login.weak_token import WeakTokens
from app.principal import KnownCaller, Tenant, caller_of, principal_bytes
from app.request_head import RequestHead
from app.routing.reference import BackendReference
from app.routing.route import AuthenticationType
from app.sessions.carried_cookies import CarriedCookies
from app.sessions.cookie import new_session_id
from app.sessions.manager import SessionManager
from app.sessions.service_sessions import ServiceSessions, ServiceVisitor
from app.sessions.session import Session
from app.sessions.visitor import Visitor
from app.tokens.expiring_map import ExpiringMap

SERVICE_HEADER = b"x-approuter-authorization"
NOBODY = frozenset(
    (Failure.TENANT_MISMATCH, Failure.STORE_UNAVAILABLE, Failure.XSUAA_UNAVAILABLE, Failure.IDENTITY_UNAVAILABLE)
)
"""Why a session does not count on a public route: it is another tenant's, or the services it needs are away."""
MAX_PREPARED = 10_000


class Callers:
    """Finds out who is calling: a `Session`, or for callers who prove themselves with each request a plain `Visitor`,
    who shares the prepared backends of earlier requests with the same tokens.
    """

    def __init__(
        self,
        sessions: SessionManager,
        shown: ShownTokens,
        passwords: PasswordLogin | None,
        weak_tokens: WeakTokens,
        carried: CarriedCookies,
        csrf: DerivedCsrfTokens,
        service_sessions: ServiceSessions | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._sessions = sessions
        self._shown = shown
        self._passwords = passwords
        self._weak_tokens = weak_tokens
        self._carried = carried
        self._csrf = csrf
        self._service_sessions = service_sessions
        self._clock = clock
        self._prepared: ExpiringMap[KnownCaller, dict[BackendReference, Backend]] = ExpiringMap(MAX_PREPARED, clock)

    async def identify(
        self, head: RequestHead, tenant: Tenant, kind: AuthenticationType = AuthenticationType.XSUAA
    ) -> Visitor | None:
        """The caller of a request at the address of `tenant`; None when nobody is logged in.

        `kind` is what the route wants: `basic`, or a session, with whichever service it was opened. Raises
        `BAD_REQUEST` for two headers of services, and `TOKEN_REFUSED`, `BASIC_REQUIRED`, `TENANT_MISMATCH`,
        `STORE_UNAVAILABLE`, or like the authorization servers.
        """
        service = await self._service(head, tenant)
        if service is not None:
            return await self._calling_service(head, service, tenant)
        if kind is AuthenticationType.BASIC:
            caller = await self._with_password(head.header(b"authorization"), tenant, Purpose.ROUTE)
            check_tenant(caller.tenant, tenant)
            visitor = Visitor(caller, self._csrf.token(principal_bytes(caller.principal)))
            return self._equipped(head, visitor)
        return await self._session(head, tenant)

    async def _session(self, head: RequestHead, tenant: Tenant) -> Session | None:
        session = await self._sessions.current(head)
        if session is not None and session.caller.tenant is not tenant:
            check_tenant(session.caller.tenant, tenant)
        return session

    async def recognize(self, head: RequestHead, tenant: Tenant, granted: Headers = ()) -> Visitor | None:
        """The caller of a request on a public route, as far as that is known: a session counts where it is this
        tenant's, can be looked up now, and was not brought along by another site (see `is_foreign_change`). Raises like
        `identify` for services.
        """
        service = await self._service(head, tenant)
        if service is not None:
            return await self._calling_service(head, service, tenant)
        if is_foreign_change(head, granted):
            return None
        try:
            return await self._session(head, tenant)
        except GatewayError as error:
            if error.failure in NOBODY:
                return None
            raise

    async def _service(self, head: RequestHead, tenant: Tenant) -> KnownCaller | None:
        """The calling application, or the user it stands for; None when it is none."""
        given = [*head.header_values(SERVICE_HEADER), *head.header_values(WEAK_HEADER)]
        if not given:
            return None
        if len(given) > 1:
            raise GatewayError(Failure.BAD_REQUEST, "there is more than one of the headers that name a service")
        scheme, _, value = given[0].strip().partition(" ")
        if SERVICE_HEADER not in head.first:
            weak = value if scheme.lower() == "bearer" else given[0]
            extended = await self._weak_tokens.extend(weak.strip(), tenant)
            return await self._shown.caller(extended.value)
        if scheme.lower() == "basic":
            return await self._with_password(given[0], tenant, Purpose.SERVICE)
        if scheme.lower() != "bearer":
            raise GatewayError(Failure.TOKEN_REFUSED, "x-approuter-authorization has a scheme other than Bearer, Basic")
        return await self._shown.caller(value.strip())

    async def _with_password(self, header: str | None, tenant: Tenant, purpose: Purpose) -> KnownCaller:
        if self._passwords is None:
            raise GatewayError(Failure.TOKEN_REFUSED, "passwords are exchanged where an xsuaa service is bound")
        return caller_of(await self._passwords.token(header, tenant, purpose))

    async def _calling_service(self, head: RequestHead, caller: KnownCaller, tenant: Tenant) -> Visitor:
        """Services are exempt from CSRF protection, unless a session of theirs keeps a token: their headers are none
        that a browser sends by itself.
        """
        check_tenant(caller.tenant, tenant)
        if self._service_sessions is None:
            return self._equipped(head, Visitor(caller, csrf_exempt=True))
        return self._equipped(head, await self._service_sessions.visitor(head, caller))

    def _equipped(self, head: RequestHead, visitor: Visitor) -> Visitor:
        """With what earlier requests have left: prepared backends here, and cookies that the caller carries."""
        visitor.prepared = self._prepared_for(visitor.caller)
        if not (isinstance(visitor, ServiceVisitor) and visitor.keeps_cookies):
            visitor.backend_cookies = self._carried.read(head, visitor.caller.principal)
        return visitor

    def _prepared_for(self, caller: KnownCaller) -> dict[BackendReference, Backend]:
        """Named by all of the caller's tokens: each may be in what was prepared."""
        prepared = self._prepared.get(caller)
        if prepared is None:
            prepared = {}
            self._prepared.put(caller, prepared, caller.token.expires_at - self._clock())
        return prepared

    async def csrf_token(self, visitor: Visitor) -> str:
        """The caller's CSRF token; a session's is made when first asked for."""
        if isinstance(visitor, ServiceVisitor) and self._service_sessions is not None:
            return await self._service_sessions.csrf_token(visitor)
        if isinstance(visitor, Session) and not visitor.csrf_token:
            visitor.make_csrf_token()
            await self._sessions.changed(visitor)
        return visitor.csrf_token  # another instance may have made one at the same time, and been first

    def cookie_of_new_session(self, head: RequestHead, visitor: Visitor) -> Headers:
        """The cookie that keeps a service to one instance, when its session was opened just now. It opens nothing."""
        if isinstance(visitor, ServiceVisitor) and visitor.is_new:
            return (self._carried.writer.session(head, new_session_id()),)
        return ()

    async def cookies_changed(self, head: RequestHead, visitor: Visitor) -> Headers:
        """Keep backend cookies that an answer changed: headers for the answer where the caller carries them."""
        if isinstance(visitor, Session):
            await self._sessions.changed(visitor)
        elif isinstance(visitor, ServiceVisitor) and visitor.keeps_cookies and self._service_sessions is not None:
            await self._service_sessions.changed(visitor)
        else:
            return (self._carried.write(head, visitor.caller.principal, visitor.backend_cookies),)
        return ()
