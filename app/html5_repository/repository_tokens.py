"""Tokens for the HTML5 application repository: the tenant's own, else the provider's."""

from __future__ import annotations

import logging

from app.bindings.credentials import RepositoryCredentials
from app.destinations.token_source import TokenSource
from app.principal import Tenant
from app.tokens.expiring_map import ExpiringMap
from app.tokens.token_response import TokenRefused

log = logging.getLogger("gangway.html5_repository")

_PROVIDER_SECONDS = 600.0
_MAX_TENANTS = 10_000


class RepositoryTokens:
    """Technical tokens of the repository's client.

    A tenant that subscribed before the repository served several is refused one; it gets the provider's (reference,
    "HTML5 Application Repository Multitenancy") and is not tried again for a while.
    """

    def __init__(self, credentials: RepositoryCredentials, tokens: TokenSource) -> None:
        self._client = credentials.uaa
        self._tokens = tokens
        self._refused: ExpiringMap[Tenant, bool] = ExpiringMap(_MAX_TENANTS)

    async def token(self, tenant: Tenant) -> str:
        """A token to read with on behalf of a tenant. Raises XSUAA_REFUSED, XSUAA_UNAVAILABLE."""
        provider = self._client.tenant
        if tenant != provider and self._refused.get(tenant) is None:
            try:
                return await self._tokens.technical(self._client, tenant)
            except TokenRefused as refusal:
                self._refused.put(tenant, True, _PROVIDER_SECONDS)
                log.warning("the provider's token reads for tenant '%s': %s", tenant.subdomain, refusal)
        return await self._tokens.technical(self._client, provider)

    def forget(self, tenant: Tenant) -> None:
        """Drop what the repository refused."""
        for each in {tenant, self._client.tenant}:
            self._tokens.forget_technical(self._client, each)
