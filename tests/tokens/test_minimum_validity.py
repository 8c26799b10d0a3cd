"""`MINIMUM_TOKEN_VALIDITY`: what an authorization server issues has to live for a while."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from app.errors import Failure, GatewayError
from app.principal import Tenant, UserCaller, UserPrincipal, UserToken
from app.routing.route import AuthenticationType
from app.tokens.identity_provider import IdentityProvider, IdentityProviders, Login, LoginRequest

NOW = 1_000_000.0
OWN = Tenant("zone", "acme")
REQUEST = LoginRequest(OWN, "https://shop.example/login/callback")


class Issuer:
    """Issues tokens that live for so many seconds."""

    def __init__(self, life: int) -> None:
        token = UserToken(UserPrincipal(OWN, "sap.default", "alice"), "token", frozenset(), int(NOW) + life)
        self.login = Login(UserCaller(token), "refresh")

    async def redeem(self, login: LoginRequest, code: str) -> Login:
        return self.login

    async def renew(self, caller: UserCaller, refresh_token: str) -> Login:
        return self.login


def providers(life: int, minimum: int, kind: AuthenticationType = AuthenticationType.XSUAA) -> IdentityProviders:
    return IdentityProviders({kind: cast(IdentityProvider, Issuer(life))}, kind, minimum, clock=lambda: NOW)


@pytest.mark.parametrize(("life", "minimum"), [(600, 600), (1, 0)])
def test_a_token_that_lives_long_enough_is_taken(life: int, minimum: int) -> None:
    async def both() -> None:
        found = providers(life, minimum)
        login = await found.redeem(AuthenticationType.XSUAA, REQUEST, "code")
        assert (await found.renew(login.caller, login.refresh_token)).caller == login.caller

    asyncio.run(both())


def test_a_renewed_token_that_ends_too_soon_is_refused() -> None:
    with pytest.raises(GatewayError):
        asyncio.run(providers(599, 600).renew(Issuer(0).login.caller, "refresh"))


@pytest.mark.parametrize(
    ("kind", "failure"),
    [
        (AuthenticationType.XSUAA, Failure.XSUAA_REFUSED),
        (AuthenticationType.IAS, Failure.IDENTITY_REFUSED),
    ],
)
def test_a_token_that_ends_too_soon_is_refused(kind: AuthenticationType, failure: Failure) -> None:
    with pytest.raises(GatewayError) as caught:
        asyncio.run(providers(599, 600, kind).redeem(kind, REQUEST, "code"))
    assert caught.value.failure is failure
    assert "MINIMUM_TOKEN_VALIDITY" in caught.value.detail
