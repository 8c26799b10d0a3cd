"""Central logout: our session, the backends' and the authorization server's (protocols 2.5)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from app.answer import Answer, Headers, redirect
from app.errors import Failure, GatewayError
from app.login.return_url import safe_path
from app.login.tenant import TenantResolver
from app.principal import Tenant
from app.request_head import RequestHead
from app.routing.reference import BackendReference
from app.sessions.cookie import CookieWriter
from app.sessions.manager import SessionManager
from app.sessions.session import Session
from app.tokens.identity_provider import IdentityProviders

log = logging.getLogger("gangway.login")

SKIP_REDIRECT = "skip-redirect"
_PLAIN: Headers = ((b"content-type", b"text/plain; charset=utf-8"), (b"cache-control", b"no-store"))


@dataclass(frozen=True, slots=True)
class BackendLogout:
    """A call a backend wants when a session ends: `logoutPath` and `logoutMethod` of a destination or service.

    `router` is the host the application is known by; where it is not None, the backend is told by which host it was
    called, in `x-approuter-host`.
    """

    reference: BackendReference
    method: str
    path: str
    router: str | None = None


@dataclass(frozen=True, slots=True)
class LogoutOptions:
    """The `logout` part of xs-app.json. `page`: a path of ours or an absolute URL, empty for none."""

    endpoint: str
    page: str = ""
    method: str = "GET"
    csrf_protection: bool = True
    backends: tuple[BackendLogout, ...] = ()

    @property
    def needs_csrf(self) -> bool:
        """Whether a logout request must show the session's CSRF token."""
        return self.method == "POST" and self.csrf_protection


class Logout:
    """Answers the logout endpoint."""

    def __init__(
        self,
        providers: IdentityProviders,
        options: LogoutOptions,
        tenants: TenantResolver,
        sessions: SessionManager,
        writer: CookieWriter,
    ) -> None:
        self._providers = providers
        self._options = options
        self._tenants = tenants
        self._sessions = sessions
        self._writer = writer

    @property
    def calls(self) -> tuple[BackendLogout, ...]:
        """The calls that backends want for each session that ends here."""
        return self._options.backends

    @property
    def wants_csrf(self) -> bool:
        """Whether a logout has to show the session's CSRF token before the session ends."""
        return self._options.needs_csrf

    def is_asked(self, head: RequestHead) -> bool:
        """Whether a request asks for the logout itself; `other_method` answers any other."""
        return head.method == self._options.method

    def other_method(self, head: RequestHead, session: Session | None) -> Answer:
        """Only a GET that fetches a CSRF token for the POST is answered; whoever composes us adds the token.

        Raises `METHOD_NOT_ALLOWED`, and `LOGIN_REQUIRED` for a script that wants a CSRF token without a session.
        """
        if not (self._options.needs_csrf and head.method == "GET" and head.header(b"x-csrf-token")):
            raise GatewayError(Failure.METHOD_NOT_ALLOWED, headers=((b"allow", self._options.method.encode()),))
        if session is None:
            raise GatewayError(Failure.LOGIN_REQUIRED)
        return Answer(200, _PLAIN)

    async def end(self, sessions: Sequence[Session]) -> list[Session]:
        """End sessions; returns those that this call has ended. The CSRF guard stands before this call."""
        ended = [session for session in sessions if await self._sessions.close(session)]
        if ended:
            log.info("logged out")
        return ended

    async def answer(self, head: RequestHead, tenant: Tenant, session: Session | None) -> Answer:
        """Send the browser to the authorization server's logout. `session`: that which has ended.

        With method POST the address to go to is the answer's text: the caller is a script. Raises `BAD_REQUEST` for a
        host that is not ours, or like `IdentityProvider`.
        """
        address = await self._address(head, tenant, session)
        return self._answer(address, (self._writer.clear(head, self._writer.options.name),))

    def _answer(self, address: str, headers: Headers) -> Answer:
        if not address:
            return Answer(200, (*_PLAIN, *headers))
        if self._options.method == "POST":
            return Answer(200, (*_PLAIN, *headers), address.encode())
        return redirect(address, headers)

    async def _address(self, head: RequestHead, tenant: Tenant, session: Session | None) -> str:
        """Where the browser goes next: nowhere when the identity provider itself called us."""
        parts = [part for part in head.query.split("&") if part]
        rest = [part for part in parts if part.partition("=")[0] != SKIP_REDIRECT]
        if any(part in (SKIP_REDIRECT, f"{SKIP_REDIRECT}=true") for part in parts):
            return ""
        page = self._page(head, "&".join(rest)) if self._options.page else ""
        caller = session.caller if session is not None else None
        return await self._providers.of(caller).logout_url(tenant, page, caller)

    def _page(self, head: RequestHead, query: str) -> str:
        page = self._options.page
        if not urlsplit(page).scheme:
            page = self._tenants.public_origin(head) + safe_path(page if page.startswith("/") else f"/{page}")
        if not query:
            return page
        return f"{page}{'&' if '?' in page else '?'}{query}"
