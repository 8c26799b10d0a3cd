"""A connectivity proxy with one tenant, and a backend that says what it received."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import httpx

from app.landscape.cloud_connector import CloudConnector
from app.landscape.connectivity_proxy import ConnectivityProxy
from app.landscape.faults import Faults
from app.landscape.journal import Journal
from app.landscape.server import AppServer
from app.landscape.user_certificate import UserCertificates
from app.landscape.virtual_host import Resource, VirtualHost

CLIENT_ID = "sb-connectivity!b1"
FAR_FUTURE = 4_000_000_000


def technical(tenant: str = "acme", client_id: str = CLIENT_ID) -> dict[str, Any]:
    return {
        "zid": tenant,
        "cid": client_id,
        "client_id": client_id,
        "grant_type": "client_credentials",
        "exp": FAR_FUTURE,
    }


def user(name: str, tenant: str = "acme", client_id: str = "sb-shop!t1") -> dict[str, Any]:
    return {
        "zid": tenant,
        "cid": client_id,
        "grant_type": "authorization_code",
        "user_name": name,
        "user_id": "id-" + name,
        "origin": "sap.default",
        "exp": FAR_FUTURE,
    }


TOKENS: Mapping[str, dict[str, Any]] = {
    "tech": technical(),
    "tech-other-tenant": technical("umbrella"),
    "tech-foreign-client": technical(client_id="sb-shop!t1"),
    "alice": user("alice@acme.example"),
    "bob": user("bob@acme.example"),
    "mallory": user("mallory@umbrella.example", "umbrella"),
    "alice-exchanged": user("alice@acme.example", client_id=CLIENT_ID),
    "long-name": user("x" * 80 + "@acme.example"),
}


async def validate(token: str) -> dict[str, Any]:
    """Stands for the XSUAA: knows the tokens above and refuses all others."""
    try:
        return TOKENS[token]
    except KeyError:
        raise ValueError("unknown token") from None


def bearer(token: str = "tech", **more: str) -> dict[str, str]:
    """Headers of a request to the proxy."""
    return {"Proxy-Authorization": f"Bearer {token}", **more}


async def echo(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """A backend that answers with what it received."""
    body = b""
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    seen = {
        "method": scope["method"],
        "path": scope["raw_path"].decode(),
        "query": scope["query_string"].decode(),
        "headers": [[name.decode(), value.decode()] for name, value in scope["headers"]],
        "size": len(body),
    }
    headers = [(b"content-type", b"application/json"), (b"location", _location(scope)), (b"set-cookie", _COOKIE)]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(seen).encode()})


_COOKIE = b"sid=1; Domain=127.0.0.1; Path=/"


def _location(scope: dict[str, Any]) -> bytes:
    host, port = scope["server"]
    return f"http://{host}:{port}/next".encode()


@dataclass(frozen=True)
class Landscape:
    """The stations of a test."""

    proxy: ConnectivityProxy
    connector: CloudConnector
    certificates: UserCertificates
    journal: Journal
    faults: Faults
    backend_port: int

    def client(self) -> httpx.AsyncClient:
        """A client that sends everything to the proxy on one connection."""
        limits = httpx.Limits(max_connections=1)
        return httpx.AsyncClient(proxy=f"http://127.0.0.1:{self.proxy.port}", limits=limits, trust_env=False)


RESOURCES = (Resource("/sap", upgrade=True), Resource("/exact", sub_paths=False), Resource("/quiet"))


@asynccontextmanager
async def landscape(backend_port: int | None = None) -> AsyncIterator[Landscape]:
    """A proxy with one Cloud Connector exposing `erp:8080` and `crm:8080`; an echo backend unless a port is given."""
    backend = AppServer(echo)
    await backend.start()
    journal, faults, certificates = Journal(), Faults(slow_seconds=0.05), UserCertificates()
    proxy = ConnectivityProxy(validate=validate, client_id=CLIENT_ID, journal=journal, faults=faults)
    await proxy.start()
    port = backend_port or backend.port
    hosts = [VirtualHost(name, 8080, "127.0.0.1", port, RESOURCES) for name in ("erp", "crm")]
    connector = CloudConnector("acme", hosts, certificates=certificates)
    proxy.connect(connector)
    try:
        yield Landscape(proxy, connector, certificates, journal, faults, port)
    finally:
        await proxy.stop()
        await backend.stop()


async def raw_exchange(port: int, data: bytes) -> bytes:
    """Send bytes, read until the other side closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    await writer.drain()
    answer = await reader.read()
    writer.close()
    return answer


class Station(Protocol):
    """What can be run beside a test."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


@contextmanager
def beside(station: Station) -> Iterator[None]:
    """Run a station in a thread with a loop of its own, for tests whose client blocks."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(station.start(), loop).result(10)
    try:
        yield
    finally:
        asyncio.run_coroutine_threadsafe(station.stop(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
