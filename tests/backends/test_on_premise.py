"""Backends behind a Cloud Connector, with tokens from a token service on a socket."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from app.backends.on_premise import OnPremise, PrincipalPropagation
from app.destination_url import parse_url
from app.destinations.authentication import Authentication
from app.destinations.destination import Destination, ProxyType
from app.errors import Failure, GatewayError
from app.principal import Caller, ServiceCaller, ServicePrincipal, ServiceToken, TechnicalPrincipal
from app.transport.pool_key import OnPremiseKey, Proxy
from tests.destinations.platform_stub import (
    ANYBODY,
    PROVIDER,
    SUBSCRIBER,
    Platform,
    claims_of,
    running,
    user,
    user_of_identity_service,
)

ALICE, BOB = user("alice"), user("bob")
APPLICATION = ServiceCaller(ServiceToken(ServicePrincipal(PROVIDER, "sb-other"), "t", frozenset(), 0))
PROXY = Proxy("proxy.internal", 20003)
PROPAGATION = Authentication.PRINCIPAL_PROPAGATION
TECHNICAL_USER = ((b"sap-connectivity-technical-authentication", b"Bearer app"),)
Step = Callable[[Platform, OnPremise], Awaitable[None]]


def run(step: Step, propagation: PrincipalPropagation = "two-headers") -> None:
    async def main() -> None:
        async with running() as platform:
            await step(platform, OnPremise(platform.connectivity_credentials(), platform.tokens, propagation))

    asyncio.run(main())


def destination(**changes: object) -> Destination:
    base = Destination(
        "erp", parse_url("http://erp.corp:8080/base"), PROVIDER, ProxyType.ON_PREMISE, location_id="LOC1"
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def proxy_claims(headers: dict[bytes, bytes]) -> dict[str, Any]:
    return claims_of(headers[b"proxy-authorization"].decode())


def test_the_virtual_host_is_reached_in_absolute_form_with_proxy_token_and_location() -> None:
    async def step(platform: Platform, on_premise: OnPremise) -> None:
        backend = await on_premise.backend(destination(), ANYBODY, math.inf)
        assert (backend.base, backend.authority) == (b"http://erp.corp:8080/base", b"erp.corp:8080")
        technical = TechnicalPrincipal(PROVIDER)
        assert backend.key == OnPremiseKey(PROXY, technical, "LOC1", "erp.corp", 8080, PROVIDER)
        headers = dict(backend.credentials)
        assert headers.keys() == {b"proxy-authorization", b"sap-connectivity-scc-location_id"}
        assert headers[b"sap-connectivity-scc-location_id"] == b"LOC1"
        assert proxy_claims(headers)["cid"] == "sb-connectivity"

    run(step)


def test_the_address_is_that_of_the_destination_and_no_location_is_no_header() -> None:
    async def step(platform: Platform, on_premise: OnPremise) -> None:
        for address, authority in (("erp.corp", b"erp.corp"), ("erp.corp:8080", b"erp.corp:8080")):
            found = destination(url=parse_url(f"http://{address}"), location_id="")
            backend = await on_premise.backend(found, ANYBODY, math.inf)
            assert (backend.base, backend.authority) == (b"http://" + authority, authority)
            assert dict(backend.credentials).keys() == {b"proxy-authorization"}

    run(step)


def test_principal_propagation_sends_the_users_token_beside_a_technical_one() -> None:
    async def step(platform: Platform, on_premise: OnPremise) -> None:
        backend = await on_premise.backend(destination(authentication=PROPAGATION), ALICE, math.inf)
        headers = dict(backend.credentials)
        assert headers[b"sap-connectivity-authentication"] == b"Bearer " + ALICE.token.value.encode()
        assert proxy_claims(headers)["user_name"] == ""
        assert isinstance(backend.key, OnPremiseKey)
        assert backend.key.principal == ALICE.principal

    run(step)


def test_principal_propagation_by_exchange_sends_one_token() -> None:
    async def step(platform: Platform, on_premise: OnPremise) -> None:
        backend = await on_premise.backend(destination(authentication=PROPAGATION), ALICE, math.inf)
        headers = dict(backend.credentials)
        assert headers.keys() == {b"proxy-authorization", b"sap-connectivity-scc-location_id"}
        claims = proxy_claims(headers)
        assert (claims["user_name"], claims["cid"]) == ("alice", "sb-connectivity")
        assert isinstance(backend.key, OnPremiseKey)
        assert backend.key.principal == ALICE.principal

    run(step, "exchanged-token")


@pytest.mark.parametrize("propagation", ["two-headers", "exchanged-token"])
def test_a_corporate_token_stands_for_the_user_whatever_the_propagation(propagation: PrincipalPropagation) -> None:
    async def step(platform: Platform, on_premise: OnPremise) -> None:
        corporate = ((b"authorization", b"Bearer corporate"),)
        found = destination(authentication=PROPAGATION, credentials=corporate)
        headers = dict((await on_premise.backend(found, ALICE, math.inf)).credentials)
        assert headers[b"sap-connectivity-authentication"] == b"Bearer corporate"
        assert proxy_claims(headers)["user_name"] == ""

    run(step, propagation)


@pytest.mark.parametrize("propagation", ["two-headers", "exchanged-token"])
@pytest.mark.parametrize(
    "found",
    [
        destination(authentication=PROPAGATION, defaults=((b"authorization", b"Basic x"),)),
        destination(
            authentication=Authentication.TECHNICAL_USER_PROPAGATION,
            credentials=(*TECHNICAL_USER, (b"authorization", b"Bearer app")),
            defaults=((b"authorization", b"Basic x"),),
        ),
    ],
)
def test_authorization_never_goes_with_a_propagated_principal(
    found: Destination, propagation: PrincipalPropagation
) -> None:
    async def step(platform: Platform, on_premise: OnPremise) -> None:
        backend = await on_premise.backend(found, ALICE, math.inf)
        assert b"authorization" not in dict(backend.credentials + backend.defaults)
        assert b"authorization" in backend.replaced

    run(step, propagation)


def test_a_corporate_token_found_with_the_destination_stands_for_the_users() -> None:
    async def step(platform: Platform, on_premise: OnPremise) -> None:
        corporate = ((b"authorization", b"Bearer corporate"),)
        found = destination(authentication=PROPAGATION, credentials=corporate)
        backend = await on_premise.backend(found, ALICE, math.inf)
        assert dict(backend.credentials)[b"sap-connectivity-authentication"] == b"Bearer corporate"

    run(step)


@pytest.mark.parametrize("propagation", ["two-headers", "exchanged-token"])
def test_on_a_public_route_nobody_is_propagated(propagation: PrincipalPropagation) -> None:
    async def step(platform: Platform, on_premise: OnPremise) -> None:
        leftover = ((b"authorization", b"Bearer somebody"),)
        found = destination(authentication=PROPAGATION, credentials=leftover)
        backend = await on_premise.backend(found, ANYBODY, math.inf)
        assert dict(backend.credentials).keys() == {b"proxy-authorization", b"sap-connectivity-scc-location_id"}
        assert isinstance(backend.key, OnPremiseKey)
        assert backend.key.principal == TechnicalPrincipal(PROVIDER)
        assert b"authorization" in backend.replaced

    run(step, propagation)


def test_an_application_cannot_be_propagated_as_a_user() -> None:
    async def step(platform: Platform, on_premise: OnPremise) -> None:
        with pytest.raises(GatewayError, match="'erp' needs a logged-in user") as caught:
            await on_premise.backend(destination(authentication=PROPAGATION), APPLICATION, math.inf)
        assert caught.value.failure is Failure.DESTINATION_UNUSABLE
        assert not platform.calls

    run(step)


def test_a_technical_user_is_named_by_the_returned_header() -> None:
    async def step(platform: Platform, on_premise: OnPremise) -> None:
        found = destination(authentication=Authentication.TECHNICAL_USER_PROPAGATION, credentials=TECHNICAL_USER)
        backend = await on_premise.backend(found, ALICE, math.inf)
        assert backend.credentials[-1] == TECHNICAL_USER[0]
        assert isinstance(backend.key, OnPremiseKey)
        assert backend.key.principal == TechnicalPrincipal(PROVIDER)

    run(step)


def test_a_technical_user_without_header_has_failed() -> None:
    async def step(platform: Platform, on_premise: OnPremise) -> None:
        found = destination(authentication=Authentication.TECHNICAL_USER_PROPAGATION)
        with pytest.raises(GatewayError) as caught:
            await on_premise.backend(found, ALICE, math.inf)
        assert caught.value.failure is Failure.DESTINATION_TOKEN_FAILED

    run(step)


def test_basic_goes_to_the_backend() -> None:
    async def step(platform: Platform, on_premise: OnPremise) -> None:
        basic = ((b"authorization", b"Basic dTpw"),)
        backend = await on_premise.backend(
            destination(authentication=Authentication.BASIC, credentials=basic), ALICE, math.inf
        )
        assert dict(backend.credentials)[b"authorization"] == b"Basic dTpw"
        assert backend.dropped == frozenset()

    run(step)


def test_a_forwarded_token_ends_the_backend() -> None:
    async def step(platform: Platform, on_premise: OnPremise) -> None:
        caller = user("alice", seconds=100)
        backend = await on_premise.backend(destination(forward_auth_token=True), caller, math.inf)
        assert dict(backend.credentials)[b"authorization"] == b"Bearer " + caller.token.value.encode()
        assert 90 < backend.expires_at - time.monotonic() < 101
        carol = user_of_identity_service("carol", access_seconds=50)
        backend = await on_premise.backend(destination(forward_auth_token=True), carol, math.inf)
        assert claims_of(dict(backend.credentials)[b"authorization"].decode())["kind"] == "access"
        assert 40 < backend.expires_at - time.monotonic() < 51

    run(step)


def test_the_cloud_connector_sees_the_token_of_xsuaa() -> None:
    async def step(platform: Platform, on_premise: OnPremise) -> None:
        carol = user_of_identity_service("carol")
        found = destination(authentication=Authentication.PRINCIPAL_PROPAGATION)
        backend = await on_premise.backend(found, carol, math.inf)
        shown = dict(backend.credentials)[b"sap-connectivity-authentication"]
        assert shown == b"Bearer " + carol.token.value.encode()

    run(step)


@pytest.mark.parametrize("propagation", ["two-headers", "exchanged-token"])
@pytest.mark.parametrize(("own_seconds", "user_seconds"), [(500, 5000), (5000, 500)])
def test_the_shortest_token_ends_the_backend(
    own_seconds: int, user_seconds: int, propagation: PrincipalPropagation
) -> None:
    async def step(platform: Platform, on_premise: OnPremise) -> None:
        platform.token_seconds = own_seconds
        caller = user("alice", seconds=user_seconds)
        found = destination(authentication=PROPAGATION)
        backend = await on_premise.backend(found, caller, math.inf)
        assert 400 < backend.expires_at - time.monotonic() < 501
        assert (await on_premise.backend(found, caller, 7.0)).expires_at == 7.0

    run(step, propagation)


def test_the_cloud_connector_is_that_of_the_tenant_that_keeps_the_destination() -> None:
    async def step(platform: Platform, on_premise: OnPremise) -> None:
        susan = user("susan", SUBSCRIBER)
        keys = []
        for tenant in (SUBSCRIBER, PROVIDER):
            backend = await on_premise.backend(destination(tenant=tenant, authentication=PROPAGATION), susan, math.inf)
            assert proxy_claims(dict(backend.credentials))["tenant"] == tenant.subdomain
            assert backend.lane.tenant_id == tenant.id
            keys.append(backend.key)
        assert keys[0] != keys[1]

    run(step)


def test_a_destination_of_the_environment_means_the_providers_cloud_connector() -> None:
    async def step(platform: Platform, on_premise: OnPremise) -> None:
        backend = await on_premise.backend(destination(tenant=None), user("susan", SUBSCRIBER), math.inf)
        assert proxy_claims(dict(backend.credentials))["tenant"] == "provider"

    run(step)


def test_whatever_binds_a_tunnel_tells_keys_apart() -> None:
    propagating = destination(authentication=PROPAGATION)
    ways: list[tuple[Destination, Caller]] = [
        (destination(), ALICE),
        (propagating, ALICE),
        (propagating, BOB),
        (replace(propagating, location_id="LOC2"), ALICE),
        (replace(propagating, url=parse_url("http://erp.corp:8081")), ALICE),
        (replace(propagating, url=parse_url("http://crm.corp:8080")), ALICE),
        (replace(propagating, tenant=SUBSCRIBER), ALICE),
        (replace(propagating, tenant=SUBSCRIBER), user("alice", SUBSCRIBER)),
        (destination(tenant=SUBSCRIBER), ALICE),
    ]

    async def step(platform: Platform, on_premise: OnPremise) -> None:
        keys = [(await on_premise.backend(found, caller, math.inf)).key for found, caller in ways]
        assert len(set(keys)) == len(ways)
        again = [(await on_premise.backend(found, caller, math.inf)).key for found, caller in ways]
        assert keys == again

    run(step)


def test_callers_who_show_no_principal_share_sockets() -> None:
    async def step(platform: Platform, on_premise: OnPremise) -> None:
        keys = {(await on_premise.backend(destination(), caller, math.inf)).key for caller in (ALICE, BOB, ANYBODY)}
        assert len(keys) == 1

    run(step)


@pytest.mark.parametrize("propagation", ["two-headers", "exchanged-token"])
def test_a_refused_token_is_replaced(propagation: PrincipalPropagation) -> None:
    async def step(platform: Platform, on_premise: OnPremise) -> None:
        found = destination(authentication=PROPAGATION)
        first = await on_premise.backend(found, ALICE, math.inf)
        assert (await on_premise.backend(found, ALICE, math.inf)).credentials == first.credentials
        assert isinstance(first.key, OnPremiseKey)
        on_premise.forget(first.key, ALICE)
        second = await on_premise.backend(found, ALICE, math.inf)
        assert proxy_claims(dict(second.credentials)) != proxy_claims(dict(first.credentials))

    run(step, propagation)


def test_the_token_service_of_the_binding_is_asked() -> None:
    async def step(platform: Platform, on_premise: OnPremise) -> None:
        credentials = platform.connectivity_credentials()
        moved = credentials.model_copy(update={"url": "http://127.0.0.1:1", "token_service_url": credentials.url})
        assert await OnPremise(moved, platform.tokens).backend(destination(), ANYBODY, math.inf)

    run(step)
