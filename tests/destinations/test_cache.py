"""How long a found destination is used, and by whom."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

import pytest

from app.destination_url import DestinationUrl
from app.destinations.cache import FRESH, REVALIDATE, STALE, DestinationCache, DestinationKey, Found
from app.destinations.destination import Destination, Sought
from app.errors import Failure, GatewayError
from app.principal import AnonymousCaller, Caller, Tenant, UserPrincipal
from tests.destinations.platform_stub import ANYBODY, PROVIDER, SUBSCRIBER, user

KEY = DestinationKey.of(ANYBODY, Sought("erp"))


class Clock:
    """Time that passes when told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Source:
    """Loads numbered destinations, or fails."""

    lifetime: float = math.inf
    loads: int = 0
    failure: Failure | None = None
    gate: asyncio.Event | None = None

    def load(self) -> Coroutine[Any, Any, Found]:
        return self._load()

    async def _load(self) -> Found:
        self.loads += 1
        number = self.loads
        if self.gate is not None:
            await self.gate.wait()
        if self.failure is not None:
            raise GatewayError(self.failure)
        return Found(Destination("erp", DestinationUrl(False, "host", number)), self.lifetime)


class Scene:
    """A cache, its clock and its source."""

    def __init__(self, lifetime: float = math.inf, limit: int = 10) -> None:
        self.clock = Clock()
        self.cache = DestinationCache(limit, self.clock)
        self.source = Source(lifetime)

    async def get(self, key: DestinationKey = KEY) -> int:
        """Which load the destination comes from."""
        return (await self.cache.get(key, self.source.load)).destination.url.port

    async def settle(self) -> None:
        """Let renewals in the background end."""
        for _ in range(5):
            await asyncio.sleep(0)


def test_a_destination_is_fresh_for_minutes() -> None:
    async def main() -> None:
        scene = Scene()
        assert await scene.get() == 1
        scene.clock.now += FRESH - 1
        assert await scene.get() == 1
        assert scene.source.loads == 1
        resolved = await scene.cache.get(KEY, scene.source.load)
        assert resolved.expires_at == 1000 + FRESH

    asyncio.run(main())


def test_right_after_it_is_served_once_more_while_it_is_renewed() -> None:
    async def main() -> None:
        scene = Scene()
        await scene.get()
        scene.clock.now += FRESH + 1
        stale = await scene.cache.get(KEY, scene.source.load)
        assert (stale.destination.url.port, stale.expires_at) == (1, scene.clock.now)
        await scene.settle()
        assert await scene.get() == 2
        assert scene.source.loads == 2

    asyncio.run(main())


def test_later_it_is_renewed_first() -> None:
    async def main() -> None:
        scene = Scene()
        await scene.get()
        scene.clock.now += FRESH + REVALIDATE
        assert await scene.get() == 2

    asyncio.run(main())


def test_a_stale_one_stands_in_while_the_service_is_down_but_not_for_ever() -> None:
    async def main() -> None:
        scene = Scene()
        await scene.get()
        scene.source.failure = Failure.DESTINATION_SERVICE_UNAVAILABLE
        scene.clock.now += FRESH + STALE - 1
        assert await scene.get() == 1
        scene.clock.now += 1
        with pytest.raises(GatewayError):
            await scene.get()
        scene.source.failure = None
        assert await scene.get() == 4

    asyncio.run(main())


def test_a_service_that_is_down_is_asked_less_and_less_often() -> None:
    async def main() -> None:
        scene = Scene()
        await scene.get()
        scene.source.failure = Failure.XSUAA_UNAVAILABLE
        scene.clock.now += FRESH + REVALIDATE
        for _ in range(600):
            assert await scene.get() == 1
            scene.clock.now += 0.5
        assert 10 <= scene.source.loads <= 20

    asyncio.run(main())


@pytest.mark.parametrize(
    "failure",
    [Failure.DESTINATION_UNKNOWN, Failure.DESTINATION_TOKEN_FAILED, Failure.DESTINATION_UNUSABLE],
)
def test_any_other_failure_of_a_renewal_ends_it(failure: Failure) -> None:
    async def main() -> None:
        scene = Scene()
        await scene.get()
        scene.source.failure = failure
        scene.clock.now += FRESH + 1
        assert await scene.get() == 1
        await scene.settle()
        with pytest.raises(GatewayError):
            await scene.get()
        assert len(scene.cache) == 0

    asyncio.run(main())


