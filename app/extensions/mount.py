"""Applications beside the routes: reached by a prefix, behind the same login, CSRF protection and scopes as a route."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from app.problem import ConfigurationError, Problem
from app.routing.js_regex import compile_pattern
from app.routing.route import AuthenticationType, RequiredScopes, Route

Asgi = Callable[[Any, Any, Any], Awaitable[None]]

_SPECIAL = frozenset(r"\^$.*+?()[]{}|/")
_UNRESERVED = frozenset("-._~")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """An ASGI application, or a FastAPI router, that serves what is below `prefix`; goes before the routes.

    `authentication` is the application router's default when None, as for a route. `scopes`: one of them is needed,
    `$XSAPPNAME` stands for the application. The paths of both are below the prefix: as in Starlette's `Mount`, an
    application gets the whole path, and the prefix as `root_path`.
    """

    prefix: str
    app: Any
    authentication: Literal["xsuaa", "ias", "basic", "none"] | None = None
    csrf_protection: bool = True
    scopes: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MountedRoute(Route):
    """The route of a mount."""

    app: Asgi


def mounted_route(mount: Mount, index: int, default: AuthenticationType, xsappname: str) -> MountedRoute:
    """The route of a mount; `index` tells it from others. Raises ConfigurationError for an unusable mount."""
    root = "/" + mount.prefix.strip("/")
    source = "^" + "".join(map(_spelled, root.encode())) + ("" if root == "/" else "(?:[/?]|%2[Ff]|$)")
    authentication = AuthenticationType(mount.authentication) if mount.authentication else default
    scopes = frozenset(scope.replace("$XSAPPNAME", xsappname) for scope in mount.scopes)
    return MountedRoute(
        index=index,
        source=source,
        pattern=compile_pattern(source),
        target=None,
        authentication=authentication,
        scopes=RequiredScopes(scopes, {}) if scopes else None,
        csrf=mount.csrf_protection and authentication is not AuthenticationType.NONE,
        app=_application(mount.app, root),
    )


def _spelled(byte: int) -> str:
    """A pattern for a byte of a path in all its spellings. Applications route by the decoded path: what is below a
    mount for them has to be so for us, slashes included.
    """
    char = chr(byte)
    plain = f"\\{char}" if char in _SPECIAL else char
    if char.isascii() and (char.isalnum() or char in _UNRESERVED):
        return plain  # as it is in every request head
    escape = "".join(f"[{digit}{digit.lower()}]" if digit.isalpha() else digit for digit in f"{byte:02X}")
    return f"(?:{plain}|%{escape})"


def _application(app: Any, root: str) -> Asgi:
    """A router becomes an application without documentation pages; FastAPI is loaded only where one is mounted."""
    if hasattr(app, "include_router") and not hasattr(app, "openapi"):
        from fastapi import FastAPI

        host = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
        host.include_router(app, prefix=root.rstrip("/"))
        return cast(Asgi, host)
    if not callable(app):
        raise ConfigurationError(
            [Problem("extensions", f"mount {root}", "", "an ASGI application or a FastAPI router")]
        )
    return _below(cast(Asgi, app), root.rstrip("/"))


def _below(app: Asgi, root: str) -> Asgi:
    """Tells an application where it is mounted, as Starlette's `Mount` does."""

    async def mounted(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, "root_path": root}, receive, send)

    return mounted
