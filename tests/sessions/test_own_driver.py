from __future__ import annotations

from pathlib import Path

import pytest

from app.errors import Failure, GatewayError
from app.sessions.driver import load_driver
from app.sessions.external_store import ExternalSessionStore
from app.sessions.guarded_table import GuardedTable
from app.sessions.store import SessionStore
from tests.sessions.failing_driver import FailingTable
from tests.sessions.store_contract import LIFETIME, Clock, StoreContract, new_session
from tests.support.running import run

HERE = "tests.sessions.own_driver"


class TestOwnDriver(StoreContract):
    def make(self, clock: Clock) -> SessionStore:
        table = GuardedTable(load_driver(f"{HERE}:make_table", Path())({}), "mine")
        return ExternalSessionStore(table, "s" * 64, LIFETIME, clock, touch_every=0)


@pytest.mark.parametrize("error", [KeyError("secret-1"), OSError(), TimeoutError(), ValueError()])
def test_whatever_a_driver_raises_the_store_does_not_answer_and_the_log_says_why(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    async def test() -> None:
        table, clock = FailingTable(), Clock()
        store = ExternalSessionStore(GuardedTable(table, "mine"), "s" * 64, LIFETIME, clock, touch_every=0)
        await store.add(session := new_session(clock))
        table.error = error
        for _ in range(3):
            with pytest.raises(GatewayError) as caught:
                await store.load(session.key)
            assert (caught.value.failure, "secret-1" in caught.value.detail) == (Failure.STORE_UNAVAILABLE, False)
        with pytest.raises(GatewayError):
            await store.expire()
        table.error = None
        assert await store.load(session.key)
        [told] = caplog.records
        assert told.exc_info is not None
        assert told.exc_info[1] is error

    run(test())


def test_what_a_driver_says_in_our_words_is_passed_on() -> None:
    async def test() -> None:
        table = FailingTable()
        table.error = GatewayError(Failure.STORE_UNAVAILABLE, "it is away")
        with pytest.raises(GatewayError, match="it is away"):
            await GuardedTable(table, "mine").read(b"k")

    run(test())


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("./src/storage/my-store", "an import path"),
        (f"{HERE}:", "an import path"),
        (":make_table", "an import path"),
        ("..:make_table", "can be imported"),
        ("no_such_module_anywhere:make_table", "can be imported"),
        (f"{HERE}:no_such_function", "a function no_such_function"),
        (f"{HERE}:NOT_A_FUNCTION", "a function NOT_A_FUNCTION"),
    ],
)
def test_what_is_no_driver_is_refused_with_what_is_allowed(path: str, allowed: str) -> None:
    with pytest.raises(ValueError, match=allowed):
        load_driver(path, Path())
