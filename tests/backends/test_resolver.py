"""From a name and a caller to a backend, over a socket."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable

import pytest

from app.backends.on_premise import OnPremise
from app.backends.resolver import BackendResolver
from app.destination_url import parse_url
from app.destinations.destination import Destination
from app.destinations.resolver import DestinationResolver
from app.errors import Failure, GatewayError
from app.routing.reference import DestinationReference
from app.transport.pool_key import ClientCertificate, DirectKey
from tests.destinations.platform_stub import (
    ANYBODY,
    Call,
    Platform,
    Reply,
    auth_token,
    claims_of,
    find_result,
    running,
    user,
)

ALICE = user("alice")
ERP, CLOUD, OWN_REFERENCE = DestinationReference("erp"), DestinationReference("cloud"), DestinationReference("own")
OWN = Destination("own", parse_url("http://own.example"))
Step = Callable[[Platform, BackendResolver], Awaitable[None]]


def run(step: Step) -> None:
    async def main() -> None:
        async with running() as platform:
            on_premise = OnPremise(platform.connectivity_credentials(), platform.tokens)
            await step(platform, BackendResolver(platform.resolver({"own": OWN}), on_premise))

    asyncio.run(main())


def define_on_premise(platform: Platform, name: str = "erp", kind: str = "PrincipalPropagation") -> None:
    platform.define(name, URL="http://erp.corp:8080", ProxyType="OnPremise", Authentication=kind)


def test_a_backend_is_prepared_once_and_then_ready_without_io() -> None:
    async def step(platform: Platform, resolver: BackendResolver) -> None:
        platform.define("erp")
        assert resolver.ready(ERP, ALICE) is None
        backend = await resolver.resolve(ERP, ALICE)
        assert resolver.ready(ERP, ALICE) is backend
        assert await resolver.resolve(ERP, ALICE) is backend
        assert 290 < backend.expires_at - time.monotonic() <= 300

    run(step)


def test_a_thousand_requests_of_one_user_with_principal_propagation_need_few_calls() -> None:
    async def step(platform: Platform, resolver: BackendResolver) -> None:
        define_on_premise(platform)
        for _ in range(10):
            await asyncio.gather(*(resolver.resolve(ERP, ALICE) for _ in range(100)))
        assert len(platform.calls) < 5

    run(step)


def test_further_users_of_principal_propagation_need_no_tokens_and_share_a_find() -> None:
    async def step(platform: Platform, resolver: BackendResolver) -> None:
        define_on_premise(platform)
        await resolver.resolve(ERP, ALICE)
        before = len(platform.token_requests)
        backends = await asyncio.gather(*(resolver.resolve(ERP, user(f"user{n}")) for n in range(200)))
        assert len(platform.token_requests) == before
        assert len(platform.finds) == 2
        assert len({backend.key for backend in backends}) == 200

    run(step)


def test_interleaved_users_always_get_their_own_credentials() -> None:
    def of_user(call: Call) -> Reply:
        name = claims_of(call.headers["x-user-token"])["user_name"]
        return 200, find_result("cloud", [auth_token(name, expires_in="3600")], Authentication="OAuth2JWTBearer")

    async def check(resolver: BackendResolver, number: int) -> None:
        name = f"user{number % 50}"
        caller = user(name)
        cloud, erp = await asyncio.gather(resolver.resolve(CLOUD, caller), resolver.resolve(ERP, caller))
        assert cloud.credentials == ((b"authorization", f"Bearer {name}".encode()),)
        shown = dict(erp.credentials)[b"sap-connectivity-authentication"].decode()
        assert claims_of(shown)["user_name"] == name

    async def step(platform: Platform, resolver: BackendResolver) -> None:
        platform.answers["cloud"] = of_user
        define_on_premise(platform)
        for start in range(0, 2000, 200):
            await asyncio.gather(*(check(resolver, start + number) for number in range(200)))

    run(step)


def test_a_name_from_the_request_is_not_ready_because_a_route_names_it() -> None:
    async def step(platform: Platform, resolver: BackendResolver) -> None:
        platform.define("erp")
        await resolver.resolve(ERP, ALICE)
        assert resolver.ready(DestinationReference("erp", dynamic=True), ALICE) is None
        with pytest.raises(GatewayError) as caught:
            await resolver.resolve(DestinationReference("erp", dynamic=True), ALICE)
        assert caught.value.failure is Failure.DYNAMIC_DESTINATION_REFUSED

    run(step)


def test_what_is_short_lived_is_not_kept() -> None:
    async def step(platform: Platform, resolver: BackendResolver) -> None:
        platform.define("erp", [auth_token("a", kind="SAML2.0")], Authentication="SAMLAssertion")
        backend = await resolver.resolve(ERP, ALICE)
        assert backend.expires_at <= time.monotonic()
        assert resolver.ready(ERP, ALICE) is None

    run(step)


@pytest.mark.parametrize("kind", ["PrincipalPropagation", "NoAuthentication"])
def test_a_refused_backend_is_made_anew(kind: str) -> None:
    async def step(platform: Platform, resolver: BackendResolver) -> None:
        define_on_premise(platform, kind=kind)
        first = await resolver.resolve(ERP, ALICE)
        resolver.forget(ERP, first, ALICE)
        assert resolver.ready(ERP, ALICE) is None
        second = await resolver.resolve(ERP, ALICE)
        assert second.credentials != first.credentials
        assert len(platform.finds) == 2

    run(step)


def test_a_backend_that_refuses_everything_does_not_press_the_platform() -> None:
    async def step(platform: Platform, resolver: BackendResolver) -> None:
        define_on_premise(platform)
        for _ in range(20):
            resolver.forget(ERP, await resolver.resolve(ERP, ALICE), ALICE)
        assert len(platform.finds) == 2

    run(step)


def test_a_backend_of_the_environment_needs_no_platform() -> None:
    async def step(platform: Platform, resolver: BackendResolver) -> None:
        backend = await resolver.resolve(DestinationReference("own", dynamic=True), ANYBODY)
        assert (backend.key, backend.expires_at) == (DirectKey("own.example", 80), math.inf)
        assert resolver.ready(DestinationReference("own", dynamic=True), ANYBODY) is backend
        resolver.forget(OWN_REFERENCE, backend, ANYBODY)
        assert not platform.calls

    run(step)


def test_on_premise_without_connectivity_service_says_what_is_missing() -> None:
    async def main() -> None:
        async with running() as platform:
            define_on_premise(platform)
            with pytest.raises(GatewayError, match="'erp'") as caught:
                await BackendResolver(platform.resolver()).resolve(ERP, ALICE)
            assert caught.value.failure is Failure.CONNECTIVITY_MISSING

    asyncio.run(main())


def test_the_own_certificate_reaches_the_pool_key() -> None:
    async def main() -> None:
        own = Destination("own", parse_url("https://own.example"), forward_auth_certificates=True)
        certificate = ClientCertificate("chain", "key")
        resolver = BackendResolver(DestinationResolver({"own": own}), own_certificate=certificate)
        key = (await resolver.resolve(OWN_REFERENCE, ANYBODY)).key
        assert isinstance(key, DirectKey)
        assert key.tls is not None
        assert key.tls.client == certificate

    asyncio.run(main())


def test_a_token_service_that_is_down_is_named_and_asked_again() -> None:
    async def step(platform: Platform, resolver: BackendResolver) -> None:
        define_on_premise(platform)
        port, platform.port = platform.port, 1
        broken = OnPremise(platform.connectivity_credentials(), platform.tokens)
        platform.port = port
        with pytest.raises(GatewayError) as caught:
            await BackendResolver(platform.resolver(), broken).resolve(ERP, ALICE)
        assert caught.value.failure is Failure.XSUAA_UNAVAILABLE
        assert await resolver.resolve(ERP, ALICE)

    run(step)
