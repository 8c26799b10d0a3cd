from __future__ import annotations

from pathlib import Path

import pytest

from app.sessions.driver import load_driver
from app.sessions.external_store import ExternalSessionStore
from app.sessions.store import SessionStore
from tests.sessions.store_contract import LIFETIME, Clock, StoreContract

HERE = "tests.sessions.own_driver"


class TestOwnDriver(StoreContract):
    def make(self, clock: Clock) -> SessionStore:
        return ExternalSessionStore(
            load_driver(f"{HERE}:make_table", Path())({}), "s" * 64, LIFETIME, clock, touch_every=0
        )


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
