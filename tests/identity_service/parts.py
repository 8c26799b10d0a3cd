"""The parts of the identity service put together as the composition does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from app.bindings.credentials import IdentityCredentials
from app.clients import PlatformClients
from app.identity_service.discovery import Discovery
from app.identity_service.exchange import IdentityExchange
from app.identity_service.grants import IdentityGrants
from app.identity_service.provider import IdentityServiceProvider
from app.identity_service.verifier import IdentityVerifier
from app.principal import Tenant
from app.tokens.authority import IDENTITY_SERVICE
from app.tokens.jwks import KeyStore
from tests.identity_service.identity_server import OWN

Result = TypeVar("Result")


class Parts:
    """Everything that speaks to the service, for one binding, without XSUAA."""

    def __init__(
        self,
        credentials: IdentityCredentials,
        token_hint: bool = False,
        ca_files: tuple[str, ...] = (),
        own: Tenant = OWN,
    ) -> None:
        self.clients = PlatformClients(ca_files, timeout=2)
        self.discovery = Discovery(self.clients, credentials)
        self.keys = KeyStore(self.clients, authority=IDENTITY_SERVICE)
        self.grants = IdentityGrants(self.clients, credentials, self.discovery)
        self.verifier = IdentityVerifier(credentials, own, self.discovery, self.keys)
        self.provider = IdentityServiceProvider(
            credentials, self.discovery, self.grants, self.verifier, self.keys, token_hint=token_hint
        )
        self.exchange = IdentityExchange(self.grants, self.provider)


def use(
    credentials: IdentityCredentials,
    work: Callable[[Parts], Awaitable[Result]],
    token_hint: bool = False,
    ca_files: tuple[str, ...] = (),
) -> Result:
    """The result of some work with the parts, which are closed after it."""

    async def run() -> Result:
        parts = Parts(credentials, token_hint, ca_files)
        try:
            return await work(parts)
        finally:
            await parts.clients.aclose()

    return asyncio.run(run())
