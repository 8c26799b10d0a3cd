"""A repository on loopback that answers what a test says, and tokens that tell for whom they were made."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from app.bindings.credentials import ClientCredentials, RepositoryCredentials
from app.clients import PlatformClients
from app.html5_repository.repository_client import RepositoryClient
from app.html5_repository.repository_tokens import RepositoryTokens
from app.principal import Tenant, UserToken
from app.tokens.token_response import TokenRefused

PROVIDER = Tenant("zone-acme", "acme")
SUBSCRIBER = Tenant("zone-globex", "globex")


@dataclass
class Tokens:
    """A token source: `refused` tenants get none; a token that was forgotten is followed by another."""

    refused: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    issue: int = 1

    async def technical(self, credentials: ClientCredentials, tenant: Tenant) -> str:
        self.asked.append(tenant.subdomain)
        if tenant.subdomain in self.refused:
            raise TokenRefused("unauthorized")
        return f"{credentials.client_id}-{tenant.subdomain}-{self.issue}"

    async def exchanged(self, credentials: ClientCredentials, token: UserToken) -> str:
        raise AssertionError("files are read by the application itself")

    def forget_technical(self, credentials: ClientCredentials, tenant: Tenant) -> None:
        if tenant == PROVIDER:
            self.issue += 1

    def forget_exchanged(self, credentials: ClientCredentials, token: UserToken) -> None:
        raise AssertionError("files are read by the application itself")


@dataclass(frozen=True)
class Call:
    """One request as the repository got it."""

    method: str
    path: str
    headers: dict[str, str]


@dataclass
class Repository:
    """`answers` by path: status and body; everything else is 404. `refuses` are bearer tokens that get 401.

    Nothing is answered while the `gate` is closed; every answer carries the lines of `extra`.
    """

    answers: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    refuses: set[str] = field(default_factory=set)
    calls: list[Call] = field(default_factory=list)
    tokens: Tokens = field(default_factory=Tokens)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    extra: str = ""
    port: int = 0
    clients: PlatformClients = field(default_factory=PlatformClients)

    @property
    def paths(self) -> list[str]:
        return [call.path for call in self.calls]

    def client(self, timeout: float | None = None) -> RepositoryClient:
        credentials = repository_credentials(f"http://127.0.0.1:{self.port}/")
        return RepositoryClient(self.clients, credentials, RepositoryTokens(credentials, self.tokens), timeout)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                call = _call(head)
                self.calls.append(call)
                await self.gate.wait()
                status, body = self._answer(call)
                writer.write(f"HTTP/1.1 {status} X\r\n{self.extra}content-length: {len(body)}\r\n\r\n".encode())
                writer.write(b"" if call.method == "HEAD" else body)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    def _answer(self, call: Call) -> tuple[int, bytes]:
        if call.headers["authorization"].removeprefix("Bearer ") in self.refuses:
            return 401, b""
        return self.answers.get(call.path, (404, b"nothing here"))


def repository_credentials(uri: str) -> RepositoryCredentials:
    uaa = {
        "clientid": "html5",
        "clientsecret": "secret",
        "url": "http://acme.uaa.example",
        "uaadomain": "uaa.example",
        "identityzone": PROVIDER.subdomain,
        "zoneid": PROVIDER.id,
    }
    return RepositoryCredentials.model_validate({"uri": uri, "uaa": uaa})


def _call(head: str) -> Call:
    line, *lines = head.strip().split("\r\n")
    method, path, _ = line.split(" ")
    pairs = (text.partition(":") for text in lines)
    return Call(method, path, {name.lower(): value.strip() for name, _, value in pairs})


@asynccontextmanager
async def repository() -> AsyncIterator[Repository]:
    """A repository on a free port."""
    running = Repository()
    running.gate.set()
    server = await asyncio.start_server(running.serve, "127.0.0.1", 0)
    running.port = server.sockets[0].getsockname()[1]
    try:
        yield running
    finally:
        running.gate.set()
        await running.clients.aclose()
        server.close()
