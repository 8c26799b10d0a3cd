"""Applications are looked up once in a while, and stay when the repository is down."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from app.bindings.business_service import BusinessService, BusinessServices
from app.errors import Failure, GatewayError
from app.html5_repository.app_address import AppHosts, DirectRouting
from app.html5_repository.hosted_apps import ABSENT_SECONDS, FRESH_SECONDS, RETRY_SECONDS, STALE_SECONDS, HostedApps
from app.html5_repository.repository_client import AppKey
from app.routing.descriptor import Descriptor
from tests.html5_repository.repository_stub import PROVIDER, SUBSCRIBER, Repository, repository
from tests.support.running import eventually

COUNTRY = BusinessService.model_validate(
    {"sap.cloud.service": "com.country", "sap.cloud.service.alias": "cty", "html5-apps-repo": {"app_host_id": "h"}}
)
SHOP = "/shop/xs-app.json"


class World:
    """A repository, applications found in it, and a clock that stands still."""

    def __init__(self, stub: Repository) -> None:
        self.stub = stub
        self.now = 1000.0
        self.built: list[AppKey] = []
        hosts = AppHosts(BusinessServices((COUNTRY,)), ["my.own"])
        self.apps = HostedApps(stub.client(), hosts, DirectRouting(["^own$"]), self._build, lambda: self.now)

    def _build(self, key: AppKey, descriptor: Descriptor) -> str:
        self.built.append(key)
        return descriptor.welcome_file or ""

    async def find(self, target: str) -> str | None:
        found = await self.apps.find(target, PROVIDER)
        return found.built if found is not None else None


def run(step: Callable[[World], Awaitable[None]]) -> None:
    async def main() -> None:
        async with repository() as stub:
            stub.answers[SHOP] = (200, b'{"welcomeFile": "one.html"}')
            world = World(stub)
            await step(world)
            await world.apps.aclose()

    asyncio.run(main())


def test_an_application_is_looked_up_once_a_minute() -> None:
    async def step(world: World) -> None:
        assert [await world.find("/shop/a"), await world.find("/shop/b?c=d")] == ["one.html", "one.html"]
        world.stub.answers[SHOP] = (200, b'{"welcomeFile": "two.html"}')
        world.now += FRESH_SECONDS - 1
        assert await world.find("/shop/a") == "one.html"
        world.now += 1
        assert await world.find("/shop/a") == "two.html"
        assert len(world.stub.calls) == 2

    run(step)


def test_the_query_can_ask_for_what_is_there_now() -> None:
    async def step(world: World) -> None:
        await world.find("/shop/a")
        world.stub.answers[SHOP] = (200, b'{"welcomeFile": "two.html"}')
        assert await world.find("/shop/a?x=1&skipXSAppJsonCache=true") == "two.html"
        assert await world.find("/shop/a?skipXSAppJsonCache=false") == "two.html"
        assert len(world.stub.calls) == 2

    run(step)


def test_many_who_ask_at_once_cause_one_look_up() -> None:
    async def step(world: World) -> None:
        world.stub.gate.clear()
        asking = [asyncio.ensure_future(world.find("/shop/a?skipXSAppJsonCache=true")) for _ in range(50)]
        await eventually(lambda: bool(world.stub.calls))
        world.stub.gate.set()
        assert set(await asyncio.gather(*asking)) == {"one.html"}
        assert len(world.stub.calls) == 1

    run(step)


def test_whatever_app_host_an_address_names_it_is_the_same_application_and_is_looked_up_once() -> None:
    async def step(world: World) -> None:
        for number in range(20):
            app_host = f"1bd7c044-6cf4-4c5a-b904-2d3f44cd{number:04}"
            assert await world.find(f"/{app_host}.myown.shop/a") == "one.html"
        assert [key.segment for key in world.built] == ["myown.shop"]
        assert [call.headers.get("x-app-host-id") for call in world.stub.calls] == [None]

    run(step)


def test_what_is_no_application_is_not_asked_for_again_at_once() -> None:
    async def step(world: World) -> None:
        for _ in range(3):
            assert await world.find("/api/x") is None
        assert world.stub.paths == ["/api/xs-app.json", "/api/manifest.json"]
        world.stub.answers["/api/xs-app.json"] = (200, b"{}")
        world.now += ABSENT_SECONDS
        assert await world.find("/api/x") == ""

    run(step)


def test_an_application_that_was_removed_is_gone() -> None:
    async def step(world: World) -> None:
        await world.find("/shop/a")
        del world.stub.answers[SHOP]
        assert await world.find("/shop/a?skipXSAppJsonCache=true") is None
        assert await world.find("/shop/a") is None

    run(step)


@pytest.mark.parametrize("status", [500, 503])
def test_what_was_there_last_stands_in_for_a_repository_that_is_down(status: int) -> None:
    async def step(world: World) -> None:
        await world.find("/shop/a")
        world.stub.answers[SHOP] = (status, b"")
        world.now += FRESH_SECONDS
        assert [await world.find("/shop/a"), await world.find("/shop/a")] == ["one.html", "one.html"]
        assert len(world.stub.calls) == 2
        world.now += RETRY_SECONDS
        assert await world.find("/shop/a") == "one.html"
        assert len(world.stub.calls) == 3
        world.now += STALE_SECONDS
        if status == 503:  # this is also what the repository says about what it does not have
            assert await world.find("/shop/a") is None
        else:
            with pytest.raises(GatewayError) as caught:
                await world.find("/shop/a")
            assert caught.value.failure is Failure.HTML5_REPOSITORY_UNAVAILABLE

    run(step)


def test_a_refusal_is_not_papered_over() -> None:
    async def step(world: World) -> None:
        await world.find("/shop/a")
        world.stub.answers[SHOP] = (403, b"")
        with pytest.raises(GatewayError) as caught:
            await world.find("/shop/a?skipXSAppJsonCache=true")
        assert caught.value.failure is Failure.HTML5_REPOSITORY_REFUSED

    run(step)


@pytest.mark.parametrize("text", [b"{", b"[]", b'{"nonsense": 1}', b'{"routes": [{"source": "("}]}', b"\xff\xfe"])
def test_a_descriptor_that_is_wrong_is_named(text: bytes) -> None:
    async def step(world: World) -> None:
        world.stub.answers[SHOP] = (200, text)
        with pytest.raises(GatewayError, match="'shop'") as caught:
            await world.find("/shop/a")
        assert caught.value.failure is Failure.HTML5_APP_UNUSABLE
        assert world.built == []

    run(step)


def test_what_cannot_be_in_the_repository_is_not_asked_for() -> None:
    async def step(world: World) -> None:
        for target in ("/", "/own/x", "/login/callback", "/favicon.ico", "/unknown.shop/x", "/a%20b/x"):
            assert await world.find(target) is None
        assert world.stub.calls == []

    run(step)


def test_tenants_prefixes_and_versions_are_kept_apart() -> None:
    async def step(world: World) -> None:
        world.stub.answers["/shop-1.0.0/xs-app.json"] = (200, b"{}")
        for target in ("/shop/a", "/cty.shop/a", "/comcountry.shop/a", "/shop-1.0.0/a"):
            for tenant in (PROVIDER, SUBSCRIBER):
                assert await world.apps.find(target, tenant) is not None
                assert await world.apps.find(target, tenant) is not None
        assert len(world.stub.calls) == len(world.built) == 8
        assert [call.headers.get("x-app-host-id", "") for call in world.stub.calls] == [
            "",
            "",
            "h",
            "h",
            "h",
            "h",
            "",
            "",
        ]
        assert world.built[2] == AppKey(PROVIDER, "cty.shop", "shop", "h")

    run(step)
