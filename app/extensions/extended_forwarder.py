"""Forwarding for tokens and destinations of an extension's choice."""

from __future__ import annotations

import hashlib
import time
from contextvars import ContextVar

from app.backends.backend import Backend
from app.extensions.extension import GetToken
from app.extensions.request_info import RequestInfo
from app.forwarder import Forwarder
from app.principal import Caller, UserCaller, UserPrincipal, UserToken
from app.routing.reference import BackendReference
from app.sessions.visitor import Visitor

TOKEN_SECONDS = 60
"""How long a backend prepared with a custom token is used at most."""

current_request: ContextVar[RequestInfo] = ContextVar("current_request")
"""The request a backend is being resolved for."""
_acting: ContextVar[Caller] = ContextVar("acting")
"""As whom the request reaches its backend."""


class ExtendedForwarder(Forwarder):
    """Prepares backends without the caller's session, which knows destinations by name only and one token."""

    get_token: GetToken | None = None

    def _ready(self, reference: BackendReference, caller: Caller, visitor: Visitor | None) -> Backend | None:
        return None

    async def _resolve(self, reference: BackendReference, caller: Caller, visitor: Visitor | None) -> Backend:
        acting = await self._with_token(caller)
        _acting.set(acting)
        return await self._backends.resolve(reference, acting)

    def _forget(self, reference: BackendReference, backend: Backend, caller: Caller, visitor: Visitor | None) -> None:
        self._backends.forget(reference, backend, _acting.get())

    async def _with_token(self, caller: Caller) -> Caller:
        token = await self.get_token(current_request.get()) if self.get_token is not None else None
        return caller if token is None else custom_caller(caller, token)


def custom_caller(caller: Caller, token: str) -> UserCaller:
    """Whoever the token stands for: somebody else than the caller, and than the bearer of any other token.

    Equal for equal tokens while the minute lasts, so that what is kept of one is found again.
    """
    digest = hashlib.sha256(token.encode()).hexdigest()
    principal = UserPrincipal(caller.tenant, "custom-token", digest)
    ends_at = (int(time.time()) // TOKEN_SECONDS + 1) * TOKEN_SECONDS
    return UserCaller(UserToken(principal, token, frozenset(), ends_at))
