"""A gateway from a start script or a call of `create_app`, on the own server, in front of a backend of the test."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from app.extensions import Extension, GetRouterConfig, GetToken, Middleware
from app.inbound.protocol import InboundLimits
from app.main import Application, create_app
from tests.support.mini_gateway import inbound_server
from tests.support.raw_backend import RawBackend, friendly, raw_backend
from tests.support.raw_client import RawClient, raw_client

UPGRADE = b"connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAA\r\n\r\n"
ROUTES: list[dict[str, Any]] = [{"source": "^/service/", "destination": "backend"}]


def environment(backend_port: int, **more: str) -> dict[str, str]:
    """Variables that define the destination `backend`, which gets the token of whoever has one."""
    url = f"http://127.0.0.1:{backend_port}"
    destination = {"name": "backend", "url": url, "timeout": 300, "forwardAuthToken": True}
    return {"destinations": json.dumps([destination]), "VCAP_SERVICES": "{}", **more}


def write_descriptor(folder: Path, routes: Sequence[Mapping[str, Any]] = ROUTES, **more: Any) -> Path:
    """An xs-app.json without authentication, and the folder of static files that the default route needs."""
    document = {"authenticationMethod": "none", "routes": routes, **more}
    (folder / "xs-app.json").write_text(json.dumps(document), encoding="utf-8")
    (folder / "resources").mkdir(exist_ok=True)
    return folder


@asynccontextmanager
async def living(application: Application) -> AsyncIterator[None]:
    """The application, started and ended by the lifespan protocol."""
    incoming: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    outgoing: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    life = asyncio.ensure_future(application({"type": "lifespan"}, incoming.get, outgoing.put))
    incoming.put_nowait({"type": "lifespan.startup"})
    started = await outgoing.get()
    assert started["type"] == "lifespan.startup.complete", started
    try:
        yield
    finally:
        incoming.put_nowait({"type": "lifespan.shutdown"})
        assert (await outgoing.get())["type"] == "lifespan.shutdown.complete"
        await life


@asynccontextmanager
async def serving(application: Application) -> AsyncIterator[int]:
    """The application on the gateway's own client protocol; yields the port."""
    async with living(application), inbound_server(application, InboundLimits()) as port:
        yield port


def in_slot(slot: str, middleware: Middleware) -> Extension:
    return Extension(first=[middleware]) if slot == "first" else Extension(before_request_handler=[middleware])


@asynccontextmanager
async def gateway(
    workdir: Path, *extensions: Extension, behaviour: Any = friendly, environ: Mapping[str, str] | None = None,
    get_token: GetToken | None = None, get_router_config: GetRouterConfig | None = None, **descriptor: Any,
) -> AsyncIterator[tuple[RawBackend, RawClient]]:  # fmt: skip
    """A gateway with extensions, a backend behind and a client before it. The rest is for xs-app.json."""
    async with raw_backend(behaviour) as backend:
        app = create_app(
            write_descriptor(workdir, **descriptor),
            environment(backend.port, **(environ or {})),
            extensions=extensions,
            get_token=get_token,
            get_router_config=get_router_config,
        )
        async with serving(app) as port, raw_client(port) as client:
            yield backend, client
