"""A client, the mini gateway and a scripted backend, connected."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.support.mini_gateway import Limits, MiniGateway, mini_gateway
from tests.support.raw_backend import RawBackend, Script, raw_backend
from tests.support.raw_client import RawClient, raw_client


@asynccontextmanager
async def proxied(
    script: Script, limits: Limits | None = None
) -> AsyncIterator[tuple[RawBackend, MiniGateway, RawClient]]:
    """All three; at the end the client leaves, and every gauge of the gateway has to come back to zero."""
    async with raw_backend(script) as backend, mini_gateway(backend.port, limits) as gateway:
        async with raw_client(gateway.port) as client:
            yield backend, gateway, client
        await gateway.quiet()
