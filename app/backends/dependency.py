"""Backends that are applications of the identity service, on which ours depends (`IASDependencyName`)."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from app.backends.outgoing import bearer, token_end
from app.destinations.destination import Destination
from app.principal import Caller, UserCaller, UserToken


class DependencyTokens(Protocol):
    """The user's token exchanged for a dependency, kept by whoever implements this. Failures are `GatewayError`."""

    async def token(self, ias_token: UserToken, dependency: str) -> str:
        """An access token for the application that ours knows by this name."""
        ...

    def forget(self, ias_token: UserToken, dependency: str) -> None:
        """Drop a token that was refused: the next call fetches another."""
        ...


def ias_token_of(caller: Caller) -> UserToken | None:
    """What the identity service issued to a user; None for all who have not logged in there."""
    return caller.ias_token if isinstance(caller, UserCaller) else None


async def with_dependency(
    destination: Destination, caller: Caller, expires_at: float, tokens: DependencyTokens | None
) -> tuple[Destination, float]:
    """The destination with the exchanged token as its credentials, and until when it holds (monotonic).

    Users who have not logged in with the identity service reach it as if it named no dependency, and so does everybody
    where it brings credentials.
    """
    ias_token = ias_token_of(caller)
    if not destination.ias_dependency or destination.credentials or ias_token is None or tokens is None:
        return destination, expires_at
    token = await tokens.token(ias_token, destination.ias_dependency)
    credentials = ((b"authorization", bearer(token)),)
    return (
        replace(destination, credentials=credentials, forward_auth_token=False),
        min(expires_at, token_end(token)),
    )
