"""Tokens that callers show with each request: of the XSUAA or of the identity service, whichever issued them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from app.principal import KnownCaller, UserCaller, UserToken, caller_of
from app.tokens.claims import decode_claims
from app.tokens.verifier import TokenVerifier, VerifiedToken

Exchange = Callable[[UserToken], Awaitable[UserToken]]


class ShownTokens:
    """Finds out whom a token stands for.

    `xsuaa` and `ias` validate the tokens of what is bound, at least one of them. `exchange` gets a user of the
    identity service the token of the XSUAA; None where none is bound.
    """

    def __init__(
        self, xsuaa: TokenVerifier | None, ias: TokenVerifier | None = None, exchange: Exchange | None = None
    ) -> None:
        self._xsuaa = xsuaa
        self._ias = ias
        self._exchange = exchange

    async def caller(self, value: str) -> KnownCaller:
        """Whom a token stands for. Raises `TOKEN_REFUSED`, or like the authorization servers."""
        xsuaa, ias = self._xsuaa, self._ias
        if xsuaa is not None and (ias is None or "zid" in decode_claims(value)):
            return caller_of(await xsuaa.verify_again(value))
        assert ias is not None
        return await self.of_identity_service(await ias.verify_again(value))

    async def of_identity_service(self, token: VerifiedToken) -> KnownCaller:
        """The caller with a token of the identity service; services are callers with just that."""
        if not isinstance(token, UserToken):
            return caller_of(token)
        return UserCaller(token if self._exchange is None else await self._exchange(token), token)
