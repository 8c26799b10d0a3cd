"""From a matched route to a backend and back: resolves the backend, builds the request, shapes the answer."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import replace

from app.answer import Headers
from app.backends.backend import Backend
from app.backends.resolver import BackendResolver
from app.compression.answer_compression import AnswerCompression, Compression
from app.errors import Failure, GatewayError
from app.forwarding.headers import holds_for_socket
from app.forwarding.outbound_request import Outbound, build_head
from app.forwarding.relay import Forward, Relay
from app.forwarding.tunnel import POLICY_VIOLATION, Tunnel
from app.forwarding.websocket import WebSocketRelay
from app.inbound.exchange import Exchange
from app.login.logout import BackendLogout
from app.observability.correlation import correlation_id, forwarded_headers, new_id
from app.passing import Passing
from app.principal import AnonymousCaller, Caller, Tenant
from app.request_head import RequestHead
from app.response_headers import ResponsePolicy
from app.routing.reference import BackendReference
from app.routing.route_table import Match
from app.sessions.backend_cookies import CookieSite
from app.sessions.session import Session
from app.sessions.visitor import Visitor
from app.sign_in import SignIn
from app.transport.pool_key import described
from app.visit import Visit

log = logging.getLogger("gangway.forwarder")

MAX_PUBLIC = 1000
_RANGE = frozenset((b"range", b"if-range"))
_NOTHING: Mapping[BackendReference, Backend] = {}


class Forwarder:
    """Forwards requests of routes with a destination or a service."""

    def __init__(
        self,
        backends: BackendResolver,
        relay: Relay,
        websockets: WebSocketRelay,
        sign_in: SignIn,
        policy: ResponsePolicy,
        compression: Compression | None = None,
    ) -> None:
        self._backends = backends
        self._relay = relay
        self._websockets = websockets
        self._sign_in = sign_in
        self._policy = policy
        self._compression = compression
        self._public: dict[Tenant, dict[BackendReference, Backend]] = {}

    async def forward(
        self, match: Match, reference: BackendReference, head: RequestHead, tenant: Tenant, visitor: Visitor | None,
        own: Headers, client: Exchange, visit: Visit,
    ) -> None:  # fmt: skip
        """Forward a request to the backend of `reference`; `own` are headers for the answer.

        Raises GatewayError before anything has been sent to the client, BrokenOff afterwards.
        """
        caller: Caller = visitor.caller if visitor is not None else AnonymousCaller(tenant)
        backend = self._ready(reference, caller, visitor) or await self._resolve(reference, caller, visitor)
        if visit.trace is not None:
            visit.trace.add(f"destination {backend.destination}: {described(backend.key)}")
        visit.forwarded_after = visit.elapsed
        passing = Passing(self._sign_in, self._policy, match, backend, head, tenant, visitor, own, visit)
        compression = self._compression.of(head) if self._compression is not None else None
        outbound = _whole(passing.outbound(client.upgrade is not None), head, compression)
        forward = _request(head, match.target, backend, outbound, compression)
        try:
            if client.upgrade is not None:
                await self._join(forward, backend, passing, client, visitor)
            else:
                await self._relay.forward(forward, backend, passing.shape, client)
        except GatewayError as error:
            if error.failure is Failure.PROXY_TOKEN_REFUSED:
                self._forget(reference, backend, caller, visitor)
            raise
        if client.status == 401 and backend.credentials:
            self._forget(reference, backend, caller, visitor)

    async def call_logout(self, session: Session, call: BackendLogout, asked: RequestHead | None) -> None:
        """Tell a backend that a session has ended, as its user and with the cookies it knows the session by.

        `asked` is the request for the logout, None where there was none. A failure is logged and changes nothing.
        """
        try:
            backend = await self._backends.resolve(call.reference, session.caller)
            cookie = session.backend_cookies.header(CookieSite.of(backend, call.path), None)
            outbound = Outbound(cookie or b"", extra=_logout_headers(call, asked))
            if asked is None:
                backend = replace(backend, forwarded_headers=False)
            data = build_head(_logout_head(call, asked), call.path, backend, outbound)
            status = await self._relay.call(Forward(call.method, data), backend)
            log.info("backend logged out", extra={"fields": {"destination": call.reference.name, "status": status}})
        except GatewayError as error:
            fields = {"destination": call.reference.name}
            log.warning("logout of a backend failed: %s", error, extra={"fields": fields})

    def _ready(self, reference: BackendReference, caller: Caller, visitor: Visitor | None) -> Backend | None:
        prepared = visitor.prepared if visitor is not None else self._public.get(caller.tenant, _NOTHING)
        backend = prepared.get(reference)
        return backend if backend is not None and backend.expires_at > time.monotonic() else None

    async def _resolve(self, reference: BackendReference, caller: Caller, visitor: Visitor | None) -> Backend:
        backend = await self._backends.resolve(reference, caller)
        if visitor is None:
            self._keep_public(caller.tenant, reference, backend)
        elif visitor.caller is caller:  # not renewed meanwhile
            visitor.prepared[reference] = backend
        return backend

    def _keep_public(self, tenant: Tenant, reference: BackendReference, backend: Backend) -> None:
        """What public routes use, by tenant; bounded, because host names and addresses can name anything."""
        if tenant not in self._public and len(self._public) >= MAX_PUBLIC:
            self._public.clear()
        prepared = self._public.setdefault(tenant, {})
        if len(prepared) >= MAX_PUBLIC:
            prepared.clear()
        prepared[reference] = backend

    def _forget(self, reference: BackendReference, backend: Backend, caller: Caller, visitor: Visitor | None) -> None:
        """Credentials were refused: the next request gets them anew."""
        self._backends.forget(reference, backend, caller)
        if visitor is not None:
            visitor.prepared.clear()
        else:
            self._public.pop(caller.tenant, None)

    async def _join(
        self, forward: Forward, backend: Backend, passing: Passing, client: Exchange, visitor: Visitor | None
    ) -> None:
        """A web socket ends with its session."""
        tunnels: list[Tunnel] = []

        def end() -> None:
            for tunnel in tunnels:
                tunnel.end(POLICY_VIOLATION)

        def opened(tunnel: Tunnel) -> None:
            tunnels.append(tunnel)
            if visitor is not None:
                visitor.watch(end)

        try:
            await self._websockets.forward(forward, backend, passing.shape, client, opened)
        finally:
            if visitor is not None:
                visitor.unwatch(end)


def _binds_socket(head: RequestHead, outbound: Outbound) -> bool:
    """Whether the backend may take what follows on the socket for its sender's, too."""
    shown = head.first.get(b"authorization") if outbound.keep_authorization else None
    return shown is not None and holds_for_socket(shown)


