from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace

import pytest

from app.clients import PlatformClients
from app.errors import GatewayError
from app.principal import Tenant, UserPrincipal, UserToken
from app.tokens.grants import Grants
from app.tokens.token_cache import TokenCache
from tests.tokens.token_server import ZONE, TokenServer, make_token, token_server

OWN = Tenant(ZONE, "acme")
ALICE = UserToken(UserPrincipal(OWN, "sap.default", "alice"), make_token(), frozenset(), 2**40)
BOB = replace(ALICE, principal=replace(ALICE.principal, user_id="bob"), value=make_token())


@pytest.fixture
def server() -> Iterator[TokenServer]:
    with token_server() as running:
        yield running


def use(work: Callable[[TokenCache], Awaitable[None]], limit: int = 100) -> None:
    async def run() -> None:
        clients = PlatformClients(timeout=5)
        await work(TokenCache(Grants(clients), limit))
        await clients.aclose()

    asyncio.run(run())


def test_a_token_is_fetched_once_for_many_who_want_it_together(server: TokenServer) -> None:
    binding = server.binding()
    server.delay = 0.05

    async def work(cache: TokenCache) -> None:
        tokens = await asyncio.gather(*(cache.technical(binding, OWN) for _ in range(50)))
        assert len({*tokens, await cache.technical(binding, OWN)}) == 1

    use(work)
    assert len(server.asked) == 1


def test_attack_69_tenants_users_and_clients_never_share_a_token(server: TokenServer) -> None:
    binding = server.binding()
    other_client = server.binding(clientid="sb-destination!b1")
    renewed = replace(ALICE, value=make_token())

    async def work(cache: TokenCache) -> None:
        tokens = [
            await cache.technical(binding, OWN),
            await cache.technical(binding, Tenant("other-zone", "")),
            await cache.technical(other_client, OWN),
            await cache.exchanged(binding, ALICE),
            await cache.exchanged(binding, BOB),
            await cache.exchanged(other_client, ALICE),
            await cache.exchanged(binding, renewed),
        ]
        assert len(set(tokens)) == len(tokens)
        assert await cache.exchanged(binding, BOB) == tokens[4]

    use(work)
    assert len(server.asked) == 7


def test_a_refused_token_can_be_forgotten(server: TokenServer) -> None:
    binding = server.binding()

    async def work(cache: TokenCache) -> None:
        technical, exchanged = await cache.technical(binding, OWN), await cache.exchanged(binding, ALICE)
        cache.forget_technical(binding, OWN)
        cache.forget_exchanged(binding, ALICE)
        assert await cache.technical(binding, OWN) != technical
        assert await cache.exchanged(binding, ALICE) != exchanged

    use(work)


def test_a_token_of_unknown_life_is_not_kept(server: TokenServer) -> None:
    binding = server.binding()
    server.script.append((200, {"access_token": "short"}, {}))

    async def work(cache: TokenCache) -> None:
        assert await cache.technical(binding, OWN) == "short"
        assert await cache.technical(binding, OWN) != "short"

    use(work)


def test_all_who_wait_learn_of_a_failure_and_the_next_one_tries_again(server: TokenServer) -> None:
    binding = server.binding()
    server.delay = 0.05
    server.script.append((401, {"error": "invalid_client"}, {}))

    async def work(cache: TokenCache) -> None:
        results = await asyncio.gather(*(cache.technical(binding, OWN) for _ in range(5)), return_exceptions=True)
        assert all(isinstance(result, GatewayError) for result in results)
        assert await cache.technical(binding, OWN)

    use(work)
    assert len(server.asked) == 2


def test_one_who_gives_up_does_not_stop_the_others(server: TokenServer) -> None:
    binding = server.binding()
    server.delay = 0.1

    async def work(cache: TokenCache) -> None:
        impatient = asyncio.create_task(cache.technical(binding, OWN))
        patient = asyncio.create_task(cache.technical(binding, OWN))
        await asyncio.sleep(0)
        impatient.cancel()
        assert await patient
        assert impatient.cancelled()

    use(work)
    assert len(server.asked) == 1


def test_the_cache_is_bounded(server: TokenServer) -> None:
    binding = server.binding()

    async def work(cache: TokenCache) -> None:
        for number in (1, 2, 3, 1):
            await cache.technical(binding, Tenant(f"zone-{number}", ""))

    use(work, limit=2)
    assert len(server.asked) == 4
