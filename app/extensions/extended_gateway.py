"""The way of a request where extensions are installed. Without any, nothing of this exists: see `app.gateway`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from app.answer import Headers
from app.errors import Failure, GatewayError
from app.extensions.completion import Completion, complete
from app.extensions.extended_forwarder import current_request
from app.extensions.extension import Extension, GetRouterConfig, ResponseHook
from app.extensions.handed_on import Handshake, Send, check_answered, exchange_of, handshake_scope, release
from app.extensions.mount import MountedRoute
from app.extensions.request_info import ERROR, INFO, RequestInfo, request_info
from app.extensions.router_config import RouterConfig
from app.extensions.shaping import shaping
from app.extensions.slots import stacked
from app.gateway import Gateway
from app.inbound.exchange import EXTENSION, AbortExchange, Exchange, Scope
from app.observability.correlation import correlation_id
from app.principal import Tenant
from app.request_head import RequestHead
from app.routing.route_table import Match
from app.sessions.visitor import Visitor
from app.visit import Visit

log = logging.getLogger("gangway.extensions")

_STEP = "gangway.step"
_VISIT = "gangway.visit"


@dataclass(frozen=True, slots=True)
class _Step:
    """Where the way goes on behind the middleware."""

    match: Match
    tenant: Tenant
    visitor: Visitor | None
    own: Headers
    visit: Visit
    peer: str
    completion: Completion
    given: Send
    """The channel for answers that the middleware got."""


@dataclass(frozen=True, slots=True)
class _Failed:
    error: GatewayError
    head: RequestHead
    visit: Visit
    given: Send


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
        """The slot `first`; for web sockets as far as the handshake. What fails there is answered like any failure."""
        client: Exchange = scope[EXTENSION]
        client.from_extensions = True
        visit = Visit(correlation_id(scope["headers"]))
        client.correlation_id = visit.correlation_id
        try:
            await self._run_first({**scope, _VISIT: visit}, client)
        except AbortExchange:
            client.abort()
        except asyncio.CancelledError:
            self._write_outside(GatewayError(Failure.STOPPED), RequestHead.from_scope(scope), scope, client, visit)
            raise
        except GatewayError as failed:
            await self._fail_outside(failed, scope, client, visit)
        except Exception:  # the last resort, as behind it
            log.exception("middleware of the slot first failed", extra=_of(visit))
            await self._fail_outside(GatewayError(Failure.INTERNAL), scope, client, visit)

    async def _run_first(self, scope: Scope, client: Exchange) -> None:
        if scope["type"] == "websocket":
            handshake = Handshake(client, client.send)
            await self._first(handshake_scope(scope), handshake.receive, handshake.send)
        else:
            await self._first(scope, client.receive, client.send)
        check_answered(client)

    async def _arrive(self, scope: Scope, receive: Any, send: Any) -> None:
        """Behind `first`: the way itself, by our routes or by those of another configuration."""
        client = exchange_of(scope, receive, send)
        scope = {**scope, "scheme": client.scope["scheme"], EXTENSION: client}
        try:
            gateway = await self._chosen(scope)
        except Exception:  # what cannot be decided is denied
            log.exception("get_router_config failed", extra=_of(scope[_VISIT]))
            await self._fail_outside(GatewayError(Failure.INTERNAL), scope, client, scope[_VISIT])
        else:
            scope[_VISIT].written = True
            await Gateway.__call__(gateway, scope, client.receive, client.send)
        finally:
            release(client)

    async def _fail_outside(self, error: GatewayError, scope: Scope, client: Exchange, visit: Visit) -> None:
        """Answer and log what failed before the way, or around it."""
        if client.complete:
            return
        head = RequestHead.from_scope(scope)
        await self._fail(error, head, client, visit)
        self._write_outside(error, head, scope, client, visit)

    def _write_outside(
        self, error: GatewayError, head: RequestHead, scope: Scope, client: Exchange, visit: Visit
    ) -> None:
        """Write the line of a request that has not come to the way, which writes it otherwise."""
        visit.error = error
        if not visit.written and self._access_log.wants(error, self._access_log.level(head)):
            self._access_log.write(head, visit.outcome(client), scope["http_version"])

    async def _chosen(self, scope: Scope) -> Gateway:
        config = await self._get_router_config(request_info(scope)) if self._get_router_config is not None else None
        if config is None:
            return self
        if not isinstance(config, RouterConfig):
            raise TypeError(f"get_router_config returned {type(config).__name__}, not a RouterConfig")
        if config not in self._others:
            self._others[config] = self._make(config)
        return self._others[config]

    async def _serve(
        self, match: Match, head: RequestHead, tenant: Tenant, visitor: Visitor | None, own: Headers,
        client: Exchange, visit: Visit,
    ) -> None:  # fmt: skip
        """The slot `before_request_handler`."""
        completion = Completion(self._policy(visit), visit, own)
        step = _Step(match, tenant, visitor, own, visit, head.client, completion, completion.sending(client.send))
        info = _info(head, visit, step)
        scope = {**client.scope, "headers": list(head.headers), INFO: info, _STEP: step, EXTENSION: client}
        if client.upgrade is not None:
            handshake = Handshake(client, step.given)
            await self._before(handshake_scope(scope), handshake.receive, handshake.send)
        else:
            await self._before(scope, client.receive, step.given)
        check_answered(client)

    async def _go_on(self, scope: Scope, receive: Any, send: Any) -> None:
        """Behind `before_request_handler`: a mounted application, a file or a backend."""
        step, info, own = scope[_STEP], scope[INFO], scope[EXTENSION]
        route = step.match.route
        if isinstance(route, MountedRoute):
            return await route.app(scope, receive, step.completion.sending(send))
        send = own.send if send is step.given else complete(send)
        if self._shapers and not route.local_dir and own.upgrade is None:
            send = shaping(self._shapers, info, send)
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

    async def _tell_timeout(self, info: RequestInfo) -> None:
        for hook in self._on_timeout:
            try:
                await hook(info)
            except Exception:  # a hook that fails changes nothing
                log.exception("a timeout hook failed", extra=_of(info))

    async def _fail(self, error: GatewayError, head: RequestHead, client: Exchange, visit: Visit) -> None:
        """The slot `before_error_handler`."""
        if client.complete:
            return
        if error.failure is Failure.CLIENT_GONE or client.started:
            return await super()._fail(error, head, client, visit)
        given = Completion(self._policy(visit), visit).sending(client.send)
        scope = {
            **client.scope, "type": "http", INFO: _info(head, visit), ERROR: error, EXTENSION: client,
            _STEP: _Failed(error, head, visit, given),
        }  # fmt: skip
        try:
            await self._before_error(scope, client.receive, given)
        except Exception:  # the answer is then the one without it
            log.exception("an extension's error handling failed", extra=_of(visit))
        if not client.complete:
            await super()._fail(error, head, client, visit)

    async def _answer_failure(self, scope: Scope, receive: Any, send: Any) -> None:
        """Behind `before_error_handler`: the answer the gateway gives."""
        failed, own = scope[_STEP], scope[EXTENSION]
        client = exchange_of(scope, receive, own.send if send is failed.given else complete(send))
        try:
            await super()._fail(failed.error, failed.head, client, failed.visit)
        finally:
            release(client)


def _of(request: Visit | RequestInfo) -> dict[str, Any]:
    """What tells whose request a line of the log is about."""
    return {"fields": {"correlation_id": request.correlation_id}}


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
