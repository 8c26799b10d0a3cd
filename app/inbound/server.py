"""Runs uvicorn the way a gateway needs it: our protocol, nothing added to answers, no trust in forwarded headers."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import ssl
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn

from app.inbound.exchange import AsgiApp
from app.inbound.protocol import InboundLimits, InboundProtocol
from app.inbound.writing import reset
from app.observability.access_log import AccessLog
from app.transport.deadlines import Deadlines

log = logging.getLogger("gangway")

GRACE_SECONDS = 8
"""What is under way may take so long when the server stops: the platform kills 10 s after SIGTERM."""
CLOSING_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Https:
    """How the server proves who it is: PEM files with the certificate chain and its key.

    With `client_authorities` (a PEM file) clients have to prove who they are with a certificate of one of them.
    """

    certificate: Path
    key: Path
    key_password: str | None = field(default=None, repr=False)
    client_authorities: Path | None = None


@dataclass(frozen=True, slots=True)
class Listener:
    """Where to listen. With `https` the server speaks nothing else, with `http2` also HTTP/2.

    `accepting` is a socket that listens already, in place of one for `host` and `port`: processes share it.
    """

    port: int
    host: str = "0.0.0.0"  # noqa: S104 - the platform's router reaches the container from outside
    https: Https | None = None
    http2: bool = False
    accepting: socket.socket | None = None


class Server(uvicorn.Server):
    """Ends with status 0 on SIGTERM and SIGINT: a stop that was asked for is no failure.

    `cut` is how many requests were under way too long for that, or had an answer that was not taken.
    """

    def __init__(self, config: uvicorn.Config, on_started: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_started = on_started
        self.cut = 0

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_started()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let requests end, for GRACE_SECONDS; then cut them, which uvicorn itself would do without their knowledge."""
        fields = {"requests": len(self.server_state.tasks), "grace_seconds": GRACE_SECONDS}
        log.info("told to stop", extra={"fields": fields})
        cutting = asyncio.create_task(self._cut())
        try:
            await super().shutdown(sockets)
        finally:
            cutting.cancel()

    async def _cut(self) -> None:
        await asyncio.sleep(GRACE_SECONDS)
        tasks = set(self.server_state.tasks)
        self.cut = len(tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=CLOSING_SECONDS)
        for connection in list(self.server_state.connections):
            transport = connection.transport
            if transport.is_closing() and transport.get_write_buffer_size():  # an answer whose request was done
                self.cut += 1
            reset(transport)

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield


def protocol_class(
    limits: InboundLimits, deadlines: Deadlines, access_log: AccessLog | None = None, *, http2: bool = False
) -> type[InboundProtocol]:
    """The client protocol with its limits; `access_log` gets the lines of what it refuses."""
    base: type[InboundProtocol] = InboundProtocol
    if http2:
        from app.inbound.http2 import AutoProtocol

        base = AutoProtocol
    return type("Inbound", (base,), {"limits": limits, "deadlines": deadlines, "access_log": access_log})


def _tls_options(https: Https | None) -> dict[str, Any]:
    if https is None:
        return {}
    return {
        "ssl_certfile": https.certificate,
        "ssl_keyfile": https.key,
        "ssl_keyfile_password": https.key_password,
        "ssl_ca_certs": str(https.client_authorities) if https.client_authorities else None,
        "ssl_cert_reqs": ssl.CERT_REQUIRED if https.client_authorities else ssl.CERT_NONE,
    }


async def serve(
    app: AsgiApp,
    listener: Listener,
    limits: InboundLimits,
    on_started: Callable[[], None],
    access_log: AccessLog | None = None,
) -> int:
    """Serve until a signal asks for the end; running requests get GRACE_SECONDS, how many were cut is the result.

    Raises OSError: port in use.
    """
    deadlines = Deadlines(asyncio.get_running_loop(), interval=1.0)
    config = uvicorn.Config(
        app,
        http=protocol_class(limits, deadlines, access_log, http2=listener.http2),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        host=listener.host,
        port=listener.port,
        backlog=4096,
        timeout_graceful_shutdown=GRACE_SECONDS + 1,  # should cutting not be enough
        **_tls_options(listener.https),
    )
    try:
        server = Server(config, on_started)
        await server.serve([listener.accepting] if listener.accepting is not None else None)
        return server.cut
    finally:
        deadlines.close()
