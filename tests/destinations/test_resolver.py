"""From a name to a destination, over a socket."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from itertools import count

import pytest

from app.destination_url import DestinationUrl
from app.destinations.cache import DestinationCache
from app.destinations.destination import Destination
from app.destinations.resolver import DestinationResolver
from app.errors import Failure, GatewayError
from tests.destinations.platform_stub import (
    ANYBODY,
    Call,
    Platform,
    Reply,
    auth_token,
    claims_of,
    find_result,
    running,
    token_for,
    user,
)

ALICE, BOB = user("alice"), user("bob")
OWN = Destination("own", DestinationUrl(False, "own.example", 80))
Step = Callable[[Platform, DestinationResolver], Awaitable[None]]


def run(step: Step) -> None:
    async def main() -> None:
        async with running() as platform:
            resolver = platform.resolver({"own": OWN})
            await step(platform, resolver)
            await resolver.aclose()

    asyncio.run(main())


def test_the_environment_comes_first_and_costs_nothing() -> None:
    async def step(platform: Platform, resolver: DestinationResolver) -> None:
        platform.define("own")
        resolved = await resolver.resolve("own", ALICE, dynamic=True)
        assert (resolved.destination, resolved.expires_at) == (OWN, math.inf)
        assert not platform.calls

    run(step)


def test_without_a_service_there_is_only_the_environment() -> None:
    async def main() -> None:
        with pytest.raises(GatewayError, match="not in the environment") as caught:
            await DestinationResolver({}).resolve("erp", ANYBODY)
        assert caught.value.failure is Failure.DESTINATION_UNKNOWN

    asyncio.run(main())


def test_an_unknown_destination_is_asked_for_again() -> None:
    async def step(platform: Platform, resolver: DestinationResolver) -> None:
        with pytest.raises(GatewayError) as caught:
            await resolver.resolve("erp", ALICE)
        assert caught.value.failure is Failure.DESTINATION_UNKNOWN
        platform.define("erp")
        assert (await resolver.resolve("erp", ALICE)).destination.name == "erp"

    run(step)


@pytest.mark.parametrize("name", ["..", "a/../b", "169.254.169.254/latest", "a\x00", "x" * 300])
def test_what_is_no_name_is_refused_without_asking_or_repeating_it(name: str) -> None:
    async def step(platform: Platform, resolver: DestinationResolver) -> None:
        with pytest.raises(GatewayError) as caught:
            await resolver.resolve(name, ALICE, dynamic=True)
        assert caught.value.failure is Failure.DESTINATION_UNKNOWN
        assert name not in caught.value.detail
        assert not platform.calls

    run(step)


def test_a_name_from_the_request_needs_permission() -> None:
    async def step(platform: Platform, resolver: DestinationResolver) -> None:
        platform.define("open", **{"HTML5.DynamicDestination": "true"})
        platform.define("closed")
        assert (await resolver.resolve("open", ALICE, dynamic=True)).destination.dynamic
        with pytest.raises(GatewayError) as caught:
            await resolver.resolve("closed", ALICE, dynamic=True)
        assert caught.value.failure is Failure.DYNAMIC_DESTINATION_REFUSED
        assert (await resolver.resolve("closed", ALICE)).destination.name == "closed"

    run(step)


def test_what_the_tenant_shares_is_found_once_for_all_its_users() -> None:
    async def step(platform: Platform, resolver: DestinationResolver) -> None:
        platform.define("erp", [auth_token("technical")], Authentication="OAuth2ClientCredentials")
        platform.gate.clear()
        waiting = [asyncio.create_task(resolver.resolve("erp", user(f"user{n}"))) for n in range(50)]
        await asyncio.sleep(0)
        platform.gate.set()
        await asyncio.gather(*waiting)
        await resolver.resolve("erp", ANYBODY)
        assert len(platform.finds) == len(platform.token_requests) == 1

    run(step)


def test_who_logs_in_sees_a_shared_destination_as_it_is_now() -> None:
    async def step(platform: Platform, resolver: DestinationResolver) -> None:
        platform.define("erp", URL="http://old.example")
        await resolver.resolve("erp", ALICE)
        platform.define("erp", URL="http://new.example")
        assert (await resolver.resolve("erp", ALICE)).destination.url.host == "old.example"
        assert (await resolver.resolve("erp", ANYBODY)).destination.url.host == "old.example"
        assert (await resolver.resolve("erp", BOB)).destination.url.host == "new.example"
        assert (await resolver.resolve("erp", ALICE)).destination.url.host == "new.example"
        assert len(platform.finds) == 2

    run(step)


def test_who_logs_in_while_the_service_is_down_is_served_from_what_the_tenant_has() -> None:
    async def main() -> None:
        async with running() as platform:
            almost_standing_still = count(1000.0, 1e-6).__next__
            resolver = platform.resolver(cache=DestinationCache(clock=almost_standing_still))
            platform.define("erp")
            await resolver.resolve("erp", ALICE)
            platform.down = (503, "")
            for number in range(50):
                assert (await resolver.resolve("erp", user(f"user{number}"))).destination.name == "erp"
            assert len(platform.finds) == 5

    asyncio.run(main())


def test_each_user_gets_the_own_token_and_no_other() -> None:
    async def step(platform: Platform, resolver: DestinationResolver) -> None:
        platform.answers["erp"] = token_for
        users = [user(f"user{n}") for n in range(20)]
        for _ in range(3):
            found = await asyncio.gather(*(resolver.resolve("erp", each) for each in users))
            for each, resolved in zip(users, found, strict=True):
                expected = f"Bearer of-{each.principal.user_id}".encode()
                assert resolved.destination.credentials == ((b"authorization", expected),)
        assert len(platform.finds) == len(users)
        assert len(platform.token_requests) == 1

    run(step)


def test_a_renewed_user_token_finds_anew() -> None:
    async def step(platform: Platform, resolver: DestinationResolver) -> None:
        platform.answers["erp"] = token_for
        await resolver.resolve("erp", user("alice"))
        await resolver.resolve("erp", user("alice", issue=2))
        assert len(platform.finds) == 2

    run(step)


def test_a_users_destination_on_a_public_route_says_what_is_wrong() -> None:
    async def step(platform: Platform, resolver: DestinationResolver) -> None:
        platform.answers["erp"] = token_for
        for _ in range(2):
            with pytest.raises(GatewayError, match="needs a logged-in user") as caught:
                await resolver.resolve("erp", ANYBODY)
            assert caught.value.failure is Failure.DESTINATION_UNUSABLE
        assert (await resolver.resolve("erp", ALICE)).destination.traits.of_user

    run(step)


def test_users_are_not_harmed_by_a_public_request_that_asks_first() -> None:
    async def step(platform: Platform, resolver: DestinationResolver) -> None:
        platform.answers["erp"] = token_for
        platform.gate.clear()
        nobody = asyncio.create_task(resolver.resolve("erp", ANYBODY))
        await asyncio.sleep(0)
        alice = asyncio.create_task(resolver.resolve("erp", ALICE))
        await asyncio.sleep(0)
        platform.gate.set()
        assert (await alice).destination.credentials == ((b"authorization", b"Bearer of-alice"),)
        with pytest.raises(GatewayError):
            await nobody

    run(step)


def test_one_users_failed_token_is_not_anothers() -> None:
    def only_bob(call: Call) -> Reply:
        if claims_of(call.headers["x-user-token"])["user_name"] == "bob":
            return token_for(call)
        return 200, find_result("erp", [{"error": "alice is unknown"}], Authentication="OAuth2JWTBearer")

    async def step(platform: Platform, resolver: DestinationResolver) -> None:
        platform.answers["erp"] = only_bob
        platform.gate.clear()
        alice = asyncio.create_task(resolver.resolve("erp", ALICE))
        await asyncio.sleep(0)
        bob = asyncio.create_task(resolver.resolve("erp", BOB))
        await asyncio.sleep(0)
        platform.gate.set()
        assert (await bob).destination.credentials == ((b"authorization", b"Bearer of-bob"),)
        with pytest.raises(GatewayError, match="'erp': alice is unknown") as caught:
            await alice
        assert caught.value.failure is Failure.DESTINATION_TOKEN_FAILED

    run(step)


@pytest.mark.parametrize("status", [400, 401, 403])
def test_one_users_refused_token_is_not_anothers_before_anything_is_known(status: int) -> None:
    def not_for_alice(call: Call) -> Reply:
        shown = call.headers.get("x-user-token")
        if shown is not None and claims_of(shown)["user_name"] == "alice":
            return status, {"ErrorMessage": "The token of alice is revoked"}
        return token_for(call)

    async def step(platform: Platform, resolver: DestinationResolver) -> None:
        platform.answers["erp"] = not_for_alice
        platform.gate.clear()
        alice = asyncio.create_task(resolver.resolve("erp", ALICE))
        await asyncio.sleep(0)
        others = [asyncio.create_task(resolver.resolve("erp", user(name))) for name in ("bob", "bob", "carl")]
        await asyncio.sleep(0)
        platform.gate.set()
        names = [dict((await each).destination.credentials)[b"authorization"] for each in others]
        assert names == [b"Bearer of-bob", b"Bearer of-bob", b"Bearer of-carl"]
        with pytest.raises(GatewayError, match="alice is revoked") as caught:
            await alice
        assert caught.value.failure is Failure.DESTINATION_SERVICE_REFUSED

    run(step)


def test_who_waits_for_what_fails_for_everybody_asks_no_more_than_once() -> None:
    async def step(platform: Platform, resolver: DestinationResolver) -> None:
        platform.answers["erp"] = lambda call: (403, {"ErrorMessage": "nobody may"})
        platform.gate.clear()
        waiting = [asyncio.create_task(resolver.resolve("erp", user(f"user{n % 3}"))) for n in range(12)]
        await asyncio.sleep(0)
        platform.gate.set()
        failures = await asyncio.gather(*waiting, return_exceptions=True)
        assert all(isinstance(each, GatewayError) for each in failures)
        assert len(platform.finds) == 3

    run(step)


def test_a_failed_token_is_not_kept() -> None:
    async def step(platform: Platform, resolver: DestinationResolver) -> None:
        platform.define("erp", [{"error": "no"}], Authentication="OAuth2JWTBearer")
        with pytest.raises(GatewayError):
            await resolver.resolve("erp", ALICE)
        platform.answers["erp"] = token_for
        assert (await resolver.resolve("erp", ALICE)).destination.credentials

    run(step)


def test_a_destination_that_becomes_one_of_users_is_never_shared_again() -> None:
    async def step(platform: Platform, resolver: DestinationResolver) -> None:
        platform.define("erp")
        await resolver.resolve("erp", ALICE)
        resolver.forget("erp", ALICE)
        platform.answers["erp"] = token_for
        for each in (ALICE, BOB):
            expected = f"Bearer of-{each.principal.user_id}".encode()
            assert (await resolver.resolve("erp", each)).destination.credentials == ((b"authorization", expected),)

    run(step)


def test_a_saml_assertion_is_used_once() -> None:
    async def step(platform: Platform, resolver: DestinationResolver) -> None:
        platform.define("erp", [auth_token("assertion", kind="SAML2.0")], Authentication="SAMLAssertion")
        await resolver.resolve("erp", ALICE)
        before = len(platform.finds)
        await resolver.resolve("erp", ALICE)
        await resolver.resolve("erp", ALICE)
        assert len(platform.finds) == before + 2

    run(step)


def test_a_service_that_was_down_is_asked_again_by_the_next_request() -> None:
    async def step(platform: Platform, resolver: DestinationResolver) -> None:
        platform.define("erp")
        platform.down = (503, "")
        with pytest.raises(GatewayError) as caught:
            await resolver.resolve("erp", ALICE)
        assert caught.value.failure is Failure.DESTINATION_SERVICE_UNAVAILABLE
        platform.down = None
        assert (await resolver.resolve("erp", ALICE)).destination.name == "erp"

    run(step)
