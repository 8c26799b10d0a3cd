"""The call for an xs-app.json, and what its answers mean."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable

import pytest

from app.errors import Failure, GatewayError
from app.html5_repository import repository_client
from app.html5_repository.repository_client import MAX_DESCRIPTOR, Absence, AppKey
from tests.html5_repository.repository_stub import PROVIDER, SUBSCRIBER, Repository, repository

KEY = AppKey(PROVIDER, "shop-1.0.0", "shop-1.0.0")
PATH = "/shop-1.0.0/xs-app.json"
MANIFEST = "/shop-1.0.0/manifest.json"


def run(step: Callable[[Repository], Awaitable[None]]) -> None:
    async def main() -> None:
        async with repository() as running:
            await step(running)

    asyncio.run(main())


def test_the_text_is_asked_for_with_the_tenants_token() -> None:
    async def step(stub: Repository) -> None:
        stub.answers[PATH] = (200, b'{"routes": []}')
        key = AppKey(SUBSCRIBER, "cty.shop-1.0.0", "shop-1.0.0", "h1,h2")
        assert await stub.client().descriptor(key) == '{"routes": []}'
        [call] = stub.calls
        assert (call.method, call.path, call.headers["x-app-host-id"]) == ("GET", PATH, "h1,h2")
        assert call.headers["authorization"] == "Bearer html5-globex-1"
        assert await stub.client().descriptor(KEY) == '{"routes": []}'
        assert "x-app-host-id" not in stub.calls[-1].headers

    run(step)


@pytest.mark.parametrize(("status", "absence"), [(404, Absence.NO_SUCH_APP), (503, Absence.NONE_TO_BE_HAD)])
def test_what_is_not_there_is_no_failure(status: int, absence: Absence) -> None:
    async def step(stub: Repository) -> None:
        stub.answers[PATH] = (status, b"")
        assert await stub.client().descriptor(KEY) is absence

    run(step)


def test_an_application_without_an_xs_app_json_is_one_all_the_same() -> None:
    async def step(stub: Repository) -> None:
        stub.answers[MANIFEST] = (200, b"{}")
        with pytest.raises(GatewayError, match=r"it has no xs-app\.json") as caught:
            await stub.client().descriptor(KEY)
        assert caught.value.failure is Failure.HTML5_APP_UNUSABLE
        assert [(call.method, call.path) for call in stub.calls] == [("GET", PATH), ("HEAD", MANIFEST)]

    run(step)


@pytest.mark.parametrize(
    ("status", "failure"),
    [
        (429, Failure.HTML5_REPOSITORY_UNAVAILABLE),
        (500, Failure.HTML5_REPOSITORY_UNAVAILABLE),
        (302, Failure.HTML5_REPOSITORY_REFUSED),
        (403, Failure.HTML5_REPOSITORY_REFUSED),
    ],
)
def test_other_answers_are_failures(status: int, failure: Failure) -> None:
    async def step(stub: Repository) -> None:
        stub.answers[PATH] = (status, b"secret-body")
        with pytest.raises(GatewayError) as caught:
            await stub.client().descriptor(KEY)
        assert (caught.value.failure, "secret" in caught.value.detail) == (failure, False)

    run(step)


def test_a_descriptor_has_bounds() -> None:
    async def step(stub: Repository) -> None:
        stub.answers[PATH] = (200, b" " * (MAX_DESCRIPTOR + 1))
        with pytest.raises(GatewayError, match="too large"):
            await stub.client().descriptor(KEY)

    run(step)


def test_a_refused_token_is_followed_by_one_other() -> None:
    async def step(stub: Repository) -> None:
        stub.answers[PATH] = (200, b"{}")
        stub.refuses = {"html5-acme-1"}
        assert await stub.client().descriptor(KEY) == "{}"
        stub.refuses = {"html5-acme-2", "html5-acme-3"}
        with pytest.raises(GatewayError) as caught:
            await stub.client().descriptor(KEY)
        assert caught.value.failure is Failure.HTML5_REPOSITORY_REFUSED
        assert len(stub.calls) == 4

    run(step)


def test_a_repository_that_is_away_or_too_slow_is_unavailable() -> None:
    async def step(stub: Repository) -> None:
        stub.gate.clear()
        with pytest.raises(GatewayError, match="in time") as caught:
            await stub.client(timeout=0.05).descriptor(KEY)
        assert caught.value.failure is Failure.HTML5_REPOSITORY_UNAVAILABLE
        stub.port = 1
        with pytest.raises(GatewayError, match="cannot be reached: connection refused") as caught:
            await stub.client().descriptor(KEY)
        assert caught.value.failure is Failure.HTML5_REPOSITORY_UNAVAILABLE

    run(step)


def test_without_limit_the_repository_may_take_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repository_client, "_DEFAULT_SECONDS", 0.05)

    async def step(stub: Repository) -> None:
        stub.answers[PATH] = (200, b"{}")
        stub.gate.clear()
        patient = asyncio.ensure_future(stub.client(timeout=math.inf).descriptor(KEY))
        with pytest.raises(GatewayError, match="in time"):
            await stub.client().descriptor(KEY)
        assert not patient.done()
        stub.gate.set()
        assert await patient == "{}"

    run(step)


def test_unknown_app_hosts_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def step(stub: Repository) -> None:
        stub.answers[PATH] = (200, b"{}")
        stub.extra = "x-invalid-app-host-id: h2\r\n"
        with caplog.at_level(logging.WARNING, "gangway.html5_repository"):
            await stub.client().descriptor(KEY)
        assert "app-host" in caplog.text

    run(step)


def test_a_tenant_that_is_refused_a_token_reads_with_the_providers() -> None:
    async def step(stub: Repository) -> None:
        stub.answers[PATH] = (200, b"{}")
        stub.tokens.refused = {"globex"}
        client = stub.client()
        for _ in range(3):
            await client.descriptor(AppKey(SUBSCRIBER, "shop-1.0.0", "shop-1.0.0"))
        assert {call.headers["authorization"] for call in stub.calls} == {"Bearer html5-acme-1"}
        assert stub.tokens.asked == ["globex", "acme", "acme", "acme"]
        stub.tokens.refused = {"acme"}
        with pytest.raises(GatewayError) as caught:
            await client.descriptor(KEY)
        assert caught.value.failure is Failure.XSUAA_REFUSED

    run(step)
