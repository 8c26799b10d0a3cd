from __future__ import annotations

import asyncio

import pytest

from app import clients as module
from app.clients import PlatformClients
from app.transport.pool_key import ClientCertificate
from tests.tokens.certificates import Authority
from tests.tokens.token_server import token_server


def certificate(authority: Authority, name: str) -> ClientCertificate:
    pair = authority.issue(name)
    return ClientCertificate(pair.certificate, pair.key)


def test_there_is_one_client_per_certificate() -> None:
    async def run() -> None:
        authority, clients = Authority(), PlatformClients()
        mine, other = certificate(authority, "mine"), certificate(authority, "other")
        assert clients.get() is clients.get()
        assert clients.get(mine) is clients.get(mine)
        assert len({id(clients.get(who)) for who in (None, mine, other)}) == 3
        await clients.aclose()

    asyncio.run(run())


def test_clients_of_old_certificates_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_CLIENTS", 2)

    async def run() -> None:
        authority, clients = Authority(), PlatformClients()
        held = [clients.get(certificate(authority, f"renewal-{number}")) for number in range(4)]
        await clients.aclose()
        assert all(client.is_closed for client in held)

    asyncio.run(run())


def test_a_client_keeps_no_cookies_and_follows_no_redirects() -> None:
    async def run() -> None:
        with token_server() as server:
            clients = PlatformClients()
            server.script.append((302, b"", {"set-cookie": "a=1; Path=/", "location": "/there"}))
            assert (await clients.get().get(f"{server.url}/here")).status_code == 302
            await clients.get().get(f"{server.url}/again")
            await clients.aclose()
            assert [asked.path for asked in server.asked] == ["/here", "/again"]
            assert "cookie" not in server.asked[1].headers

    asyncio.run(run())
