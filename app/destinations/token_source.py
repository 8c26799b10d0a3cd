"""What destinations and backends need of the token service, and nothing more; `tokens.TokenCache` provides it."""

from __future__ import annotations

from typing import Protocol

from app.bindings.credentials import ClientCredentials
from app.principal import Tenant, UserToken


class TokenSource(Protocol):
    """Access tokens for an OAuth client, cached by whoever implements this. Failures are `GatewayError` (XSUAA_*)."""

    async def technical(self, credentials: ClientCredentials, tenant: Tenant) -> str:
        """A client-credentials token of the tenant."""
        ...

    async def exchanged(self, credentials: ClientCredentials, token: UserToken) -> str:
        """The user's token exchanged (jwt-bearer) for one of this client."""
        ...

    def forget_technical(self, credentials: ClientCredentials, tenant: Tenant) -> None:
        """Drop a token that a service refused: the next call fetches another."""
        ...

    def forget_exchanged(self, credentials: ClientCredentials, token: UserToken) -> None:
        """Drop an exchanged token that a service refused."""
        ...
