"""Backends prepared with a token of an extension's choice: kept for that token, and forgotten for it."""

from __future__ import annotations

from typing import Any, cast

import pytest

from app.backends.resolver import BackendResolver
from app.extensions.extended_forwarder import ExtendedForwarder, current_request
from app.extensions.request_info import RequestInfo
from app.principal import AnonymousCaller, Caller
from app.routing.reference import DestinationReference
from app.sessions.visitor import Visitor
from tests.destinations.platform_stub import ANYBODY, Platform, running, token_for, user
from tests.support.running import run

ALICE, PARTNER = user("alice"), user("partner")
ERP = DestinationReference("erp")


def forwarder_of(platform: Platform) -> ExtendedForwarder:
    """One that always acts as the partner."""

    async def partner(request: RequestInfo) -> str | None:
        return PARTNER.token.value

    none = cast(Any, None)
    forwarder = ExtendedForwarder(BackendResolver(platform.resolver()), none, none, none, none)
    forwarder.get_token = partner
    current_request.set(cast(RequestInfo, None))
    return forwarder


@pytest.fixture(autouse=True)
def one_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests do not span two of them."""
    monkeypatch.setattr("app.extensions.extended_forwarder.TOKEN_SECONDS", 10**9)


def test_credentials_that_a_backend_refused_are_got_anew_for_the_custom_token() -> None:
    async def test() -> None:
        for caller, visitor in ((ALICE, Visitor(ALICE)), (ANYBODY, None)):
            async with running() as platform:
                platform.answers["erp"] = token_for
                forwarder = forwarder_of(platform)
                await refused_twice(forwarder, caller, visitor)
                assert len(platform.finds) == 2

    run(test())


async def refused_twice(forwarder: ExtendedForwarder, caller: Caller, visitor: Visitor | None) -> None:
    """A backend that has had enough of its credentials, and is not pleased with others either."""
    for _ in range(3):
        backend = await forwarder._resolve(ERP, caller, visitor)
        assert (b"authorization", b"Bearer of-partner") in backend.credentials
        forwarder._forget(ERP, backend, caller, visitor)


def test_a_session_and_public_routes_keep_nothing_of_a_custom_token() -> None:
    async def test() -> None:
        async with running() as platform:
            platform.answers["erp"] = token_for
            forwarder, visitor = forwarder_of(platform), Visitor(ALICE)
            await forwarder._resolve(ERP, ALICE, visitor)
            await forwarder._resolve(ERP, AnonymousCaller(ALICE.tenant), None)
            assert visitor.prepared == {}
            assert forwarder._public == {}
            assert len(platform.finds) == 1

    run(test())
