"""Middleware slots: how the middleware of all extensions becomes one application."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

Asgi = Callable[[Any, Any, Any], Awaitable[None]]


def at(path: str, middleware: Callable[[Asgi], Asgi]) -> Callable[[Asgi], Asgi]:
    """The middleware for requests below `path` only; all others pass by. `/ext` is `/ext` and `/ext/...`."""
    root = "/" + path.strip("/")

    def limited(app: Asgi) -> Asgi:
        wrapped = middleware(app)

        async def choose(scope: Any, receive: Any, send: Any) -> None:
            await (wrapped if is_below(scope["path"], root) else app)(scope, receive, send)

        return choose

    return limited


def is_below(path: str, root: str) -> bool:
    """Whether a path is `root` or continues it with another segment; some backends read a segment up to `;` only."""
    if ";" in path:
        path = "/".join(segment.partition(";")[0] for segment in path.split("/"))
    return root == "/" or path == root or path.startswith(root + "/")


def stacked(middleware: Sequence[Callable[[Asgi], Asgi]], core: Asgi) -> Asgi:
    """One application of them all; the first is the outermost, `core` the innermost."""
    app = core
    for wrap in reversed(middleware):
        app = wrap(app)
    return app
