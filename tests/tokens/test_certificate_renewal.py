"""The platform renews the certificate of a mounted binding: tokens are fetched with the new one, without a restart."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.bindings.binding import Bindings
from app.bindings.credentials import XsuaaCredentials
from app.bindings.mounted_secrets import from_directory
from app.clients import PlatformClients
from app.composition.certificate_renewal import CertificateRenewal
from app.errors import GatewayError
from app.principal import Tenant
from app.tokens.grants import Grants
from app.transport.pool_key import ClientCertificate
from tests.tokens.certificates import Authority, Pair
from tests.tokens.token_server import ZONE, TokenServer, credentials, token_server

OWN = Tenant(ZONE, "acme")
OLD, NEW = Authority(), Authority()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[TokenServer]:
    """It trusts what the new authority has issued, and nothing else."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cadata=NEW.pem)
    context.load_cert_chain(NEW.issue("acme.localhost").write(tmp_path, "server"))
    context.verify_mode = ssl.CERT_REQUIRED
    with token_server(context) as running:
        yield running


class Mounted:
    """A binding as a directory of files."""

    def __init__(self, root: Path, server: TokenServer) -> None:
        self._root = root
        self._folder = root / "demo-xsuaa"
        self._folder.mkdir(parents=True)
        (self._folder / "type").write_text("xsuaa")
        fields = credentials(server.url, clientsecret="", certificate="c", key="k").model_dump(by_alias=True)
        for name, value in {**fields, "certurl": server.url, "uaadomain": "unused.example"}.items():
            if value:
                (self._folder / name).write_text(str(value))

    def write(self, pair: Pair) -> None:
        (self._folder / "certificate").write_text(pair.certificate)
        (self._folder / "key").write_text(pair.key)

    def write_half(self, pair: Pair) -> None:
        (self._folder / "certificate").write_text(pair.certificate)

    def read(self) -> Bindings:
        bindings, problems = from_directory(self._root)
        assert problems == []
        return Bindings(tuple(bindings))


async def has_token(clients: PlatformClients, binding: XsuaaCredentials) -> bool:
    try:
        return bool((await Grants(clients).client_credentials(binding, OWN)).access_token)
    except GatewayError:
        return False


def test_a_renewed_certificate_is_shown_and_a_half_written_one_is_not(server: TokenServer, tmp_path: Path) -> None:
    mounted = Mounted(tmp_path / "bindings", server)
    mounted.write(OLD.issue("sb-shop"))
    ca_file = tmp_path / "ca.pem"
    ca_file.write_text(NEW.pem)

    async def run() -> None:
        clients = PlatformClients([str(ca_file)], timeout=5)
        at_start = mounted.read()
        binding = XsuaaCredentials.model_validate(dict(at_start.all[0].credentials))
        original = ClientCertificate(binding.certificate, binding.key)
        renewal = CertificateRenewal(at_start, mounted.read, clients)
        await renewal.check()
        assert not await has_token(clients, binding)
        mounted.write_half(first := NEW.issue("sb-shop"))
        await renewal.check()
        assert not await has_token(clients, binding)
        for pair in (first, NEW.issue("sb-shop")):
            mounted.write(pair)
            await renewal.check()
            assert clients.current(original).certificate == pair.certificate
            assert await has_token(clients, binding)
        await clients.aclose()

    asyncio.run(run())
