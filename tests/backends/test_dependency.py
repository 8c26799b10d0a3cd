"""Destinations that name a dependency: what becomes of their credentials."""

from __future__ import annotations

import asyncio
import math
import time
from dataclasses import replace

import pytest

from app.backends.dependency import with_dependency
from app.destination_url import parse_url
from app.destinations.destination import Destination
from app.principal import Caller, UserToken
from tests.destinations.platform_stub import ANYBODY, claims_of, jwt, user, user_of_identity_service

CAROL = user_of_identity_service("carol")
SHOP = Destination("shop", parse_url("https://shop.example"), ias_dependency="to-shop", forward_auth_token=True)


class Exchange:
    """Exchanges tokens; `shown` are those it was given."""

    def __init__(self) -> None:
        self.shown: list[UserToken] = []

    async def token(self, ias_token: UserToken, dependency: str) -> str:
        self.shown.append(ias_token)
        return jwt(dependency=dependency, exp=int(time.time()) + 100)

    def forget(self, ias_token: UserToken, dependency: str) -> None:
        """Nothing is kept."""


def reached(destination: Destination, caller: Caller) -> tuple[Destination, float, Exchange]:
    exchange = Exchange()
    found, ends_at = asyncio.run(with_dependency(destination, caller, math.inf, exchange))
    return found, ends_at, exchange


def test_the_id_token_is_exchanged_and_the_result_sent_instead_of_any_other() -> None:
    found, ends_at, exchange = reached(SHOP, CAROL)
    assert claims_of(dict(found.credentials)[b"authorization"].decode())["dependency"] == "to-shop"
    assert not found.forward_auth_token
    assert 90 < ends_at - time.monotonic() < 101
    assert exchange.shown == [CAROL.ias_token]


def test_what_a_destination_brings_is_kept() -> None:
    basic = replace(SHOP, credentials=((b"authorization", b"Basic dTpw"),), forward_auth_token=False)
    found, ends_at, exchange = reached(basic, CAROL)
    assert (found, ends_at, exchange.shown) == (basic, math.inf, [])


@pytest.mark.parametrize("caller", [ANYBODY, user("alice"), replace(CAROL, ias_token=None, access_token=None)])
def test_who_has_not_logged_in_there_has_nothing_to_exchange(caller: Caller) -> None:
    found, ends_at, exchange = reached(SHOP, caller)
    assert (found, ends_at, exchange.shown) == (SHOP, math.inf, [])
