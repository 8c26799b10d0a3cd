"""The gateway's own server as it runs in production, with TLS and HTTP/2, in front of a proxy without routes."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from uvicorn.server import ServerState

from app.inbound.exchange import AsgiApp
from app.inbound.protocol import InboundLimits
from app.inbound.server import Https, _tls_options, protocol_class
from app.landscape.certificates import CertificateAuthority
from app.observability.access_log import AccessLog
from app.transport.deadlines import Deadlines
from tests.support.mini_gateway import SWEEP_SECONDS, MiniGateway, mini_gateway


@dataclass(frozen=True)
class Site:
    """A running server and what is behind it; `context` is how a client trusts it, offering both protocols."""

    port: int
    gateway: MiniGateway
    context: ssl.SSLContext


def certificate_files(folder: Path, authority: CertificateAuthority) -> Https:
    """Certificate and key of a server named localhost, as files."""
    pair = authority.server_pair("localhost")
    certificate, key = folder / "server.pem", folder / "server.key"
    certificate.write_text(pair.certificate_pem)
    key.write_text(pair.key_pem)
    return Https(certificate, key)


@asynccontextmanager
async def tls_server(
    app: AsgiApp, https: Https | None, *, http2: bool, limits: InboundLimits | None = None,
    state: ServerState | None = None, access_log: AccessLog | None = None,
) -> AsyncIterator[int]:  # fmt: skip
    """Our client protocol with the TLS of `https`; yields the port. `state` is to know its connections."""
    loop = asyncio.get_running_loop()
    deadlines = Deadlines(loop, SWEEP_SECONDS)
    protocol = protocol_class(limits or InboundLimits(), deadlines, access_log, http2=http2)
    config = uvicorn.Config(
        app, http=protocol, lifespan="off", log_config=None, proxy_headers=False, **_tls_options(https)
    )
    config.load()
    state = state or ServerState()
    server = await loop.create_server(lambda: protocol(config, state, {}), "127.0.0.1", 0, ssl=config.ssl)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for connection in list(state.connections):
            connection.transport.abort()
        for task in list(state.tasks):
            task.cancel()
        deadlines.close()


@asynccontextmanager
async def http2_site(backend_port: int, folder: Path) -> AsyncIterator[Site]:
    """TLS and HTTP/2 in front of a backend."""
    authority = CertificateAuthority()
    context = authority.client_context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    https = certificate_files(folder, authority)
    async with mini_gateway(backend_port) as gateway, tls_server(gateway, https, http2=True) as port:
        yield Site(port, gateway, context)
