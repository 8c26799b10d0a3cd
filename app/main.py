"""The gateway for start scripts and other ASGI servers: `create_app`, and `app` for `uvicorn app.main:app`.

The server made for the gateway is `Application.serve`; `python -m app` runs the same. What other servers lack of it is
told in docs/extending.md.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from app.check import report
from app.composition.application import Running, compose
from app.composition.extending import Extending
from app.configuration import Configuration, load_configuration
from app.extensions import Extension, GetRouterConfig, GetToken, RouterConfig
from app.extensions.router_config import make_router_config
from app.inbound.exchange import EXTENSION
from app.inbound.foreign_server import refuse_websocket, serve_foreign
from app.inbound.server import Https
from app.inbound.standalone import ACCESS_LOG
from app.problem import ConfigurationError
from app.serving import announce, serve

log = logging.getLogger("gangway")

__all__ = ["Application", "Https", "app", "create_app"]


class Application:
    """The gateway as an ASGI application. It starts with the server's lifespan, and reads its configuration then."""

    def __init__(
        self, workdir: Path, environ: Mapping[str, str], xsapp_config: Mapping[str, Any] | None, extending: Extending
    ) -> None:
        self._workdir = workdir
        self._environ = environ
        self._xsapp_config = xsapp_config
        self._extending = extending
        self._running: Running | None = None

    @cached_property
    def configuration(self) -> Configuration:
        """What the gateway is built from. Raises ConfigurationError with all problems."""
        return load_configuration(self._workdir, self._environ, self._xsapp_config)

    def create_router_config(
        self,
        xsapp_config: Mapping[str, Any],
        *,
        destinations: Sequence[Mapping[str, Any]] | None = None,
        xsappname: str | None = None,
    ) -> RouterConfig:
        """Routes to be returned by `get_router_config`; keep it, it is not meant to be made for each request.

        Of `xsapp_config` count `routes`, `welcomeFile`, `websockets` and `errorPage`. `destinations` are used in place
        of the variable's. Raises ConfigurationError.
        """
        return make_router_config(self._workdir, self._environ, xsapp_config, destinations, xsappname)

    def serve(self, *, port: int | None = None, https: Https | None = None) -> int:
        """Serve in this process until SIGTERM or SIGINT, on the gateway's own server; the process's exit status.

        `port` goes before the variable PORT. With a wrong configuration all problems are printed, and it is 1.
        """
        try:
            configuration = self.configuration if port is None else self._at(port)
        except ConfigurationError as error:
            print(report(error.problems, ()), file=sys.stderr)
            return 1
        return serve(configuration, self._extending or None, https)

    def _at(self, port: int) -> Configuration:
        return load_configuration(self._workdir, {**self._environ, "PORT": str(port)}, self._xsapp_config)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve a request, or live through a server's lifespan. Raises RuntimeError on a server without lifespan."""
        if scope["type"] == "lifespan":
            await self._live(scope, receive, send)
        elif self._running is None:
            raise RuntimeError("the gateway has not been started: the server has to support the lifespan protocol")
        elif EXTENSION in scope:
            await self._running.gateway(scope, receive, send)
        elif scope["type"] == "http":
            await serve_foreign(self._running.gateway, scope, receive, send, self._running.access_log)
        else:
            await refuse_websocket(receive, send)

    async def _live(self, scope: Any, receive: Any, send: Any) -> None:
        """ASGI, lifespan: start, wait for the end, end."""
        await receive()
        try:
            announce(self.configuration)
            self._running = compose(self.configuration, self._extending or None)
        except ConfigurationError as error:
            log.error("the configuration cannot be served")
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        scope.get("state", {})[ACCESS_LOG] = self._running.access_log
        await send({"type": "lifespan.startup.complete"})
        try:
            await receive()
        finally:
            running, self._running = self._running, None
            await asyncio.shield(running.aclose())
        await send({"type": "lifespan.shutdown.complete"})


def create_app(
    workdir: str | Path = ".",
    environ: Mapping[str, str] | None = None,
    *,
    extensions: Sequence[Extension] = (),
    xsapp_config: Mapping[str, Any] | None = None,
    get_token: GetToken | None = None,
    get_router_config: GetRouterConfig | None = None,
) -> Application:
    """The gateway of a working directory.

    `environ` are the variables, the process's when None. `xsapp_config` is what xs-app.json would hold, in its place.
    `get_token` gives backends another access token than the user's, `get_router_config` other routes to a request.
    """
    variables = os.environ if environ is None else environ
    extending = Extending(tuple(extensions), get_token, get_router_config)
    return Application(Path(workdir).resolve(), variables, xsapp_config, extending)


app = create_app()
"""The gateway of the current directory and the process's environment."""
