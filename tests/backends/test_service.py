"""Backends of business services: as whom they are called."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from app.backends.resolver import BackendResolver
from app.backends.service import ServiceBackends
from app.bindings.business_service import BusinessService, BusinessServices
from app.destinations.resolver import DestinationResolver
from app.errors import Failure, GatewayError
from app.principal import (
    AnonymousCaller,
    ServiceCaller,
    ServicePrincipal,
    ServiceToken,
    Tenant,
)
from app.routing.reference import RepositoryReference, ServiceReference
from app.transport.pool_key import ClientCertificate, DirectKey
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

ALICE, BOB = user("alice"), user("bob", SUBSCRIBER)
API = ServiceReference("com.c", "api")
OTHER_APP = ServiceCaller(ServiceToken(ServicePrincipal(PROVIDER, "sb-other"), "t", frozenset(), 2_000_000_000))


@dataclass
class World:
    """A token service and one business service."""

    platform: Platform
    credentials: dict[str, Any] = field(default_factory=dict)

    def service(self, **change: Any) -> BusinessService:
        uaa = self.platform.destination_credentials().model_dump(by_alias=True) | {"clientid": "sb-country"}
        base = {"sap.cloud.service": "com.c", "endpoints": {"api": "https://c.example/v2"}, "uaa": uaa}
        return BusinessService.model_validate({**base, **self.credentials, **change})

    def backends(self, **change: Any) -> BackendResolver:
        services = ServiceBackends(BusinessServices((self.service(**change),)), self.platform.tokens)
        return BackendResolver(DestinationResolver({}), services=services)


def run(step: Callable[[World], Awaitable[None]]) -> None:
    async def main() -> None:
        async with running() as platform:
            await step(World(platform))

    asyncio.run(main())


def shown(headers: tuple[tuple[bytes, bytes], ...], name: bytes = b"authorization") -> dict[str, Any]:
    return claims_of(dict(headers)[name].decode())


def test_a_users_token_is_exchanged_in_the_users_tenant() -> None:
    async def step(world: World) -> None:
        resolver = world.backends()
        for caller, name, tenant in ((ALICE, "alice", "provider"), (BOB, "bob", "subscriber")):
            backend = await resolver.resolve(API, caller)
            claims = shown(backend.credentials)
            assert (claims["user_name"], claims["cid"], claims["tenant"]) == (name, "sb-country", tenant)
            assert (backend.base, backend.authority) == (b"/v2", b"c.example")
            assert resolver.ready(API, caller) is backend
            assert backend.expires_at < time.monotonic() + 3601
        assert len(world.platform.token_requests) == 2

    run(step)


def test_a_technical_token_is_shared_by_the_users_of_a_tenant() -> None:
    async def step(world: World) -> None:
        resolver = world.backends(grant_type="client_credentials")
        for caller in (ALICE, user("carol"), OTHER_APP):
            assert shown((await resolver.resolve(API, caller)).credentials)["user_name"] == ""
        assert len(world.platform.token_requests) == 1
        assert shown((await resolver.resolve(API, BOB)).credentials)["tenant"] == "subscriber"

    run(step)


def test_mutual_tls_shows_the_tenant_and_no_token() -> None:
    async def step(world: World) -> None:
        backend = await world.backends(grant_type="mtls", cert="chain", key="k").resolve(API, BOB)
        assert backend.credentials == ((b"x-tenant-id", SUBSCRIBER.id.encode()),)
        assert backend.replaced == {b"x-tenant-id"}
        assert isinstance(backend.key, DirectKey)
        assert backend.key.tls is not None
        assert backend.key.tls.client == ClientCertificate("chain", "k")
        assert backend.expires_at == math.inf
        assert world.platform.calls == []

    run(step)


def test_the_identity_services_token_goes_along_or_instead_or_both() -> None:
    async def step(world: World) -> None:
        carol = user_of_identity_service("carol", access_seconds=100)
        along = await world.backends(forwardiastoken=True).resolve(API, carol)
        assert shown(along.credentials)["cid"] == "sb-country"
        assert shown(along.credentials, b"x-ias-token")["kind"] == "access"
        assert along.expires_at < time.monotonic() + 101
        before = len(world.platform.calls)
        for change in ({}, {"uaa": None}):
            instead = await world.backends(forwardiasauthentication=True, **change).resolve(API, carol)
            assert [name for name, _ in instead.credentials] == [b"authorization"]
            assert shown(instead.credentials)["kind"] == "access"
        both = await world.backends(forwardiasauthentication=True, forwardiastoken=True).resolve(API, carol)
        assert [shown(both.credentials, name)["kind"] for name in (b"authorization", b"x-ias-token")] == ["access"] * 2
        assert len(world.platform.calls) == before

    run(step)


def test_without_an_access_token_the_id_token_goes_along() -> None:
    async def step(world: World) -> None:
        carol = replace(user_of_identity_service("carol"), access_token=None)
        backend = await world.backends(forwardiastoken=True).resolve(API, carol)
        assert shown(backend.credentials, b"x-ias-token")["kind"] == "id"

    run(step)


def test_a_service_without_a_client_serves_users_of_the_identity_service_alone() -> None:
    async def step(world: World) -> None:
        with pytest.raises(GatewayError, match="its binding has no uaa") as caught:
            await world.backends(forwardiasauthentication=True, uaa=None).resolve(API, ALICE)
        assert caught.value.failure is Failure.SERVICE_UNUSABLE

    run(step)


def test_who_logged_in_elsewhere_has_no_such_token() -> None:
    async def step(world: World) -> None:
        resolver = world.backends(forwardiastoken=True, forwardiasauthentication=True)
        backend = await resolver.resolve(API, ALICE)
        assert [name for name, _ in backend.credentials] == [b"authorization"]
        assert shown(backend.credentials)["cid"] == "sb-country"

    run(step)


def test_nobody_has_no_users_token() -> None:
    async def step(world: World) -> None:
        with pytest.raises(GatewayError) as caught:
            await world.backends().resolve(API, ANYBODY)
        assert caught.value.failure is Failure.LOGIN_REQUIRED
        assert world.platform.calls == []

    run(step)


def test_nobody_is_served_in_the_name_of_the_application_in_the_tenant_of_the_address() -> None:
    async def step(world: World) -> None:
        resolver = world.backends(grant_type="client_credentials")
        for tenant, name in ((PROVIDER, "provider"), (Tenant("", SUBSCRIBER.subdomain), "subscriber")):
            claims = shown((await resolver.resolve(API, AnonymousCaller(tenant))).credentials)
            assert (claims["user_name"], claims["tenant"]) == ("", name)

    run(step)


def test_mutual_tls_serves_nobody_in_a_tenant_that_is_known_and_lets_nobody_name_another() -> None:
    async def step(world: World) -> None:
        resolver = world.backends(grant_type="mtls", cert="chain", key="k")
        own = await resolver.resolve(API, ANYBODY)
        assert own.credentials == ((b"x-tenant-id", PROVIDER.id.encode()),)
        unnamed = await resolver.resolve(API, AnonymousCaller(Tenant("", "")))
        assert unnamed.credentials == ()
        assert b"x-tenant-id" in own.replaced & unnamed.replaced
        with pytest.raises(GatewayError) as caught:
            await resolver.resolve(API, AnonymousCaller(Tenant("", SUBSCRIBER.subdomain)))
        assert caught.value.failure is Failure.LOGIN_REQUIRED

    run(step)


def test_an_application_has_no_users_token_to_exchange() -> None:
    async def step(world: World) -> None:
        with pytest.raises(GatewayError, match="the caller is an application") as caught:
            await world.backends().resolve(API, OTHER_APP)
        assert caught.value.failure is Failure.SERVICE_UNUSABLE

    run(step)


def test_what_is_not_bound_is_named() -> None:
    async def step(world: World) -> None:
        for reference in (ServiceReference("com.d"), RepositoryReference("shop")):
            with pytest.raises(GatewayError, match=reference.name.replace(".", r"\.")) as caught:
                await world.backends().resolve(reference, ALICE)
            assert caught.value.failure is Failure.SERVICE_UNKNOWN

    run(step)


def test_a_name_that_several_bindings_have_is_not_guessed_at() -> None:
    async def step(world: World) -> None:
        bound = BusinessServices((world.service(), world.service(url="https://other.example")), frozenset({"com.c"}))
        services = ServiceBackends(bound, world.platform.tokens)
        with pytest.raises(GatewayError, match="bound more than once") as caught:
            await services.backend(API, ALICE)
        assert caught.value.failure is Failure.SERVICE_UNKNOWN

    run(step)


@pytest.mark.parametrize("grant_type", ["user_token", "client_credentials"])
def test_a_token_that_was_refused_is_fetched_anew_but_not_all_the_time(grant_type: str) -> None:
    async def step(world: World) -> None:
        resolver = world.backends(grant_type=grant_type)
        first = await resolver.resolve(API, ALICE)
        for _ in range(10):
            resolver.forget(API, await resolver.resolve(API, ALICE), ALICE)
        assert (await resolver.resolve(API, ALICE)).credentials != first.credentials
        assert len(world.platform.token_requests) == 2

    run(step)


def test_interleaved_users_always_get_their_own_tokens() -> None:
    async def step(world: World) -> None:
        resolver = world.backends()

        async def check(number: int) -> None:
            caller = user(f"user{number % 25}", (PROVIDER, SUBSCRIBER)[number % 2])
            claims = shown((await resolver.resolve(API, caller)).credentials)
            assert (claims["user_name"], claims["tenant"]) == (f"user{number % 25}", caller.tenant.subdomain)

        for start in range(0, 1000, 200):
            await asyncio.gather(*(check(start + number) for number in range(200)))

    run(step)
