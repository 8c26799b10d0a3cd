"""What an extension is: a value that names its middleware, its applications and its hooks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from app.answer import Headers
from app.extensions.mount import Mount
from app.extensions.request_info import RequestInfo
from app.extensions.router_config import RouterConfig
from app.principal import Tenant, UserPrincipal
from app.sessions.observer import End

Asgi = Callable[[Any, Any, Any], Awaitable[None]]
"""An ASGI application; scope and channels are typed by whoever writes it."""

Middleware = Callable[[Asgi], Asgi]
"""ASGI middleware: a function, or a class whose instances are applications, that wraps an application."""

ResponseHook = Callable[[RequestInfo, int, Headers], Awaitable[Headers]]
"""Gets the status and the headers of a backend's answer, as the client would get them; returns what it shall get."""

TimeoutHook = Callable[[RequestInfo], Awaitable[None]]
"""Told that the backend of a request did not answer in time; the client gets its 504 afterwards."""

GetToken = Callable[[RequestInfo], Awaitable[str | None]]
"""The access token that the backend of a request gets in place of the user's; None for the user's own."""

GetRouterConfig = Callable[[RequestInfo], Awaitable[RouterConfig | None]]
"""The routes by which a request is served; None for those of xs-app.json."""


@dataclass(frozen=True, slots=True)
class SessionEvent:
    """A login or logout. `session_id` names the session in logs; it is worthless as a cookie."""

    session_id: str
    tenant: Tenant
    user: UserPrincipal
    ended: End | None = None
    """Why it ended; None for a login."""


SessionHook = Callable[[SessionEvent], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """Everything is optional. Of several extensions, the first one's middleware is the outermost.

    `first` sees every request as it arrives, before anything has been checked. `before_request_handler` sees requests
    that may pass, with the user in `request_info(scope)`, before a file is served or a backend is called.
    `before_error_handler` sees failures that are about to be answered, with the failure in `error_of(scope)`.
    """

    first: Sequence[Middleware] = ()
    before_request_handler: Sequence[Middleware] = ()
    before_error_handler: Sequence[Middleware] = ()
    mounts: Sequence[Mount] = ()
    on_response: ResponseHook | None = None
    on_backend_timeout: TimeoutHook | None = None
    on_login: SessionHook | None = None
    on_logout: SessionHook | None = None