def test_who_wants_it_newer_gets_it_newer_or_what_there_is() -> None:
    async def main() -> None:
        scene = Scene()
        await scene.get()
        scene.clock.now += 10
        newer = await scene.cache.get(KEY, scene.source.load, found_since=1005)
        assert newer.destination.url.port == 2
        assert (await scene.cache.get(KEY, scene.source.load, found_since=1010)).destination.url.port == 2
        scene.source.failure = Failure.DESTINATION_SERVICE_UNAVAILABLE
        assert (await scene.cache.get(KEY, scene.source.load, found_since=1011)).destination.url.port == 2

    asyncio.run(main())


def test_failures_are_not_kept() -> None:
    async def main() -> None:
        scene = Scene()
        scene.source.failure = Failure.DESTINATION_UNKNOWN
        with pytest.raises(GatewayError):
            await scene.get()
        scene.source.failure = None
        assert await scene.get() == 2

    asyncio.run(main())


@pytest.mark.parametrize("lifetime", [3600.0, 100.0, 10.0])
def test_nothing_outlives_its_token_even_while_the_service_is_down(lifetime: float) -> None:
    async def main() -> None:
        scene = Scene(lifetime)
        resolved = await scene.cache.get(KEY, scene.source.load)
        assert resolved.expires_at < 1000 + lifetime
        scene.source.failure = Failure.DESTINATION_SERVICE_UNAVAILABLE
        scene.clock.now += lifetime
        with pytest.raises(GatewayError):
            await scene.get()

    asyncio.run(main())


def test_what_must_not_be_kept_is_not() -> None:
    async def main() -> None:
        scene = Scene(0.0)
        assert (await scene.cache.get(KEY, scene.source.load)).expires_at == scene.clock.now
        assert await scene.get() == 2
        assert len(scene.cache) == 0

    asyncio.run(main())


def test_many_askers_cause_one_load() -> None:
    async def main() -> None:
        scene = Scene()
        scene.source.gate = asyncio.Event()
        askers = [asyncio.create_task(scene.get()) for _ in range(100)]
        await scene.settle()
        scene.source.gate.set()
        assert await asyncio.gather(*askers) == [1] * 100

    asyncio.run(main())


def test_an_asker_who_leaves_takes_nothing_from_the_others() -> None:
    async def main() -> None:
        scene = Scene()
        scene.source.gate = asyncio.Event()
        leaver, stayer = asyncio.create_task(scene.get()), asyncio.create_task(scene.get())
        await scene.settle()
        leaver.cancel()
        await scene.settle()
        scene.source.gate.set()
        assert await stayer == 1
        assert leaver.cancelled()

    asyncio.run(main())


def test_the_least_recently_used_makes_room() -> None:
    async def main() -> None:
        scene = Scene(limit=2)
        first, second, third = (DestinationKey(PROVIDER, name) for name in "abc")
        assert [await scene.get(first), await scene.get(second), await scene.get(first)] == [1, 2, 1]
        assert await scene.get(third) == 3
        assert [await scene.get(first), await scene.get(second)] == [1, 4]
        assert len(scene.cache) == 2

    asyncio.run(main())


def test_keys_tell_apart_tenants_users_and_tokens() -> None:
    callers: list[Caller] = [
        ANYBODY,
        AnonymousCaller(SUBSCRIBER),
        AnonymousCaller(Tenant("", "subscriber")),
        user("alice"),
        user("alice", issue=2),
        user("bob"),
        user("alice", SUBSCRIBER),
    ]
    both = (Sought("erp"), Sought("erp", local=True))
    assert len({DestinationKey.of(caller, sought) for caller in callers for sought in both}) == 2 * len(callers)


@pytest.mark.parametrize(
    ("tenant", "owner", "token"),
    [
        (Tenant("", ""), None, ""),
        (PROVIDER, UserPrincipal(PROVIDER, "sap.default", ""), "fingerprint"),
        (PROVIDER, UserPrincipal(PROVIDER, "sap.default", "alice"), ""),
        (PROVIDER, UserPrincipal(SUBSCRIBER, "sap.default", "alice"), "fingerprint"),
    ],
)
def test_what_belongs_to_nobody_cannot_be_kept(tenant: Tenant, owner: UserPrincipal | None, token: str) -> None:
    with pytest.raises(GatewayError):
        DestinationKey(tenant, "erp", owner, token)
