"""The way of a request where extensions are installed. Without any, nothing of this exists: see `app.gateway`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from app.answer import Headers
from app.errors import Failure, GatewayError
from app.extensions.extended_forwarder import current_request
from app.extensions.extension import Extension, GetRouterConfig, ResponseHook
from app.extensions.handed_on import Handshake, exchange_of, handshake_scope, release
from app.extensions.mount import MountedRoute
from app.extensions.request_info import ERROR, INFO, RequestInfo, request_info
from app.extensions.router_config import RouterConfig
from app.extensions.slots import stacked
from app.gateway import Gateway
from app.http_date import DATE, date_header
from app.inbound.exchange import EXTENSION, Exchange, Message, Scope
from app.observability.correlation import correlation_id, returned_headers
from app.principal import Tenant
from app.request_head import RequestHead
from app.routing.route_table import Match
from app.sessions.visitor import Visitor
from app.visit import Visit

log = logging.getLogger("gangway.extensions")

_STEP = "gangway.step"


@dataclass(frozen=True, slots=True)
class _Step:
    """Where the way goes on behind the middleware."""

    match: Match
    tenant: Tenant
    visitor: Visitor | None
    own: Headers
    visit: Visit
    peer: str


@dataclass(frozen=True, slots=True)
class _Failed:
    error: GatewayError
    head: RequestHead
    visit: Visit


class ExtendedGateway(Gateway):
    """A gateway with extensions. `make` builds the gateway of another router configuration."""

    def install(
        self,
        extensions: Sequence[Extension],
        get_router_config: GetRouterConfig | None,
        make: Callable[[RouterConfig], Gateway],
    ) -> None:
        """To be called once, before the first request."""
        before = [each for e in extensions for each in e.before_request_handler]
        failing = [each for e in extensions for each in e.before_error_handler]
        self._first = stacked([each for e in extensions for each in e.first], self._arrive)
        self._before = stacked(before, self._go_on)
        self._before_error = stacked(failing, self._answer_failure)
        self._shapers: tuple[ResponseHook, ...] = tuple(e.on_response for e in extensions if e.on_response)
        self._on_timeout = tuple(e.on_backend_timeout for e in extensions if e.on_backend_timeout)
        self._get_router_config = get_router_config
        self._make = make
        self._others: WeakKeyDictionary[RouterConfig, Gateway] = WeakKeyDictionary()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """The slot `first`; for web sockets as far as the handshake."""
        if scope["type"] == "websocket":
            handshake = Handshake(scope[EXTENSION])
            await self._first(handshake_scope(scope), handshake.receive, handshake.send)
        else:
            await self._first(scope, receive, send)

    async def _arrive(self, scope: Scope, receive: Any, send: Any) -> None:
        """Behind `first`: the way itself, by our routes or by those of another configuration."""
        client = exchange_of(scope, receive, send)
        scope = {**scope, "scheme": client.scope["scheme"], EXTENSION: client}
        try:
            gateway = await self._chosen(scope)
        except Exception:  # what cannot be decided is denied
            log.exception("get_router_config failed")
            head = RequestHead.from_scope(scope)
            await self._fail(GatewayError(Failure.INTERNAL), head, client, Visit(correlation_id(head.headers)))
        else:
            await Gateway.__call__(gateway, scope, client.receive, client.send)
        finally:
            release(client)

    async def _chosen(self, scope: Scope) -> Gateway:
        config = await self._get_router_config(request_info(scope)) if self._get_router_config is not None else None
        if config is None:
            return self
        if config not in self._others:
            self._others[config] = self._make(config)
        return self._others[config]

    async def _serve(
        self, match: Match, head: RequestHead, tenant: Tenant, visitor: Visitor | None, own: Headers,
        client: Exchange, visit: Visit,
    ) -> None:  # fmt: skip
        """The slot `before_request_handler`."""
        step = _Step(match, tenant, visitor, own, visit, head.client)
        info = _info(head, visit, step)
        scope = {**client.scope, "headers": list(head.headers), INFO: info, _STEP: step, EXTENSION: client}
        if client.upgrade is not None:
            handshake = Handshake(client)
            return await self._before(handshake_scope(scope), handshake.receive, handshake.send)
        await self._before(scope, client.receive, client.send)

    async def _go_on(self, scope: Scope, receive: Any, send: Any) -> None:
        """Behind `before_request_handler`: a mounted application, a file or a backend."""
        step, info, own = scope[_STEP], scope[INFO], scope[EXTENSION]
        route = step.match.route
        if isinstance(route, MountedRoute):
            return await self._run_mounted(route, step, scope, receive, send)
        if self._shapers and not route.local_dir and own.upgrade is None:
            send = self._shaping(info, send)
        client = exchange_of(scope, receive, send)
        head = RequestHead(info.method, info.target, scope["headers"], step.peer, own.scope["scheme"])
        token = current_request.set(info)
        try:
            await super()._serve(step.match, head, step.tenant, step.visitor, step.own, client, step.visit)
        except GatewayError as error:
            if error.failure is Failure.BACKEND_TIMEOUT:
                await self._tell_timeout(info)
            raise
        finally:
            current_request.reset(token)
            release(client)

    async def _run_mounted(self, route: MountedRoute, step: _Step, scope: Scope, receive: Any, send: Any) -> None:
        """A mounted application answers; its answer carries what all of ours do."""
        added = returned_headers(step.visit.correlation_id) + step.visit.cross_origin

        async def complete(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [*message.get("headers", ()), *step.own, *added]
                if not any(name == DATE for name, _ in headers):
                    headers.append(date_header())
                message = {**message, "headers": [*headers, *self._policy(step.visit).missing_from(headers)]}
            await send(message)

        await route.app(scope, receive, complete)

    def _shaping(self, info: RequestInfo, send: Any) -> Any:
        async def shape(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": await self._shaped(info, message["status"], message["headers"])}
            await send(message)

        return shape

    async def _shaped(self, info: RequestInfo, status: int, headers: Any) -> Headers:
        shaped: Headers = tuple(headers)
        for hook in self._shapers:
            try:
                shaped = await hook(info, status, shaped)
            except Exception:
                log.exception("a response hook failed; its changes are left out")
        return shaped

    async def _tell_timeout(self, info: RequestInfo) -> None:
        for hook in self._on_timeout:
            try:
                await hook(info)
            except Exception:
                log.exception("a timeout hook failed")

    async def _fail(self, error: GatewayError, head: RequestHead, client: Exchange, visit: Visit) -> None:
        """The slot `before_error_handler`."""
        if error.failure is Failure.CLIENT_GONE or client.started:
            return await super()._fail(error, head, client, visit)
        scope = {
            **client.scope, "type": "http", INFO: _info(head, visit), ERROR: error, EXTENSION: client,
            _STEP: _Failed(error, head, visit),
        }  # fmt: skip
        try:
            await self._before_error(scope, client.receive, client.send)
        except Exception:
            log.exception("an extension's error handling failed")
        if not client.complete:
            await super()._fail(error, head, client, visit)

    async def _answer_failure(self, scope: Scope, receive: Any, send: Any) -> None:
        """Behind `before_error_handler`: the answer the gateway gives."""
        failed = scope[_STEP]
        client = exchange_of(scope, receive, send)
        try:
            await super()._fail(failed.error, failed.head, client, failed.visit)
        finally:
            release(client)


def _info(head: RequestHead, visit: Visit, step: _Step | None = None) -> RequestInfo:
    """What extensions get to know."""
    visitor = step.visitor if step is not None else None
    return RequestInfo(
        head.method,
        head.target,
        tuple(head.headers),
        visit.tenant,
        visitor.caller.principal if visitor is not None else None,
        visitor.token.scopes if visitor is not None else frozenset(),
        step.match.route.source if step is not None else "",
        visit.correlation_id,
    )
