"""A Destination service next to an XSUAA, for the tests of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from app.landscape.destination_service import DestinationService, assertion_issuer
from app.landscape.users import ACME, GLOBEX, Tenant
from app.landscape.xsuaa_client import OAuthClient
from tests.landscape_platform.support import ALL_ZONES, SERVICE, Platform, platform

DESTINATION = OAuthClient("sb-clone!b2|dest!b1", "destination-secret", "clone!b2|dest!b1", "dest-instance", ALL_ZONES)


@dataclass(frozen=True)
class Setting:
    """A Destination service next to an XSUAA."""

    platform: Platform
    service: DestinationService

    def define(
        self,
        authentication: str,
        tenant: Tenant = ACME,
        more: Mapping[str, str] | None = None,
        **properties: str,
    ) -> None:
        """A destination named `d` of the subaccount, with a token service where the type wants one."""
        token_service = {
            "tokenServiceURL": f"{self.platform.xsuaa.tenant_url(tenant)}/oauth/token",
            "clientId": SERVICE.client_id,
            "clientSecret": SERVICE.secret,
        }
        usual = {"Name": "d", "Type": "HTTP", "URL": "http://backend.example", "ProxyType": "Internet"}
        oauth = token_service if authentication.startswith("OAuth2") else {}
        self.service.records.define(
            tenant, {**usual, "Authentication": authentication, **oauth, **properties, **(more or {})}
        )

    async def technical(self, tenant: Tenant = ACME) -> str:
        """A client-credentials token for the service."""
        form = {"grant_type": "client_credentials"}
        answer = await self.platform.token(form, tenant=tenant, as_client=DESTINATION)
        return str(answer.json()["access_token"])

    async def exchanged(self, login: str) -> str:
        """A user token of the service."""
        return await self.platform.user_token(login, as_client=DESTINATION)

    async def find(
        self, token: str | None = None, headers: dict[str, str] | None = None, *, name: str = "d", query: str = ""
    ) -> httpx.Response:
        """A find with a bearer token, the technical one when none is given."""
        bearer = {"authorization": f"Bearer {token or await self.technical()}"}
        url = f"{self.service.uri}/destination-configuration/v1/destinations/{name}{query}"
        return await self.platform.client.get(url, headers={**bearer, **(headers or {})})


def in_setting(scenario: Callable[[Setting], Awaitable[None]]) -> None:
    """Run a scenario against a running Destination service."""

    async def run() -> None:
        async with platform() as running:
            running.xsuaa.add_client(DESTINATION)
            service = DestinationService(
                running.journal, running.faults, uaa_url=running.xsuaa.url, instance=DESTINATION
            )
            await service.start()
            for tenant in (ACME, GLOBEX):
                running.xsuaa.grants.trust(assertion_issuer(tenant), service.assertion_key.public_key())
            try:
                await scenario(Setting(running, service))
            finally:
                await service.stop()

    asyncio.run(run())


def token_of(answer: httpx.Response) -> dict[str, Any]:
    """The one entry of `authTokens`."""
    assert answer.status_code == 200, answer.text
    (token,) = answer.json()["authTokens"]
    return dict(token)
