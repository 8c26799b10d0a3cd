"""Clients and tokens for platform services, shared by everything that calls them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from app.backends.dependency import DependencyTokens
from app.clients import PlatformClients
from app.settings.settings import Settings
from app.tokens.grants import Grants
from app.tokens.token_cache import TokenCache


@dataclass(frozen=True, slots=True)
class Platform:
    """What calls to platform services go through. `ca_files` are also trusted for backends; `dependencies` is None
    where no identity service is bound.
    """

    clients: PlatformClients
    grants: Grants
    tokens: TokenCache
    ca_files: tuple[str, ...]
    dependencies: DependencyTokens | None = None

    async def aclose(self) -> None:
        """Close the clients."""
        await self.clients.aclose()


def compose_platform(settings: Settings, environ: Mapping[str, str]) -> Platform:
    """Make the clients."""
    ca_files = trusted_files(settings.xs_cacert_path, environ)
    clients = PlatformClients(ca_files)
    grants = Grants(clients)
    return Platform(clients, grants, TokenCache(grants), ca_files)


def trusted_files(configured: str | None, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Certificate files to trust: `XS_CACERT_PATH` (a list like PATH) and `NODE_EXTRA_CA_CERTS`, each once."""
    named = [*(configured or "").split(os.pathsep), environ.get("NODE_EXTRA_CA_CERTS", "")]
    return tuple(dict.fromkeys(name for name in named if name and Path(name).is_file()))
