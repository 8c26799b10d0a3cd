"""Users' tokens exchanged at the identity service, once each while the result lives."""

from __future__ import annotations

from dataclasses import dataclass

from app.identity_service.grants import IdentityGrants
from app.identity_service.provider import IdentityServiceProvider
from app.principal import UserPrincipal, UserToken
from app.tokens.token_keeper import TokenKeeper

MAX_TOKENS = 20_000


@dataclass(frozen=True, slots=True)
class ExchangeKey:
    """Names what one very token of one user was exchanged for."""

    dependency: str
    principal: UserPrincipal
    fingerprint: str

    @classmethod
    def of(cls, ias_token: UserToken, dependency: str) -> ExchangeKey:
        """The key of this token's exchange."""
        return cls(dependency, ias_token.principal, ias_token.fingerprint)


class IdentityExchange:
    """Exchanges tokens of the service for others of it."""

    def __init__(self, grants: IdentityGrants, provider: IdentityServiceProvider) -> None:
        self._grants = grants
        self._provider = provider
        self._tokens: TokenKeeper[ExchangeKey] = TokenKeeper(MAX_TOKENS)

    async def token(self, ias_token: UserToken, dependency: str = "") -> str:
        """The access token for the application that ours knows as this dependency (`IASDependencyName`); without one,
        a full token for a weak one. Raises `TokenRefused` or IDENTITY_UNAVAILABLE.
        """
        app_tid = await self._provider.app_tid(ias_token.principal.tenant)
        key = ExchangeKey.of(ias_token, dependency)
        return await self._tokens.get(key, lambda: self._grants.jwt_bearer(app_tid, ias_token.value, dependency))

    def forget(self, ias_token: UserToken, dependency: str) -> None:
        """Drop a token that was refused: the next one is fetched."""
        self._tokens.discard(ExchangeKey.of(ias_token, dependency))
