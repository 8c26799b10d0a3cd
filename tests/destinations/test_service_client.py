"""The find call, over a socket."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import pytest

from app.destinations import service_client
from app.destinations.find_answer import FindAnswer
from app.destinations.find_plan import FindPlan
from app.destinations.service_client import Refusal
from app.errors import Failure, GatewayError
from tests.destinations.platform_stub import (
    PROVIDER,
    SUBSCRIBER,
    Call,
    Platform,
    Reply,
    claims_of,
    find_result,
    running,
    user,
)

ALICE = user("alice").token
PLAN = FindPlan(PROVIDER)
Step = Callable[[Platform], Awaitable[None]]


def run(step: Step) -> None:
    async def main() -> None:
        async with running() as platform:
            await step(platform)

    asyncio.run(main())


def one_after_another(*replies: Reply) -> Callable[[Call], Reply]:
    """Answers in turn; one question too many is an error of the test."""
    rest: Iterator[Reply] = iter(replies)
    return lambda call: next(rest)


FOUND: Reply = (200, find_result("erp"))


def test_a_find_carries_a_technical_token_of_the_tenant_it_asks() -> None:
    async def step(platform: Platform) -> None:
        platform.define("erp")
        answer = await platform.service().find("erp", FindPlan(SUBSCRIBER))
        assert isinstance(answer, FindAnswer)
        call = platform.finds[0]
        assert (call.claims["cid"], call.claims["tenant"]) == ("sb-destination", "subscriber")
        assert not [name for name in call.headers if name.startswith("x-")]

    run(step)


@pytest.mark.parametrize(
    ("plan", "headers"),
    [
        (FindPlan(PROVIDER, user=ALICE), {"x-user-token": ALICE.value}),
        (FindPlan(PROVIDER, x_tenant="subscriber"), {"x-tenant": "subscriber"}),
        (
            FindPlan(PROVIDER, user=ALICE, subject=ALICE),
            {
                "x-user-token": ALICE.value,
                "x-subject-token": ALICE.value,
                "x-subject-token-type": "urn:ietf:params:oauth:token-type:access_token",
            },
        ),
    ],
)
def test_the_plan_decides_the_headers(plan: FindPlan, headers: dict[str, str]) -> None:
    async def step(platform: Platform) -> None:
        platform.define("erp")
        await platform.service().find("erp", plan)
        sent = platform.finds[0].headers
        assert {name: value for name, value in sent.items() if name.startswith("x-")} == headers

    run(step)


def test_the_configuration_alone_can_be_asked_for() -> None:
    async def step(platform: Platform) -> None:
        platform.define("erp")
        await platform.service().find("erp", PLAN, skip_tokens=True)
        assert platform.finds[0].query == "$skipTokenRetrieval=true"

    run(step)


def test_an_unknown_name_is_none() -> None:
    async def step(platform: Platform) -> None:
        assert await platform.service().find("missing", PLAN) is None

    run(step)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a b", "a%2fb", "a?b", "ä", "a" * 201, "a\r\nb"])
def test_what_is_no_name_is_never_asked_for(name: str) -> None:
    async def step(platform: Platform) -> None:
        assert await platform.service().find(name, PLAN) is None
        assert not platform.calls

    run(step)


def test_a_refused_token_is_replaced_once() -> None:
    async def step(platform: Platform) -> None:
        platform.answers["erp"] = one_after_another((401, ""), FOUND)
        assert isinstance(await platform.service().find("erp", PLAN), FindAnswer)
        first, second = (claims_of(call.headers["authorization"])["number"] for call in platform.finds)
        assert first != second

    run(step)


def test_a_token_that_is_refused_again_ends_it() -> None:
    async def step(platform: Platform) -> None:
        platform.answers["erp"] = one_after_another((401, ""), (401, "go away"))
        with pytest.raises(GatewayError) as caught:
            await platform.service().find("erp", PLAN)
        assert caught.value.failure is Failure.DESTINATION_SERVICE_REFUSED
        assert "'erp'" in caught.value.detail
        assert len(platform.token_requests) == 2

    run(step)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_passing_trouble_is_waited_for(status: int) -> None:
    async def step(platform: Platform) -> None:
        platform.answers["erp"] = one_after_another((status, ""), (status, ""), FOUND)
        assert isinstance(await platform.service().find("erp", PLAN), FindAnswer)

    run(step)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_lasting_trouble_is_given_up_after_a_few_attempts(status: int) -> None:
    async def step(platform: Platform) -> None:
        platform.down = (status, "")
        with pytest.raises(GatewayError) as caught:
            await platform.service().find("erp", PLAN)
        assert caught.value.failure is Failure.DESTINATION_SERVICE_UNAVAILABLE
        assert len(platform.finds) == 4

    run(step)


def test_a_service_that_names_a_time_is_not_pressed_and_the_client_is_told() -> None:
    async def step(platform: Platform) -> None:
        platform.down, platform.retry_after = (429, ""), "7"
        with pytest.raises(GatewayError) as caught:
            await platform.service().find("erp", PLAN)
        assert caught.value.headers == ((b"retry-after", b"7"),)
        assert len(platform.finds) == 1

    run(step)


def test_a_service_that_does_not_answer_is_not_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async def step(platform: Platform) -> None:
        await platform.service().find("erp", PLAN)
        monkeypatch.setattr(service_client, "_TIMEOUTS", (3.0, 0.05, 3.0, 3.0))
        platform.gate.clear()
        with pytest.raises(GatewayError, match="did not answer in time") as caught:
            await platform.service().find("erp", PLAN)
        assert caught.value.failure is Failure.DESTINATION_SERVICE_UNAVAILABLE
        assert len(platform.finds) == 2

    run(step)


def test_a_refusal_400_is_an_outcome() -> None:
    async def step(platform: Platform) -> None:
        platform.answers["erp"] = one_after_another((400, {"ErrorMessage": "X-tenant missing"}))
        assert await platform.service().find("erp", PLAN) == Refusal("X-tenant missing")

    run(step)


@pytest.mark.parametrize(
    ("reply", "message"),
    [((403, {"ErrorMessage": "no\x07 right"}), "no? right"), ((422, "plain text"), "plain text"), ((302, ""), "302")],
)
def test_any_other_answer_is_a_refusal_with_the_services_words(reply: Reply, message: str) -> None:
    async def step(platform: Platform) -> None:
        platform.answers["erp"] = one_after_another(reply)
        with pytest.raises(GatewayError) as caught:
            await platform.service().find("erp", PLAN)
        assert caught.value.failure is Failure.DESTINATION_SERVICE_REFUSED
        assert message in caught.value.detail

    run(step)


@pytest.mark.parametrize("body", ["", "<html>", "[]", "{}", '{"destinationConfiguration": []}'])
def test_a_malformed_answer_is_said_to_be_one(body: str) -> None:
    async def step(platform: Platform) -> None:
        platform.answers["erp"] = one_after_another((200, body))
        with pytest.raises(GatewayError, match="malformed answer for destination 'erp'") as caught:
            await platform.service().find("erp", PLAN)
        assert caught.value.failure is Failure.DESTINATION_SERVICE_UNAVAILABLE

    run(step)


def test_a_service_that_cannot_be_reached_is_said_to_be_unavailable() -> None:
    async def step(platform: Platform) -> None:
        service = platform.service()
        service.credentials = service.credentials.model_copy(update={"uri": "http://127.0.0.1:1"})
        with pytest.raises(GatewayError) as caught:
            await service.find("erp", PLAN)
        assert caught.value.failure is Failure.DESTINATION_SERVICE_UNAVAILABLE
        assert caught.value.detail == "The service cannot be reached: connection refused."

    run(step)
