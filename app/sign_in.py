"""Everything about who is calling, as the way of a request sees it; also where nobody can log in."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from dataclasses import dataclass
from itertools import chain

from app.answer import Answer, Headers, redirect
from app.errors import Failure, GatewayError
from app.guards.csrf import check_csrf, is_fetch, token_header
from app.login.back_channel import BackChannelLogout
from app.login.callback import LoginCallback
from app.login.caller import SERVICE_HEADER, Callers
from app.login.code_flow import CodeFlow, asked_return, identity_provider
from app.login.logout import BackendLogout, Logout, LogoutOptions
from app.login.requirement import is_script
from app.login.tenant import TenantResolver, check_tenant
from app.login.user_api import endpoint_of, token_for_user_info, user_api
from app.login.weak_token import HEADER as WEAK_HEADER
from app.principal import TechnicalPrincipal, Tenant
from app.request_body import Receive
from app.request_head import RequestHead
from app.routing.route import AuthenticationType, Route
from app.sessions.backend_cookies import BackendCookies
from app.sessions.carried_cookies import CarriedCookies
from app.sessions.cookie import OwnCookies
from app.sessions.manager import SessionManager
from app.sessions.observer import SessionObserver
from app.sessions.refresh import TokenRefresher
from app.sessions.session import Session
from app.sessions.store import Lifetime
from app.sessions.visitor import Visitor
from app.tokens.user_info import UserInfo

log = logging.getLogger("gangway.login")

LOGOUT_SECONDS = 1.0
"""How long the answer to a logout waits for backends to be told; it goes on afterwards."""
TOLD_AT_ONCE = 20
"""How many sessions that have ended by themselves backends are told of at the same time."""
SESSION_SECONDS = b"x-session-seconds"

BackendCall = Callable[[Session, BackendLogout, RequestHead | None], Awaitable[None]]
Turn = AbstractAsyncContextManager[None]
AppLogouts = Callable[[str, Tenant], Awaitable[tuple[BackendLogout, ...]]]


@dataclass(frozen=True, slots=True)
class Identity:
    """The parts that exist where a service is bound to log in with.

    `login_path` is where scripts send a browser whose session has ended. `announced`: scripts are told how long the
    session lives on (`GATEWAY_SESSION_SECONDS`). `user_info` is None where no XSUAA is bound.
    """

    callers: Callers
    sessions: SessionManager
    refresher: TokenRefresher
    flow: CodeFlow
    callback: LoginCallback
    callback_path: str
    logout: Callable[[LogoutOptions], Logout]
    own_logout: LogoutOptions | None
    backend_logouts: tuple[BackendLogout, ...]
    back_channel: BackChannelLogout | None = None
    login_path: str = ""
    announced: Lifetime | None = None
    user_info: UserInfo | None = None


class SignIn:
    """Answers the login's own addresses, and tells who is calling. `identity` is None where nobody can log in."""

    def __init__(
        self, tenants: TenantResolver, cookies: OwnCookies, carried: CarriedCookies, identity: Identity | None
    ) -> None:
        self.cookies = cookies
        self._carried = carried
        self._tenants = tenants
        self._identity = identity
        self.call_backend: BackendCall | None = None
        self.app_logouts: AppLogouts | None = None
        self._telling: set[asyncio.Task[None]] = set()
        self._turns = asyncio.Semaphore(TOLD_AT_ONCE)
        reports = identity.back_channel if identity is not None else None
        self.back_channel_path = reports.path if reports is not None else ""

    @property
    def callback_path(self) -> str:
        """Where logins end; empty where nobody can log in."""
        return self._identity.callback_path if self._identity is not None else ""

    def began_at(self, head: RequestHead) -> str:
        """For a request to the login callback: the path and query where its login began, as far as it tells."""
        return self._parts.callback.began_at(head)

    def owns(self, path: str) -> bool:
        """Whether a path is one of the login's own addresses."""
        identity = self._identity
        if identity is None:
            return False
        logout = identity.own_logout.endpoint if identity.own_logout is not None else ""
        return path in (identity.callback_path, identity.login_path, logout, self.back_channel_path)

    def tenant(self, head: RequestHead) -> Tenant:
        """The tenant a request belongs to. Raises BAD_REQUEST."""
        return self._tenants.tenant(head)

    def host(self, head: RequestHead) -> str:
        """The host by which a request came, as far as destinations are named by it. Raises BAD_REQUEST."""
        return self._tenants.host(head)

    async def endpoint(self, head: RequestHead, tenant: Tenant) -> Answer | None:
        """The answer to a request for the login callback or the logout endpoint; None for any other."""
        identity = self._identity
        if identity is None:
            return None
        if head.path == identity.callback_path:
            return await identity.callback.answer(head, tenant)
        if identity.own_logout is not None and head.path == identity.own_logout.endpoint:
            return await self.log_out(identity.own_logout, head, tenant)
        if head.path == identity.login_path:
            return await self._log_in(identity, head, tenant)
        return None

    async def _log_in(self, identity: Identity, head: RequestHead, tenant: Tenant) -> Answer:
        """Send the browser to the login, or straight back where another tab was faster."""
        if head.method != "GET":
            raise GatewayError(Failure.METHOD_NOT_ALLOWED, headers=((b"allow", b"GET"),))
        session = await identity.sessions.current(head)
        if session is None:
            return await identity.flow.start_from_script(head, tenant)
        check_tenant(session.caller.tenant, tenant)
        return redirect(asked_return(head))

    def remaining(self, head: RequestHead, visitor: Visitor) -> Headers:
        """What a script is told about its session: the seconds it lives without further requests, if that is wanted.
        A service is given the cookie of a session that was opened just now.
        """
        lifetime = self._parts.announced
        if not isinstance(visitor, Session):
            return self._parts.callers.cookie_of_new_session(head, visitor)
        if lifetime is None or not is_script(head):
            return ()
        now = time.time()
        return ((SESSION_SECONDS, b"%d" % max(0, int(lifetime.end(visitor, now) - now))),)

    async def reported(self, head: RequestHead, receive: Receive) -> Answer:
        """The answer to the identity service's report of a logout, at `back_channel_path`."""
        identity = self._parts
        if identity.back_channel is None:
            raise GatewayError(Failure.NO_ROUTE)
        answer, ended = await identity.back_channel.handle(head, receive)
        await asyncio.gather(*(self._tell_backends(session, identity.backend_logouts, head) for session in ended))
        return answer

    async def log_out(self, options: LogoutOptions, head: RequestHead, tenant: Tenant) -> Answer:
        """The answer to a request for a logout endpoint. All sessions that the browser shows end, whether or not the
        authorization server answers, and before anything else can fail.
        """
        parts = self._parts
        logout = parts.logout(options)
        sessions = await parts.sessions.found(head)
        session = sessions[0] if sessions else None
        if not logout.is_asked(head):
            answer = logout.other_method(head, session)
            if session is None or not is_fetch(head):
                return answer
            return answer.with_headers((token_header(await self.csrf_token(session)),))
        if session is not None and logout.wants_csrf:
            check_csrf(head, session.csrf_token)
        await asyncio.gather(*(self._revive(each, logout.calls) for each in sessions))
        ended = await logout.end(sessions)
        await asyncio.gather(*(self._tell_backends(each, logout.calls, head) for each in ended))
        return await logout.answer(head, tenant, session)

    async def _revive(self, session: Session, calls: tuple[BackendLogout, ...]) -> None:
        """Backends are told as the user: a token that has ended is renewed for that, if it takes but a moment."""
        if (calls or session.apps) and session.caller.expires_at <= time.time():
            with suppress(GatewayError, TimeoutError):
                async with asyncio.timeout(LOGOUT_SECONDS):
                    await self._parts.refresher.attend(session)

    async def identify(self, head: RequestHead, tenant: Tenant, kind: AuthenticationType) -> Visitor | None:
        """The caller of a request on a protected route, or None. Raises like `Callers.identify`."""
        return await self._parts.callers.identify(head, tenant, kind)

    def may_be_known(self, head: RequestHead) -> bool:
        """Whether a request shows anything by which its caller could be known."""
        first = head.first
        shows = b"cookie" in first or SERVICE_HEADER in first or WEAK_HEADER in first
        return shows and self._identity is not None

    async def recognize(self, head: RequestHead, tenant: Tenant, granted: Headers) -> Visitor | None:
        """The caller of a request on a public route, as far as that is known. Raises like `Callers.recognize`."""
        return await self._parts.callers.recognize(head, tenant, granted)

    def touch(self, head: RequestHead) -> None:
        """Count a request for which nobody has to be known as use of its session."""
        self._parts.sessions.touch(head)

    async def start(self, head: RequestHead, tenant: Tenant, route: Route) -> Answer:
        """The answer that sends a browser to the login."""
        idp = identity_provider(head, route.identity_provider or "", route.dynamic_identity_provider)
        return await self._parts.flow.start(head, tenant, route.authentication, idp)

    async def describe(self, method: str, path: str, visitor: Visitor) -> Answer:
        """The answer of the user API at a rewritten path. Raises NO_ROUTE, METHOD_NOT_ALLOWED."""
        endpoint, user_info = endpoint_of(method, path), self._parts.user_info
        token = token_for_user_info(endpoint, visitor.caller)
        known = await user_info.attributes(token) if user_info is not None and token is not None else {}
        return user_api(endpoint, visitor.caller, known)

    async def csrf_token(self, visitor: Visitor) -> str:
        """The caller's CSRF token; a session's is made when first asked for."""
        return await self._parts.callers.csrf_token(visitor)

    async def cookies_changed(self, head: RequestHead, visitor: Visitor) -> Headers:
        """Keep what backends have set; the headers for the answer where the caller carries it."""
        return await self._parts.callers.cookies_changed(head, visitor)

    def carried(self, head: RequestHead, tenant: Tenant) -> BackendCookies:
        """The backend cookies that somebody whom we do not know carries."""
        return self._carried.read(head, TechnicalPrincipal(tenant))

    def carry(self, head: RequestHead, tenant: Tenant, cookies: BackendCookies) -> Headers:
        """The headers that have such a browser carry these, and come back to this instance, which can open them."""
        carried = self._carried
        return carried.write(head, TechnicalPrincipal(tenant), cookies), carried.writer.sticky(head)

    @property
    def _parts(self) -> Identity:
        if self._identity is None:
            raise GatewayError(Failure.INTERNAL, "a protected route without a service to log in with")
        return self._identity

    @property
    def backend_logouts(self) -> tuple[BackendLogout, ...]:
        """The calls that backends want at the end of every session."""
        return self._identity.backend_logouts if self._identity is not None else ()

    async def used(self, app: str, visitor: Visitor | None) -> None:
        """Note that an HTML5 application, whose backends want to know when the session ends, was used in it."""
        if isinstance(visitor, Session) and app not in visitor.apps:
            visitor.apps |= {app}
            await self._parts.sessions.changed(visitor)

    def observe(self, observer: SessionObserver) -> None:
        """Have somebody told of logins and of the ends of sessions."""
        if self._identity is not None:
            self._identity.sessions.observers.append(observer)

    async def expire(self) -> None:
        """End sessions whose time is over, and tell their backends; to be called every few seconds."""
        identity = self._identity
        if identity is None:
            return
        for session in await identity.sessions.expire():
            self._start_telling(session, identity.backend_logouts, None, self._turns)

    async def aclose(self) -> None:
        """End what runs in the background; backends that are being told have a moment to hear it."""
        if self._telling:
            await asyncio.wait(self._telling, timeout=LOGOUT_SECONDS)
        for task in self._telling:
            task.cancel()
        await asyncio.gather(*self._telling, return_exceptions=True)
        if self._identity is not None:
            await self._identity.refresher.drain()
            if self._identity.user_info is not None:
                await self._identity.user_info.aclose()
            await self._identity.sessions.aclose()

    async def _tell_backends(
        self, session: Session, calls: tuple[BackendLogout, ...], asked: RequestHead | None
    ) -> None:
        """Make the logout calls that backends want, those of the HTML5 applications used in the session included: all
        at once. Slow ones hold up the logout for a moment only.
        """
        task = self._start_telling(session, calls, asked, nullcontext())
        if task is not None:
            await asyncio.wait([task], timeout=LOGOUT_SECONDS)

    def _start_telling(
        self, session: Session, calls: tuple[BackendLogout, ...], asked: RequestHead | None, turn: Turn
    ) -> asyncio.Task[None] | None:
        if self.call_backend is None or not (calls or session.apps):
            return None
        task = asyncio.create_task(self._told(self.call_backend, session, calls, asked, turn))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)
        return task

    async def _told(
        self, call: BackendCall, session: Session, calls: tuple[BackendLogout, ...], asked: RequestHead | None,
        turn: Turn,
    ) -> None:  # fmt: skip
        async with turn:
            of_apps = [await self._calls_of_app(app, session.caller.tenant) for app in session.apps]
            wanted = dict.fromkeys(chain(calls, *of_apps))
            await asyncio.gather(*(call(session, each, asked) for each in wanted))

    async def _calls_of_app(self, app: str, tenant: Tenant) -> tuple[BackendLogout, ...]:
        try:
            return await self.app_logouts(app, tenant) if self.app_logouts is not None else ()
        except GatewayError as error:
            log.warning("logout of what HTML5 application '%s' has used failed: %s", app, error)
            return ()
