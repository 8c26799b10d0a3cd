"""The pool against a model, over arbitrary sequences of what may happen to it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, precondition, rule

from app.errors import Failure, GatewayError
from app.transport.connection import Connection
from app.transport.pool import Pool, PoolLimits
from app.transport.pool_key import DirectKey, PoolKey
from tests.support.fake_connections import FakeConnection, FakeOpener, mine
from tests.support.running import settled

PER_KEY = 2
TOTAL = 4
KEYS = [DirectKey("a", 80), DirectKey("a", 81), DirectKey("b", 80)]
keys = st.sampled_from(KEYS)


class PoolMachine(RuleBasedStateMachine):
    """`waiting` holds takers by age, `held` the connections that exchanges have in hand."""

    takers = Bundle("takers")

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.opener = FakeOpener()
        self.waiting: list[tuple[PoolKey, asyncio.Task[Connection]]] = []
        self.held: list[FakeConnection] = []
        self.detached = 0
        self.pool = self.run(self._pool())

    async def _pool(self) -> Pool:
        return Pool(self.opener, PoolLimits(per_key=PER_KEY, total=TOTAL, wait_seconds=1000.0))

    def run(self, step: Coroutine[None, None, Pool]) -> Pool:
        return self.loop.run_until_complete(step)

    def settle(self) -> None:
        """Let all run, then take what the pool has handed out, in the order of asking."""
        self.loop.run_until_complete(settled())
        still: list[tuple[PoolKey, asyncio.Task[Connection]]] = []
        for key, task in self.waiting:
            if not task.done():
                still.append((key, task))
            elif not task.cancelled():
                self._handed(key, task, overtaken=any(key == earlier for earlier, _ in still))
        self.waiting = still

    def _handed(self, key: PoolKey, task: asyncio.Task[Connection], *, overtaken: bool) -> None:
        error = task.exception()
        if error is not None:
            assert isinstance(error, GatewayError)
            assert error.failure in (Failure.OVERLOADED, Failure.BACKEND_UNREACHABLE)
            return
        assert not overtaken or self.opener.held
        connection = mine(task.result())
        assert connection.key == key
        assert not connection.closed
        assert connection not in self.held
        self.held.append(connection)

    # -- what may happen
    @rule(key=keys, fresh=st.booleans())
    def take(self, key: PoolKey, fresh: bool) -> None:
        self.waiting.append((key, self.loop.create_task(self.pool.take(key, fresh=fresh))))
        self.settle()

    @precondition(lambda self: self.held)
    @rule(data=st.data(), clean=st.booleans())
    def give(self, data: st.DataObject, clean: bool) -> None:
        connection = self._chosen(data)
        connection.clean = clean
        self.pool.give(connection)
        self.settle()

    @precondition(lambda self: self.held)
    @rule(data=st.data(), clean=st.booleans())
    def give_and_take_at_once(self, data: st.DataObject, clean: bool) -> None:
        """The newcomer asks before those who wait have been scheduled."""
        connection = self._chosen(data)
        connection.clean = clean
        newcomer = self.loop.create_task(self._give_and_take(connection))
        self.waiting.append((connection.key, newcomer))
        self.settle()

    async def _give_and_take(self, connection: FakeConnection) -> Connection:
        self.pool.give(connection)
        return await self.pool.take(connection.key)

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def give_what_closes_on_the_way(self, data: st.DataObject) -> None:
        connection = self._chosen(data)
        self.pool.give(connection)
        connection.gone()
        if connection.pool is not None:
            connection.pool.lost(connection)
        self.settle()

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def detach(self, data: st.DataObject) -> None:
        self.pool.detach(self._chosen(data))
        self.detached += 1
        self.settle()

    @precondition(lambda self: self.waiting)
    @rule(data=st.data(), handing=st.booleans())
    def cancel(self, data: st.DataObject, handing: bool) -> None:
        """A taker gives up, perhaps at the very moment at which a place falls to him."""
        key, task = data.draw(st.sampled_from(self.waiting))
        same = [connection for connection in self.held if connection.key == key]
        if handing and same:
            self.held.remove(same[0])
            self.pool.give(same[0])
        task.cancel()
        self.settle()

    @rule(data=st.data())
    def backend_closes_an_idle_one(self, data: st.DataObject) -> None:
        idle = [one for one in self.opener.opened if not one.closed and one not in self.held and one.pool is not None]
        if idle:
            connection = data.draw(st.sampled_from(idle))
            connection.gone()
            if data.draw(st.booleans()) and connection.pool is not None:  # else: its connection_lost is on the way
                connection.pool.lost(connection)

    @rule(failing=st.booleans(), holding=st.booleans())
    def network_changes(self, failing: bool, holding: bool) -> None:
        self.opener.failing, self.opener.holding = failing, holding
        self.opener.release()
        self.settle()

    def _chosen(self, data: st.DataObject) -> FakeConnection:
        connection = data.draw(st.sampled_from(self.held))
        self.held.remove(connection)
        return connection

    # -- what always holds
    @invariant()
    def bounds_hold(self) -> None:
        assert self.pool.sockets <= TOTAL
        for key in KEYS:
            held = sum(one.key == key for one in self.held)
            idle = sum(one.key == key and not one.closed and one.pool is not None for one in self.opener.opened) - held
            assert held + idle <= PER_KEY

    @invariant()
    def gauges_tell_the_truth(self) -> None:
        opening = sum(not hold.done() for hold in self.opener.held)
        assert self.pool.busy == len(self.held) + opening
        assert self.pool.sockets >= self.opener.open_now - self.detached + opening

    @invariant()
    def nobody_waits_in_vain(self) -> None:
        for key in {key for key, _ in self.waiting}:
            held = sum(one.key == key for one in self.held)
            assert held + len(self.opener.held) >= PER_KEY or self.opener.held

    def teardown(self) -> None:
        self.opener.holding = False
        self.opener.release()
        self.settle()
        while self.held or self.waiting:
            for connection in self.held:
                self.pool.give(connection)
            self.held = []
            self.settle()
        self.loop.call_soon(self.pool.close)
        self.settle()
        assert (self.pool.busy, self.pool.sockets, self.pool.keys) == (0, 0, 0)
        assert self.opener.open_now == self.detached
        self.loop.close()


TestPoolModel = PoolMachine.TestCase
TestPoolModel.settings = settings(max_examples=120, stateful_step_count=30, deadline=None)
