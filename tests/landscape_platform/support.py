"""A browser and an API client for the landscape: httpx, with names below `.localhost` resolved to loopback."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from app.landscape.certificates import CertificateAuthority, KeyPair
from app.landscape.faults import Faults
from app.landscape.journal import Journal
from app.landscape.users import ACME, TENANTS, Tenant
from app.landscape.xsuaa import Xsuaa
from app.landscape.xsuaa_client import DEFAULT_REDIRECT_URIS, OAuthClient

CALLBACK = "http://localhost:5000/login/callback"
ALL_ZONES = frozenset(tenant.subdomain for tenant in TENANTS)
APP = OAuthClient(
    "sb-shop!t9",
    "app-secret",
    "shop!t9",
    "shop-instance",
    ALL_ZONES,
    roles_apply=True,
    redirect_uris=DEFAULT_REDIRECT_URIS,
)
SERVICE = OAuthClient("sb-clone!b2|service!b1", "service-secret", "service!b1", "service-instance", ALL_ZONES)


class LoopbackTransport(httpx.AsyncHTTPTransport):
    """Connects to 127.0.0.1 whatever the name, as RFC 6761 asks for names below `.localhost`."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        redirected = httpx.Request(
            request.method,
            request.url.copy_with(host="127.0.0.1"),
            headers=request.headers,
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": request.url.host},
        )
        return await super().handle_async_request(redirected)


def web(tls: ssl.SSLContext | None = None) -> httpx.AsyncClient:
    """A client with a cookie jar that follows no redirects."""
    return httpx.AsyncClient(transport=LoopbackTransport(verify=tls or True), timeout=30)


@dataclass(frozen=True)
class Platform:
    """A running XSUAA with two clients, and what belongs to it."""

    xsuaa: Xsuaa
    journal: Journal
    faults: Faults
    authority: CertificateAuthority
    client: httpx.AsyncClient

    async def token(
        self, form: dict[str, str], *, tenant: Tenant = ACME, as_client: OAuthClient = APP
    ) -> httpx.Response:
        """A call of the tenant's token endpoint with Basic authentication."""
        url = f"{self.xsuaa.tenant_url(tenant)}/oauth/token"
        return await self.client.post(url, data=form, auth=(as_client.client_id, as_client.secret))

    async def user_token(self, login: str, tenant: Tenant = ACME, as_client: OAuthClient = APP) -> str:
        """A user's access token."""
        form = {"grant_type": "password", "username": login, "password": "Welcome1"}
        answer = await self.token(form, tenant=tenant, as_client=as_client)
        return str(answer.json()["access_token"])

    async def redeem(self, code: str, *, tenant: Tenant = ACME, **form: str) -> httpx.Response:
        """Exchange an authorization code."""
        usual = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
        return await self.token({**usual, **form}, tenant=tenant)

    async def authorize(self, tenant: Tenant = ACME, **query: str) -> httpx.Response:
        """A call of the authorize endpoint; the usual parameters are filled in."""
        usual = {"response_type": "code", "client_id": APP.client_id, "redirect_uri": CALLBACK, "state": "s1"}
        return await self.client.get(f"{self.xsuaa.tenant_url(tenant)}/oauth/authorize", params={**usual, **query})

    async def log_in(self, login: str, tenant: Tenant = ACME, **query: str) -> httpx.Response:
        """Choose a user on the login page; the answer is the redirect back to the application."""
        page = await self.authorize(tenant, **query)
        name = page.text.partition('name="request" value="')[2].partition('"')[0]
        return await self.client.post(
            f"{self.xsuaa.tenant_url(tenant)}/login.do", data={"request": name, "user": login}
        )


@asynccontextmanager
async def platform(*, tls: bool = False, client_pair: KeyPair | None = None) -> AsyncIterator[Platform]:
    """An XSUAA with its clients `APP` and `SERVICE`."""
    journal, faults, authority = Journal(), Faults(slow_seconds=0.05), CertificateAuthority()
    xsuaa = Xsuaa(journal, faults, authority if tls else None)
    xsuaa.add_client(APP)
    xsuaa.add_client(SERVICE)
    await xsuaa.start()
    async with web(authority.client_context(client_pair) if tls else None) as client:
        try:
            yield Platform(xsuaa, journal, faults, authority, client)
        finally:
            await xsuaa.stop()


def on_platform(scenario: Callable[[Platform], Awaitable[None]]) -> None:
    """Run a scenario against a running XSUAA."""

    async def run() -> None:
        async with platform() as running:
            await scenario(running)

    asyncio.run(run())


def query_of(answer: httpx.Response) -> dict[str, str]:
    """The query of a redirect, first values."""
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}


def claims_of(token: str) -> dict[str, Any]:
    """The payload of a token, unverified."""
    return _part(token, 1)


def header_of(token: str) -> dict[str, Any]:
    """The header of a token."""
    return _part(token, 0)


def challenge(verifier: str) -> str:
    """The S256 challenge of a PKCE verifier."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def _part(token: str, index: int) -> dict[str, Any]:
    text = token.split(".")[index]
    data: dict[str, Any] = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return data
