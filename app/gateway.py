"""THE WAY of a request, top to bottom: route, caller, guards, backend, answer. Start reading here.

Deciding is done by plain functions elsewhere; this file puts them in order. A step either goes on, answers, or raises
GatewayError, which `__call__` turns into the answer that helps.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from app.answer import Answer, Headers
from app.cache_control import unshared
from app.error_answer import error_answer
from app.errors import Failure, GatewayError
from app.forwarder import Forwarder
from app.forwarding.relay import BrokenOff
from app.gateway_options import GatewayOptions
from app.guards.cors import Verdict, ruled, ruling
from app.guards.csrf import check_csrf, is_fetch, token_header
from app.guards.forwarded_host import check_forwarded_host
from app.guards.origins import origin_refused
from app.guards.secure_scheme import check_scheme
from app.guards.websockets import check_websocket
from app.health.endpoints import HealthEndpoints
from app.html5_repository.app_address import NO_APP, SKIP_CACHE, AppAddress, with_slash
from app.html5_repository.hosted_apps import HostedApp, HostedApps
from app.inbound.exchange import EXTENSION, Exchange
from app.login.code_flow import SAP_IDP
from app.login.logout import BackendLogout
from app.login.requirement import Requirement, decide
from app.login.return_url import without_parameter
from app.observability.access_log import AccessLog
from app.observability.correlation import correlation_id, returned_headers
from app.observability.redaction import redact_target
from app.observability.trace import start_trace
from app.principal import Tenant
from app.request_head import RequestHead
from app.response_headers import ResponsePolicy
from app.routing.path_safety import refuse_unsafe_path
from app.routing.reference import USER_API
from app.routing.route import Route
from app.routing.route_table import Match, RouteTable, kept_by_browsers
from app.send_answer import send_answer
from app.sessions.visitor import Visitor, described
from app.sign_in import SignIn
from app.static_files.local_directory import LocalDirectory
from app.static_files.welcome import welcome
from app.visit import Visit

log = logging.getLogger("gangway")


class Gateway:
    """The ASGI application. `directories` are the localDir routes' folders by route index.

    Each xs-app.json has a gateway: the application's own, which requests come to, and those of HTML5 applications, to
    which it hands over (`apps`, None where no repository is bound).
    """

    def __init__(
        self,
        options: GatewayOptions,
        routes: RouteTable,
        sign_in: SignIn,
        directories: Mapping[int, LocalDirectory],
        forwarder: Forwarder,
        health: HealthEndpoints,
        access_log: AccessLog,
    ) -> None:
        self._options = options
        self._routes = routes
        self._sign_in = sign_in
        self._directories = directories
        self._forwarder = forwarder
        self._health = health
        self._access_log = access_log
        self.apps: HostedApps[Gateway] | None = None

    async def __call__(self, scope: Any, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Any]) -> None:
        """Serve a request of a client connection; failures before the answer has begun become answers."""
        head = RequestHead.from_scope(scope)
        client: Exchange = scope[EXTENSION]
        visit = Visit(client.correlation_id or correlation_id(head.headers))
        client.correlation_id = visit.correlation_id
        level = self._access_log.level(head)
        if self._access_log.traces(level):
            visit.trace = start_trace()
        try:
            await self._answered(self._way(head, client, visit), head, client, visit)
        except asyncio.CancelledError:
            visit.error = GatewayError(Failure.STOPPED)
            raise
        finally:
            visit.error = client.refused or visit.error
            if self._access_log.wants(visit.error, level):
                self._access_log.write(head, visit.outcome(client), scope["http_version"])

    async def _answered(self, way: Awaitable[None], head: RequestHead, client: Exchange, visit: Visit) -> None:
        """Go a way; where it fails, answer so."""
        try:
            return await way
        except GatewayError as failed:
            visit.error = failed
        except BrokenOff as broken:
            visit.error = broken.error
        except Exception:  # the last resort: logged with its trace, answered without
            log.exception("unexpected error", extra={"fields": {"correlation_id": visit.correlation_id}})
            visit.error = GatewayError(Failure.INTERNAL)
        if self._options.audit is not None:
            self._options.audit.refused(head, visit)
        await self._fail(visit.error, head, client, visit)

    async def _way(self, head: RequestHead, client: Exchange, visit: Visit) -> None:
        refuse_unsafe_path(head.path)
        answer = self._health.answer(head)
        if answer is not None:
            return await self._answer(answer, head, client, visit)
        app = await self._app(self.apps, head, visit) if self.apps is not None else None
        if app is not None:
            return await app.built.take_over(app.address, head, client, visit)
        answer = self._rule(head, client, visit) or self._options.own_endpoints.answer(head)
        if answer is None and self._options.subscriptions is not None:
            answer = await self._options.subscriptions.answer(head, client.receive)
        if answer is None and head.path == self._sign_in.back_channel_path:
            answer = await self._sign_in.reported(head, client.receive)
        if answer is not None:
            return await self._answer(answer, head, client, visit)
        tenant = await self._tenant(head, visit)
        answer = await self._sign_in.endpoint(head, tenant)
        if answer is not None:
            return await self._answer(answer, head, client, visit)
        await self._enter(NO_APP, head, tenant, client, visit)

    async def _tenant(self, head: RequestHead, visit: Visit) -> Tenant:
        """The tenant of a request, noted with what the tenant says about frames. Raises BAD_REQUEST."""
        if visit.tenant is None:
            visit.tenant = self._sign_in.tenant(head)
            if self._options.trusted_domains is not None:
                visit.frame_ancestors = await self._options.trusted_domains.frame_ancestors(visit.tenant)
        return visit.tenant

    async def _app(self, apps: HostedApps[Gateway], head: RequestHead, visit: Visit) -> HostedApp[Gateway] | None:
        """The HTML5 application that serves a request. Addresses of our own are none's, but the end of a login may be
        that of the application it began in (`USE_HTML5_APP_XS_APPJSON_IN_LOGIN_CALLBACK`).
        """
        target = head.target
        if self._options.app_ends_login and head.path == self._sign_in.callback_path:
            target = self._sign_in.began_at(head)
        elif self._is_ours(head.path):
            return None
        app = await apps.find(target, await self._tenant(head, visit))
        if app is not None and visit.trace is not None:
            visit.trace.add(f"HTML5 application {app.address.app}")
        return app

    async def app_logouts(self, app: str, tenant: Tenant) -> tuple[BackendLogout, ...]:
        """What the end of a session wants in which an HTML5 application was used."""
        found = await self.apps.find(f"/{app}/", tenant) if self.apps is not None else None
        return found.built._options.own_logouts if found is not None else ()

    def _is_ours(self, path: str) -> bool:
        subscriptions = self._options.subscriptions
        return (
            self._sign_in.owns(path)
            or self._options.own_endpoints.owns(path)
            or (subscriptions is not None and subscriptions.owns(path))
        )

    async def take_over(self, address: AppAddress, head: RequestHead, client: Exchange, visit: Visit) -> None:
        """Serve a request for the HTML5 application whose gateway this is."""
        await self._answered(self._app_way(address, head, client, visit), head, client, visit)

    async def _app_way(self, address: AppAddress, head: RequestHead, client: Exchange, visit: Visit) -> None:
        answer = self._rule(head, client, visit)
        tenant, logout = await self._tenant(head, visit), self._options.logout
        if answer is None and logout is not None and head.path == address.base + logout.endpoint:
            answer = await self._sign_in.log_out(logout, head, tenant)
        answer = answer or await self._sign_in.endpoint(head, tenant)
        if answer is not None:
            return await self._answer(answer, head, client, visit)
        await self._enter(address, head, tenant, client, visit)

    async def _enter(
        self, address: AppAddress, head: RequestHead, tenant: Tenant, client: Exchange, visit: Visit
    ) -> None:
        """Routes, the caller, guards, and what serves the request; routes do not see what names an application."""
        arrived = self._welcome(head, address.base)
        if isinstance(arrived, Answer):
            return await self._answer(arrived, head, client, visit)
        match = self._routes.match(arrived.method, _seen_by_routes(arrived.target, address.base))
        if visit.trace is not None:
            visit.trace.add(f"route {match.route.index} {match.route.source} -> {redact_target(match.target)}")
        if address.busted:
            match = kept_by_browsers(match)
        if client.upgrade is not None:
            check_websocket(match.route, arrived, self._options.websockets, self._options.websocket_origins)
        visitor = await self._caller(match.route, arrived, tenant, client, visit)
        if visit.trace is not None:
            visit.trace.add(described(visitor, match.route.is_public))
        if visitor is None and not match.route.is_public:
            answer = await self._sign_in.start(arrived, tenant, match.route)
            return await self._answer(answer, arrived, client, visit)
        if visitor is not None:
            visit.caller = visitor.caller
            if self._options.own_logouts:
                await self._sign_in.used(address.name, visitor)
        own = await self._guard(match.route, arrived, visitor)
        await self._serve(match, arrived, tenant, visitor, own, client, visit)

    async def _serve(
        self, match: Match, head: RequestHead, tenant: Tenant, visitor: Visitor | None, own: Headers,
        client: Exchange, visit: Visit,
    ) -> None:  # fmt: skip
        """The last step: a file, the user API, or a backend. `own` are headers for the answer."""
        route = match.route
        if route.local_dir is not None:
            headers = own + returned_headers(visit.correlation_id) + visit.cross_origin
            headers += self._policy(visit).missing_from(headers)
            if visitor is not None:
                headers = unshared(headers)
            if visit.trace is not None:
                visit.trace.add(f"a file of {route.local_dir}")
            await self._directory(route).serve(
                head, match.target, client.send, headers, is_gone=lambda: client.disconnected, personal=bool(own)
            )
        elif route.service == USER_API:
            if visitor is None:
                raise GatewayError(Failure.LOGIN_REQUIRED, "The user API is on a public route.")
            answer = await self._sign_in.describe(head.method, match.target.partition("?")[0], visitor)
            await self._answer(answer.with_headers(own), head, client, visit)
        else:
            host = self._sign_in.host(head) if route.destination_from_host else ""
            reference = self._routes.reference(match, host)
            visit.destination = reference.name
            await self._forwarder.forward(match, reference, head, tenant, visitor, own, client, visit)

    def _directory(self, route: Route) -> LocalDirectory:
        """The folder of a route. Raises NO_ROUTE in HTML5 applications: they have none of our folders."""
        directory = self._directories.get(route.index)
        if directory is None:
            raise GatewayError(Failure.NO_ROUTE, "A route with localDir serves nothing in an HTML5 application.")
        return directory

    def _rule(self, head: RequestHead, client: Exchange, visit: Visit) -> Answer | None:
        """What holds for every address but the health's, before anybody logs in; the answer to a CORS preflight."""
        if self._options.https_only:
            check_scheme(head)
        if self._options.validate_forwarded_host:
            check_forwarded_host(head)
        if not self._options.cors or client.upgrade is not None:  # web sockets have their own list of origins
            return None
        ruled_by = ruling(self._options.cors, head)
        visit.cross_origin = ruled_by.headers
        if ruled_by.verdict is Verdict.REFUSE:
            raise origin_refused(head)
        return Answer(204) if ruled_by.verdict is Verdict.ANSWER else None

    async def _caller(
        self, route: Route, head: RequestHead, tenant: Tenant, client: Exchange, visit: Visit
    ) -> Visitor | None:
        """Who is calling; on a route that wants to know, None sends the browser to the login."""
        if route.is_public:
            return await self._recognized(route, head, tenant, visit) if self._sign_in.may_be_known(head) else None
        visitor = await self._sign_in.identify(head, tenant, route.authentication)
        known = decide(head, visitor is not None, client.upgrade is not None) is Requirement.PROCEED
        return visitor if known else None

    async def _recognized(self, route: Route, head: RequestHead, tenant: Tenant, visit: Visit) -> Visitor | None:
        """The caller on a public route; files are the same for everybody."""
        if route.local_dir is not None and not is_fetch(head):
            self._sign_in.touch(head)
            return None
        return await self._sign_in.recognize(head, tenant, visit.cross_origin)

    async def _guard(self, route: Route, head: RequestHead, visitor: Visitor | None) -> Headers:
        """May it pass? Returns what the answer carries for it. Raises CSRF_REQUIRED, SCOPE_MISSING."""
        if visitor is None:
            if route.scopes is not None:
                route.scopes.check(head.method, frozenset())
            return ()
        takes_part = not visitor.csrf_exempt
        if takes_part and route.csrf:
            check_csrf(head, visitor.csrf_token)
        if route.scopes is not None:
            route.scopes.check(head.method, visitor.token.scopes)
        own = self._sign_in.remaining(head, visitor)
        if takes_part and (route.csrf or route.is_public) and is_fetch(head):
            own += (token_header(await self._sign_in.csrf_token(visitor)),)
        return own

    def _welcome(self, head: RequestHead, base: str) -> Answer | RequestHead:
        if base and head.path == base:
            return with_slash(head, base)
        file = self._options.welcome_file
        return welcome(head, file, base) if file is not None and head.path == f"{base}/" else head

    async def _answer(self, answer: Answer, head: RequestHead, client: Exchange, visit: Visit) -> None:
        complete = answer.with_headers(returned_headers(visit.correlation_id))
        if visit.cross_origin:
            complete = Answer(complete.status, tuple(ruled(complete.headers, visit.cross_origin)), complete.body)
        headers = self._policy(visit).completed(complete.headers)
        await send_answer(Answer(complete.status, headers, complete.body), head.method, client.send)

    def _policy(self, visit: Visit) -> ResponsePolicy:
        """The headers that answers to this request get."""
        return self._options.response_headers.framed_by(visit.frame_ancestors)

    async def _fail(self, error: GatewayError, head: RequestHead, client: Exchange, visit: Visit) -> None:
        """Answer a failure; where the answer has begun, break the connection instead of ending it quietly short."""
        if error.failure is Failure.CLIENT_GONE:
            return
        if client.started:
            return client.abort()
        await self._answer(error_answer(error, head, visit.correlation_id, self._options.errors), head, client, visit)


def _seen_by_routes(target: str, base: str) -> str:
    """Path and query without what is meant for us. Raises PATH_REFUSED where the rest begins with two slashes."""
    if not base:
        return without_parameter(target, SAP_IDP)
    seen = without_parameter(without_parameter(target[len(base) :], SAP_IDP), SKIP_CACHE)
    refuse_unsafe_path(seen.partition("?")[0])
    return seen