def _logout_head(call: BackendLogout, asked: RequestHead | None) -> RequestHead:
    """What a backend learns of the request for the logout: who sent it, and to which address."""
    if asked is None:
        return RequestHead(call.method, call.path, ())
    headers = [pair for pair in asked.headers if pair[0] == b"host" or pair[0].startswith(b"x-forwarded-")]
    return RequestHead(call.method, asked.target, headers, asked.client, asked.scheme)


def _logout_headers(call: BackendLogout, asked: RequestHead | None) -> Headers:
    extra = forwarded_headers(correlation_id(asked.headers) if asked is not None else new_id())
    if call.method != "GET":
        extra += ((b"content-length", b"0"),)
    if call.router is None:
        return extra
    known_by = call.router if asked is None else asked.header(b"x-forwarded-host") or asked.header(b"host")
    return (*extra, (b"x-approuter-host", (known_by or "").encode("latin-1", "replace")))


def _whole(outbound: Outbound, head: RequestHead, compression: AnswerCompression | None) -> Outbound:
    """Without `Range`, where a client that takes compressed answers has a part of one: the backend's validator names
    both forms, and of the other one the rest would not fit (RFC 9110, 13.1.5). Browsers ask for parts of identity.
    """
    if b"if-range" not in head.first or compression is None or compression.coding is None:
        return outbound
    return outbound._replace(dropped=outbound.dropped | _RANGE)


def _request(
    head: RequestHead, target: str, backend: Backend, outbound: Outbound, compression: AnswerCompression | None
) -> Forward:
    chunked = b"transfer-encoding" in head.first
    return Forward(
        head.method,
        build_head(head, target, backend, outbound),
        has_body=chunked or head.first.get(b"content-length", b"0").strip(b"0") != b"",
        chunked=chunked,
        expects_continue=b"expect" in head.first,
        compression=compression,
        last_of_socket=_binds_socket(head, outbound),
    )
