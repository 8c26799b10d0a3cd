"""Clients and tokens for platform services, shared by everything that calls them."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass

from app.backends.dependency import DependencyTokens
from app.clients import PlatformClients
from app.configuration import Configuration
from app.pem import is_trust_store
from app.platform_service import Service
from app.routing.descriptor_options import OutgoingRequestOptions
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


def compose_platform(configuration: Configuration) -> Platform:
    """Make the clients."""
    settings = configuration.settings
    ca_files = trusted_files(settings.xs_cacert_path, configuration.environ)
    verify = settings.node_tls_reject_unauthorized != "0"
    timeouts = service_timeouts(configuration.outgoing_request_options)
    clients = PlatformClients(ca_files, timeouts=timeouts, verify=verify)
    grants = Grants(clients)
    return Platform(clients, grants, TokenCache(grants), ca_files)


def service_timeouts(options: OutgoingRequestOptions) -> dict[Service, float]:
    """Seconds by service, where they are configured."""
    given = {
        Service.XSUAA: options.xsuaa.timeout,
        Service.IDENTITY: options.identity.timeout,
        Service.DESTINATION: options.destination.timeout,
    }
    return {service: timeout / 1000 for service, timeout in given.items() if timeout is not None}


def repository_timeout(options: OutgoingRequestOptions) -> float | None:
    """Seconds the HTML5 repository may take, `math.inf` without limit; None where nothing is configured."""
    timeout = options.html5_apps_repo.timeout
    return timeout if timeout is None else timeout / 1000 or math.inf


def trusted_files(configured: str | None, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Certificate files to trust, each once: those of `XS_CACERT_PATH` (a list like PATH), which have been checked, and
    that of `NODE_EXTRA_CA_CERTS` where it can be used.
    """
    extra = environ.get("NODE_EXTRA_CA_CERTS", "")
    named = [*(configured or "").split(os.pathsep), extra if extra and is_trust_store(extra) else ""]
    return tuple(dict.fromkeys(name for name in named if name))
