"""Which tenants are asked, with which headers, until a destination is found; over a socket."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from app.destinations.resolver import DestinationResolver
from app.errors import Failure, GatewayError
from app.principal import AnonymousCaller, Tenant
from tests.destinations.platform_stub import (
    ANYBODY,
    PROVIDER,
    SUBSCRIBER,
    Call,
    Platform,
    Reply,
    auth_token,
    find_result,
    running,
    token_for,
    user,
)

ALICE = user("alice")
Step = Callable[[Platform, DestinationResolver], Awaitable[None]]


def run(step: Step) -> None:
    async def main() -> None:
        async with running() as platform:
            await step(platform, platform.resolver())

    asyncio.run(main())


def test_a_subscribers_own_destination_wins_over_the_providers() -> None:
    def by_tenant(call: Call) -> Reply:
        tenant = str(call.claims["tenant"])
        return 200, find_result("erp", URL=f"http://{tenant}.example")

    async def step(platform: Platform, resolver: DestinationResolver) -> None:
        platform.answers["erp"] = by_tenant
        theirs = (await resolver.resolve("erp", user("susan", SUBSCRIBER))).destination
        ours = (await resolver.resolve("erp", ALICE)).destination
        assert (theirs.tenant, theirs.url.host) == (SUBSCRIBER, "subscriber.example")
        assert (ours.tenant, ours.url.host) == (PROVIDER, "provider.example")

    run(step)


def test_the_provider_is_asked_for_what_the_subscriber_has_not() -> None:
    def provider_only(call: Call) -> Reply:
        if call.claims["tenant"] == "provider":
            return token_for(call)
        return 404, {"ErrorMessage": "no"}

    async def step(platform: Platform, resolver: DestinationResolver) -> None:
        platform.answers["erp"] = provider_only
        found = (await resolver.resolve("erp", user("susan", SUBSCRIBER))).destination
        assert found.tenant == PROVIDER
        assert found.credentials == ((b"authorization", b"Bearer of-susan"),)

    run(step)


def test_a_local_destination_is_the_providers_whoever_asks() -> None:
    def by_tenant(call: Call) -> Reply:
        tenant = str(call.claims["tenant"])
        return 200, find_result("erp", URL=f"http://{tenant}.example")

    async def step(platform: Platform, resolver: DestinationResolver) -> None:
        platform.answers["erp"] = by_tenant
        susan = user("susan", SUBSCRIBER)
        for _ in range(2):  # found, then kept
            local = (await resolver.resolve("erp", susan, local=True)).destination
            theirs = (await resolver.resolve("erp", susan)).destination
            assert (local.tenant, local.url.host) == (PROVIDER, "provider.example")
            assert (theirs.tenant, theirs.url.host) == (SUBSCRIBER, "subscriber.example")

    run(step)


def test_a_local_destination_still_holds_the_token_of_the_asking_user() -> None:
    async def step(platform: Platform, resolver: DestinationResolver) -> None:
        platform.answers["erp"] = token_for
        for name in ("susan", "simon"):
            found = (await resolver.resolve("erp", user(name, SUBSCRIBER), local=True)).destination
            assert found.credentials == ((b"authorization", f"Bearer of-{name}".encode()),)

    run(step)


def test_a_subscriber_known_by_its_name_alone_is_served() -> None:
    """Of a caller who is not logged in, the host tells the tenant's name and not its id."""

    async def step(platform: Platform, resolver: DestinationResolver) -> None:
        platform.define("erp")
        nobody = AnonymousCaller(Tenant("", "subscriber"))
        assert (await resolver.resolve("erp", nobody)).destination.name == "erp"
        assert (await resolver.resolve("erp", nobody)).destination.name == "erp"
        assert len(platform.finds) == 1

    run(step)


@pytest.mark.parametrize("refusal", ["error in the answer", "400"])
def test_a_common_token_url_is_asked_with_the_tenant(refusal: str) -> None:
    kind = {"Authentication": "OAuth2ClientCredentials", "tokenServiceURLType": "Common"}

    def wants_tenant(call: Call) -> Reply:
        if call.headers.get("x-tenant") == "subscriber":
            return 200, find_result("erp", [auth_token("t")], **kind)
        if refusal == "400" and not call.query:
            return 400, {"ErrorMessage": "X-tenant is missing"}
        return 200, find_result("erp", [{"error": "X-tenant is missing"}], **kind)

    async def step(platform: Platform, resolver: DestinationResolver) -> None:
        platform.answers["erp"] = wants_tenant
        found = await resolver.resolve("erp", AnonymousCaller(SUBSCRIBER))
        assert found.destination.credentials == ((b"authorization", b"Bearer t"),)
        resolver.forget("erp", AnonymousCaller(SUBSCRIBER))
        before = len(platform.finds)
        await resolver.resolve("erp", AnonymousCaller(SUBSCRIBER))
        assert len(platform.finds) == before + 1

    run(step)


def test_a_token_exchange_gets_its_subject_token() -> None:
    def wants_subject(call: Call) -> Reply:
        if "x-subject-token" in call.headers:
            return 200, find_result("erp", [auth_token("t")], Authentication="OAuth2TokenExchange")
        return (400, "") if not call.query else (200, find_result("erp", Authentication="OAuth2TokenExchange"))

    async def step(platform: Platform, resolver: DestinationResolver) -> None:
        platform.answers["erp"] = wants_subject
        assert (await resolver.resolve("erp", ALICE)).destination.credentials

    run(step)


@pytest.mark.parametrize("query_too", [True, False])
def test_a_request_the_service_does_not_like_is_a_refusal(query_too: bool) -> None:
    def refuses(call: Call) -> Reply:
        return (400, {"ErrorMessage": "no"}) if query_too or not call.query else (200, find_result("erp"))

    async def step(platform: Platform, resolver: DestinationResolver) -> None:
        platform.answers["erp"] = refuses
        with pytest.raises(GatewayError, match=r"'erp'.*no") as caught:
            await resolver.resolve("erp", ANYBODY)
        assert caught.value.failure is Failure.DESTINATION_SERVICE_REFUSED

    run(step)
