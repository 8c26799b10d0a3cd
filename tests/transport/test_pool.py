"""The pool case by case: bounds, order, deadlines, eviction."""

from __future__ import annotations

import asyncio

import pytest

from app.errors import Failure, GatewayError
from app.principal import Tenant, UserPrincipal
from app.transport.pool import Pool, PoolLimits
from app.transport.pool_key import DirectKey, OnPremiseKey, Proxy
from tests.support.fake_connections import FakeConnection, FakeOpener, mine
from tests.support.running import eventually, run, settled

KEY = DirectKey("erp", 443)


def user_key(number: int) -> OnPremiseKey:
    principal = UserPrincipal(Tenant("t", "acme"), "sap.default", f"user-{number}")
    return OnPremiseKey(Proxy("proxy", 20003), principal, "", "erp", 80)


def test_the_socket_used_last_is_used_next() -> None:
    async def test() -> None:
        pool = Pool(FakeOpener(), PoolLimits())
        first, second = await pool.take(KEY), await pool.take(KEY)
        pool.give(first)
        pool.give(second)
        assert await pool.take(KEY) is second
        assert await pool.take(KEY) is first

    run(test())


def test_a_fresh_socket_is_no_used_one() -> None:
    async def test() -> None:
        pool = Pool(FakeOpener(), PoolLimits(per_key=1))
        used = mine(await pool.take(KEY))
        pool.give(used)
        assert await pool.take(KEY, fresh=True) is not used
        assert used.closed

    run(test())


def test_a_fresh_socket_is_no_handed_over_one() -> None:
    async def test() -> None:
        pool = Pool(FakeOpener(), PoolLimits(per_key=1))
        used = await pool.take(KEY)
        waiting = asyncio.create_task(pool.take(KEY, fresh=True))
        await settled()
        pool.give(used)
        assert await waiting is not used
        assert pool.sockets == 1

    run(test())


def test_those_who_wait_are_served_in_order_and_not_overtaken() -> None:
    async def test() -> None:
        pool = Pool(FakeOpener(), PoolLimits(per_key=1))
        in_hand = mine(await pool.take(KEY))
        order: list[int] = []

        async def use(number: int, *, clean: bool) -> None:
            connection = mine(await pool.take(KEY))
            order.append(number)
            await settled()
            connection.clean = clean
            pool.give(connection)

        tasks = [asyncio.create_task(use(number, clean=number % 2 == 0)) for number in range(6)]
        await settled()
        in_hand.clean = False
        pool.give(in_hand)
        await use(6, clean=True)  # asks before the first of the others has been woken
        await asyncio.gather(*tasks)
        assert order == [0, 1, 2, 3, 4, 5, 6]

    run(test())


def test_waiting_ends_at_the_deadline() -> None:
    async def test() -> None:
        pool = Pool(FakeOpener(), PoolLimits(per_key=1, wait_seconds=0.01))
        connection = await pool.take(KEY)
        with pytest.raises(GatewayError) as caught:
            await pool.take(KEY)
        assert caught.value.failure is Failure.BACKEND_BUSY
        pool.give(connection)
        assert (pool.busy, pool.sockets) == (0, 1)

    run(test())


@pytest.mark.parametrize("clean", [True, False])
def test_a_place_that_falls_to_one_who_has_just_left_goes_to_the_next(clean: bool) -> None:
    async def test() -> None:
        pool = Pool(FakeOpener(), PoolLimits(per_key=1))
        connection = mine(await pool.take(KEY))
        first, second = asyncio.create_task(pool.take(KEY)), asyncio.create_task(pool.take(KEY))
        await settled()
        connection.clean = clean
        pool.give(connection)
        first.cancel()
        pool.give(await second)
        assert (pool.busy, pool.sockets) == (0, 1)

    run(test())


def test_a_socket_that_closes_while_it_is_handed_over_is_replaced() -> None:
    async def test() -> None:
        pool = Pool(FakeOpener(), PoolLimits(per_key=1))
        connection = mine(await pool.take(KEY))
        waiting = asyncio.create_task(pool.take(KEY))
        await settled()
        pool.give(connection)
        connection.gone()
        pool.give(await waiting)
        assert (pool.busy, pool.sockets) == (0, 1)

    run(test())


