"""Servers on loopback: an ASGI application or a raw asyncio handler, each on a free port of its own.

Both have the same life: `await start()` returns when connections are accepted, `port` names the port, `await stop()`
ends the connections too and leaves no task behind.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LOOPBACK = "127.0.0.1"

AsgiApp = Callable[..., Awaitable[None]]
StreamHandler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def loopback_socket(port: int = 0) -> socket.socket:
    """A bound socket on loopback; port 0 lets the system choose a free one."""
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((LOOPBACK, port))
    except OSError:
        bound.close()
        raise
    return bound


class AppServer:
    """Serves an ASGI application on a loopback port, inside the running event loop.

    With `tls` the scope of a connection that showed a client certificate carries it as the ASGI TLS extension does:
    `scope["extensions"]["tls"]["client_cert_chain"]`, a list of PEM texts.
    """

    def __init__(self, app: AsgiApp, *, tls: ssl.SSLContext | None = None, port: int = 0) -> None:
        self._app = app
        self._tls = tls
        self._wanted_port = port
        self._server: _QuietServer | None = None
        self._serving: asyncio.Task[None] | None = None
        self.port = 0

    @property
    def scheme(self) -> str:
        """`https` when the server was given a TLS context, else `http`."""
        return "https" if self._tls else "http"

    @property
    def url(self) -> str:
        """Address by loopback number, without a trailing slash."""
        return f"{self.scheme}://{LOOPBACK}:{self.port}"

    async def start(self) -> None:
        """Listen; raises OSError when a wanted port is taken."""
        bound = loopback_socket(self._wanted_port)
        self.port = bound.getsockname()[1]
        self._server = _QuietServer(self._config())
        self._serving = asyncio.create_task(self._server.serve(sockets=[bound]))
        await self._server.listening.wait()

    async def stop(self) -> None:
        """End open connections and wait until the port is free; harmless when not started."""
        if self._server is None or self._serving is None:
            return
        self._server.should_exit = True
        await self._serving
        await asyncio.gather(*self._server.server_state.tasks, return_exceptions=True)
        self._server = self._serving = None

    def _config(self) -> uvicorn.Config:
        config = uvicorn.Config(
            self._app,
            http=_PeerCertificateProtocol,
            lifespan="off",
            log_config=None,
            log_level="error",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=1,
        )
        config.load()
        config.ssl = self._tls
        return config


class _QuietServer(uvicorn.Server):
    """Leaves the signals to the process it runs in, and says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _PeerCertificateProtocol(HttpToolsProtocol):
    """Hands the certificate the client showed to the application."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        tls: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
        der = tls.getpeercert(binary_form=True) if tls else None
        if der:
            self.app = _with_client_certificate(self.app, ssl.DER_cert_to_PEM_cert(der))


def _with_client_certificate(app: Any, pem: str) -> Any:
    async def handle(scope: dict[str, Any], receive: Any, send: Any) -> None:
        extensions = {**scope.get("extensions", {}), "tls": {"client_cert_chain": [pem]}}
        await app({**scope, "extensions": extensions}, receive, send)

    return handle


class StreamServer:
    """Serves raw connections: `handler(reader, writer)` runs once for each; the writer is closed after it."""

    def __init__(self, handler: StreamHandler, *, tls: ssl.SSLContext | None = None, port: int = 0) -> None:
        self._handler = handler
        self._tls = tls
        self._wanted_port = port
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self.port = 0

    async def start(self) -> None:
        """Listen; raises OSError when a wanted port is taken."""
        bound = loopback_socket(self._wanted_port)
        self.port = bound.getsockname()[1]
        self._server = await asyncio.start_server(self._serve, sock=bound, ssl=self._tls, limit=1 << 20)

    async def stop(self) -> None:
        """Close the port and cancel the connections; harmless when not started."""
        if self._server is None:
            return
        self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await self._server.wait_closed()
        self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            await self._handler(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            writer.transport.abort()
        finally:
            self._connections.discard(task)
            writer.close()
