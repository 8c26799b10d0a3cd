"""`x-approuter-access-token`: a token one application was given for another is exchanged for a full one before use."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from app.login.tenant import check_tenant
from app.principal import Tenant, UserToken
from app.tokens.claims import decode_claims, refused, text
from app.tokens.token_response import TokenRefused
from app.tokens.verifier import TokenVerifier, user_token

HEADER = b"x-approuter-access-token"

Exchange = Callable[[UserToken], Awaitable[str]]


class WeakTokens:
    """Extends weak tokens. `exchange` asks the authorization server and keeps what it says while that lives.

    The weak token itself is verified first: what is not meant for us, forged or ended causes no request.
    """

    def __init__(self, verifier: TokenVerifier, exchange: Exchange) -> None:
        self._verifier = verifier
        self._exchange = exchange

    async def extend(self, value: str, tenant: Tenant) -> UserToken:
        """The full token, at the address of `tenant`.

        Raises `TOKEN_REFUSED`, `TENANT_MISMATCH`, `XSUAA_REFUSED` or `XSUAA_UNAVAILABLE`.
        """
        weak = user_token(await self._verifier.verify_again(value))
        check_tenant(weak.principal.tenant, tenant)
        if not text(decode_claims(value), "jti"):
            raise refused("the token has no id (jti)")
        try:
            extended = await self._exchange(weak)
        except TokenRefused as refusal:
            if refusal.is_about_us:
                raise
            raise refused(f"the token cannot be exchanged ({refusal.error})") from None
        token = user_token(await self._verifier.verify_again(extended, fetched=True))
        if token.principal != weak.principal:
            raise refused("the exchanged token belongs to somebody else")
        return token