def test_an_opening_that_fails_or_is_given_up_leaves_its_place() -> None:
    async def test() -> None:
        opener = FakeOpener()
        pool = Pool(opener, PoolLimits(per_key=1))
        opener.failing = True
        with pytest.raises(GatewayError):
            await pool.take(KEY)
        opener.failing, opener.holding = False, True
        opening, waiting = asyncio.create_task(pool.take(KEY)), asyncio.create_task(pool.take(KEY))
        await eventually(lambda: pool.busy == 1)
        opener.holding = False
        opening.cancel()
        pool.give(await waiting)
        assert (pool.busy, pool.sockets) == (0, 1)

    run(test())


def test_in_total_the_keys_used_longest_ago_give_up_their_idle_sockets() -> None:
    async def test() -> None:
        opener = FakeOpener()
        pool = Pool(opener, PoolLimits(total=3))
        taken = [mine(await pool.take(user_key(number))) for number in range(3)]
        for connection in taken:
            pool.give(connection)
        pool.give(await pool.take(user_key(0)))
        await pool.take(user_key(3))
        assert [connection.closed for connection in taken] == [False, True, False]
        assert pool.sockets == 3

    run(test())


def test_with_all_sockets_busy_a_further_one_is_refused() -> None:
    async def test() -> None:
        pool = Pool(FakeOpener(), PoolLimits(total=2))
        taken = [await pool.take(user_key(number)) for number in range(2)]
        with pytest.raises(GatewayError) as caught:
            await pool.take(user_key(2))
        assert caught.value.failure is Failure.OVERLOADED
        for connection in taken:
            pool.give(connection)
        assert (pool.busy, pool.sockets, pool.keys) == (0, 2, 2)

    run(test())


def test_tens_of_thousands_of_users_leave_few_sockets_and_no_keys() -> None:
    async def test() -> None:
        opener = FakeOpener()
        pool = Pool(opener, PoolLimits(total=50))
        for number in range(20_000):
            connection = mine(await pool.take(user_key(number)))
            assert connection.key == user_key(number)
            pool.give(connection)
        assert (pool.sockets, pool.keys, opener.open_now) == (50, 50, 50)
        pool.close()
        assert (pool.sockets, pool.keys, opener.open_now) == (0, 0, 0)

    run(test())


@pytest.mark.parametrize(
    "other",
    [
        OnPremiseKey(Proxy("proxy", 20003), user_key(1).principal, "", "erp", 80),
        OnPremiseKey(Proxy("proxy", 20003), user_key(0).principal, "frankfurt", "erp", 80),
        OnPremiseKey(Proxy("proxy", 20003), user_key(0).principal, "", "crm", 80),
        OnPremiseKey(Proxy("proxy", 20003), user_key(0).principal, "", "erp", 81),
        OnPremiseKey(Proxy("proxy", 20003), user_key(0).principal, "", "erp", 80, Tenant("u", "umbrella")),
    ],
)
def test_whatever_differs_in_the_key_keeps_sockets_apart(other: OnPremiseKey) -> None:
    """Cases 66 and 67."""

    async def test() -> None:
        pool = Pool(FakeOpener(), PoolLimits())
        connection = await pool.take(user_key(0))
        pool.give(connection)
        assert pool.take_idle(other) is None
        assert pool.take_idle(user_key(0)) is connection

    run(test())


def test_without_reuse_every_socket_serves_once() -> None:
    """DISABLE_CONNECTION_REUSE."""

    async def test() -> None:
        opener = FakeOpener()
        pool = Pool(opener, PoolLimits(reuse=False))
        for _ in range(3):
            pool.give(await pool.take(KEY))
        assert len(opener.opened) == 3
        assert (opener.open_now, pool.sockets, pool.keys) == (0, 0, 0)

    run(test())


def test_idle_sockets_are_closed_after_their_time() -> None:
    async def test() -> None:
        opener = FakeOpener()
        pool = Pool(opener, PoolLimits(idle_seconds=0.01))
        in_use = mine(await pool.take(KEY))
        pool.give(await pool.take(KEY))
        await eventually(lambda: opener.open_now == 1)
        assert not in_use.closed
        pool.give(in_use)
        await eventually(lambda: pool.sockets == 0)
        assert pool.keys == 0

    run(test())


def test_a_detached_socket_is_the_pools_no_more() -> None:
    async def test() -> None:
        pool = Pool(FakeOpener(), PoolLimits(per_key=1))
        tunnel: FakeConnection = mine(await pool.take(KEY))
        waiting = asyncio.create_task(pool.take(KEY))
        await settled()
        pool.detach(tunnel)
        assert await waiting is not tunnel
        assert not tunnel.closed
        assert pool.sockets == 1

    run(test())
