"""Users of the identity service at the XSUAA: exchanged tokens, tenants, and tokens that callers show."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from typing import TypeVar

import pytest

from app.clients import PlatformClients
from app.errors import Failure, GatewayError
from app.identity_service.xsuaa_bridge import XsuaaBridge
from app.login.shown_tokens import ShownTokens
from app.principal import ServiceCaller, Tenant, UserCaller, UserPrincipal, UserToken
from app.tokens.grants import JWT_BEARER, Grants
from app.tokens.jwks import KeyStore
from app.tokens.token_cache import TokenCache
from app.tokens.verifier import Verifier
from tests.identity_service.identity_server import APP_TID, IdentityServer, identity_server
from tests.identity_service.parts import Parts
from tests.tokens.token_server import OTHER_ZONE, ZONE, TokenServer, make_token, token_server

HOME = Tenant(ZONE, "acme")
ALICE = UserToken(UserPrincipal(HOME, "issuer", "alice-sub"), "a.b.c", frozenset(), 2**40)
Result = TypeVar("Result")


@pytest.fixture
def xsuaa() -> Iterator[TokenServer]:
    with token_server() as running:
        yield running


def bridged(xsuaa: TokenServer, work: Callable[[XsuaaBridge], Awaitable[Result]]) -> Result:
    async def run() -> Result:
        clients, binding = PlatformClients(timeout=2), xsuaa.binding()
        grants = Grants(clients)
        verifier = Verifier(binding, KeyStore(clients))
        try:
            return await work(XsuaaBridge(binding, grants, TokenCache(grants), verifier))
        finally:
            await clients.aclose()

    return asyncio.run(run())


def test_the_users_token_is_exchanged_for_one_with_scopes(xsuaa: TokenServer) -> None:
    token = bridged(xsuaa, lambda bridge: bridge.exchange(ALICE, HOME))
    assert token.principal.tenant == HOME
    assert "shop!t9.Read" in token.scopes
    [form] = xsuaa.forms(JWT_BEARER)
    assert form["assertion"] == "a.b.c"


def test_attack_56_an_exchange_cannot_lead_into_another_tenant(xsuaa: TokenServer) -> None:
    elsewhere = replace(ALICE, principal=replace(ALICE.principal, tenant=Tenant(OTHER_ZONE, "")))
    for exchange in ("exchange", "exchange_again"):

        async def work(bridge: XsuaaBridge, again: bool = exchange == "exchange_again") -> UserToken:
            return await (bridge.exchange_again(elsewhere) if again else bridge.exchange(elsewhere, HOME))

        with pytest.raises(GatewayError) as caught:
            bridged(xsuaa, work)
        assert caught.value.failure is Failure.TOKEN_REFUSED


def test_a_subscribers_id_is_what_its_xsuaa_says(xsuaa: TokenServer) -> None:
    assert bridged(xsuaa, lambda bridge: bridge.tenant_id(HOME)) == ZONE


def shown(xsuaa: TokenServer | None, *tokens: str, identity: IdentityServer | None = None) -> list[object]:
    """Who shows these tokens, where an XSUAA, the identity service, or both are bound."""

    async def run() -> list[object]:
        clients = PlatformClients(timeout=2)
        verifier = bridge = None
        if xsuaa is not None:
            binding, grants = xsuaa.binding(), Grants(clients)
            verifier = Verifier(binding, KeyStore(clients))
            bridge = XsuaaBridge(binding, grants, TokenCache(grants), verifier)
        parts = Parts(identity.credentials(app_tid=ZONE), own=HOME) if identity is not None else None
        acceptance = ShownTokens(
            verifier,
            parts.verifier if parts is not None else None,
            bridge.exchange_again if bridge is not None else None,
        )
        found: list[object] = []
        for token in tokens:
            try:
                found.append(await acceptance.caller(token))
            except GatewayError as error:
                found.append(error.failure)
        await clients.aclose()
        if parts is not None:
            await parts.clients.aclose()
        return found

    return asyncio.run(run())


def test_either_services_token_is_understood_where_both_are_bound(xsuaa: TokenServer) -> None:
    with identity_server() as identity:
        ias = identity.token(app_tid=ZONE)
        own = make_token(iss=f"{xsuaa.url}/oauth/token")
        by_xsuaa, by_ias, again = shown(xsuaa, own, ias, ias, identity=identity)
    assert isinstance(by_xsuaa, UserCaller)
    assert by_xsuaa.ias_token is None
    assert isinstance(by_ias, UserCaller)
    assert by_ias.ias_token is not None
    assert by_ias.token.scopes
    assert again == by_ias
    assert len(xsuaa.forms(JWT_BEARER)) == 1


def test_without_xsuaa_the_identity_services_token_stands_for_itself() -> None:
    with identity_server() as identity:
        user, app, forged = shown(
            None, identity.token(app_tid=APP_TID), identity.token(sap_id_type="app"), make_token(), identity=identity
        )
    assert isinstance(user, UserCaller)
    assert user.token is user.ias_token
    assert isinstance(app, ServiceCaller)
    assert forged is Failure.TOKEN_REFUSED


def test_attack_55_a_token_of_one_service_is_none_of_the_other(xsuaa: TokenServer) -> None:
    with identity_server() as identity:
        verdicts = shown(xsuaa, identity.token(zid=ZONE), make_token(zid=None), "x", identity=identity)
    assert verdicts == [Failure.TOKEN_REFUSED] * 3
    assert not xsuaa.forms(JWT_BEARER)
