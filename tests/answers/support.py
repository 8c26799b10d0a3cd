"""The whole gateway of a configuration in this process, in front of a scripted backend."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

from app.composition.application import compose
from app.configuration import load_configuration
from app.inbound.protocol import InboundLimits
from tests.support.mini_gateway import inbound_server
from tests.support.raw_backend import Script, raw_backend
from tests.support.raw_client import Answered, RawClient, raw_client

ROUTES = [
    {"source": "^/files/(.*)$", "target": "$1", "localDir": "resources"},
    {"source": "^/(.*)$", "destination": "backend"},
]
TEXT = b"some text that is worth compressing, and more of it\n" * 100


def gateway(
    workdir: Path, script: Script, document: Mapping[str, Any] | None = None, **variables: Any
) -> AbstractAsyncContextManager[RawClient]:
    """A client connected to a gateway with this xs-app.json (public routes unless it says otherwise)."""
    return limited_gateway(workdir, script, InboundLimits(), document, **variables)


@asynccontextmanager
async def limited_gateway(
    workdir: Path, script: Script, limits: InboundLimits, document: Mapping[str, Any] | None = None, **variables: Any
) -> AsyncIterator[RawClient]:
    """The same with limits for clients."""
    (workdir / "resources").mkdir(exist_ok=True)
    (workdir / "resources" / "text.txt").write_bytes(TEXT)
    xs_app = {"authenticationMethod": "none", "routes": ROUTES, **(document or {})}
    (workdir / "xs-app.json").write_text(json.dumps(xs_app))
    async with raw_backend(script) as backend:
        destinations = [{"name": "backend", "url": f"http://127.0.0.1:{backend.port}"}]
        values = {"destinations": destinations, "VCAP_SERVICES": {}, **variables}
        environ = {name: value if isinstance(value, str) else json.dumps(value) for name, value in values.items()}
        running = compose(load_configuration(workdir, environ))
        try:
            server = inbound_server(running.gateway, limits, access_log=running.access_log)
            async with server as port, raw_client(port) as client:
                yield client
        finally:
            await running.aclose()


def request(target: str, method: str = "GET", **headers: str) -> bytes:
    """A request; names of headers have `_` for `-`."""
    lines = [f"{method} {target} HTTP/1.1", "host: gw.example"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()


async def ask(client: RawClient, target: str, method: str = "GET", **headers: str) -> Answered:
    """Send a request and read its answer."""
    await client.send(request(target, method, **headers))
    return await client.answer(method)


def value(answer: Answered, name: str) -> str | None:
    """The only value of a header, or None."""
    values = answer.values(name.encode())
    assert len(values) <= 1, values
    return values[0].decode() if values else None
