"""Corporate tokens: who propagates them, and how the destination service is asked for them."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from app.destinations.corporate import CorporateTokens
from app.destinations.finder import Finder
from app.destinations.resolver import DestinationResolver
from app.principal import Tenant, UserCaller
from tests.destinations.platform_stub import (
    ANYBODY,
    PROVIDER,
    Call,
    Platform,
    Reply,
    auth_token,
    claims_of,
    find_result,
    running,
    user,
)

ON_PREMISE = {"ProxyType": "OnPremise", "Authentication": "PrincipalPropagation", "URL": "http://erp:80"}


def with_identity_service(name: str) -> UserCaller:
    """A user whose login there was a corporate one."""
    caller = user(name)
    return UserCaller(caller.token, replace(caller.token, value=caller.token.value + "-ias"))


def by_token(call: Call) -> Reply:
    """The corporate token is there for who shows the identity service's."""
    shown = call.headers.get("x-user-token", "")
    name = claims_of(shown)["user_name"] if shown else ""
    tokens = [auth_token(f"corporate-{name}")] if shown.endswith("-ias") else []
    return 200, find_result("erp", tokens, **ON_PREMISE)


def credentials_of(policy: CorporateTokens, *callers: UserCaller) -> tuple[list[str], list[str]]:
    """What is found for callers, one after the other, and the user tokens that were shown."""

    async def main() -> tuple[list[str], list[str]]:
        async with running() as platform:
            platform.answers["erp"] = by_token
            resolver = DestinationResolver({}, Finder(platform.service(), policy))
            found = [(await resolver.resolve("erp", caller)).destination.credentials for caller in callers]
            await resolver.aclose()
            return [str(dict(pairs)) for pairs in found], _shown(platform)

    return asyncio.run(main())


def _shown(platform: Platform) -> list[str]:
    return [call.headers.get("x-user-token", "")[-4:] for call in platform.finds]


def test_the_destination_is_asked_for_with_the_identity_services_token() -> None:
    everywhere = CorporateTokens(everywhere=True)
    found, shown = credentials_of(everywhere, with_identity_service("alice"), with_identity_service("bob"))
    assert "corporate-alice" in found[0]
    assert "corporate-bob" in found[1]
    assert shown.count("-ias") == 2
    assert len(shown) == 3  # the first find of all tells what kind of destination it is


def test_who_logged_in_elsewhere_gets_none_and_takes_none_away() -> None:
    alice = with_identity_service("alice")
    found, _ = credentials_of(CorporateTokens(everywhere=True), alice, user("carl"), with_identity_service("dora"))
    assert "corporate-alice" in found[0]
    assert found[1] == "{}"
    assert "corporate-dora" in found[2]


def test_attack_69_a_corporate_token_is_not_for_who_shows_the_users_other_token_alone() -> None:
    alice = with_identity_service("alice")
    found, _ = credentials_of(CorporateTokens(everywhere=True), alice, UserCaller(alice.token))
    assert "corporate-alice" in found[0]
    assert found[1] == "{}"


def test_nothing_changes_where_it_is_switched_off() -> None:
    found, shown = credentials_of(CorporateTokens(), with_identity_service("alice"), with_identity_service("bob"))
    assert found == ["{}", "{}"]
    assert "-ias" not in shown


@pytest.mark.parametrize(
    ("setting", "applies"),
    [
        ("true", True), ("TRUE", True), ("false", False), ("", False),
        ("provider", True), ("other, Provider", True), ("other", False), ("provider2", False),
    ],
)  # fmt: skip
def test_the_setting_names_all_or_some_subdomains(setting: str, applies: bool) -> None:
    policy = CorporateTokens.of_setting(setting)
    assert policy.apply_to(PROVIDER) is applies
    assert (policy.token(with_identity_service("alice")) is not None) is applies
    assert policy.token(ANYBODY) is None
    assert policy.token(user("carl")) is None


def test_a_tenant_without_a_name_is_not_meant_by_a_list() -> None:
    assert not CorporateTokens.of_setting("a,,b").apply_to(Tenant("id", ""))
