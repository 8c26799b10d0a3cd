"""The table of protocols 4.6, row by row."""

from __future__ import annotations

import pytest

from app.destinations.destination import Traits
from app.destinations.find_plan import FindPlan, plan_find, tenants_to_ask
from app.principal import AnonymousCaller, Caller, Tenant
from tests.destinations.platform_stub import PROVIDER, SUBSCRIBER, user

ALICE = user("alice")
SUSAN = user("susan", SUBSCRIBER)
NOBODY = AnonymousCaller(PROVIDER)
SUBSCRIBERS_NOBODY = AnonymousCaller(SUBSCRIBER)
SHARED, OF_USER, COMMON = Traits(), Traits(of_user=True), Traits(common_token_url=True)
RFC_8693 = Traits(of_user=True, subject_token=True)


@pytest.mark.parametrize(
    ("caller", "kept_in", "traits", "plan"),
    [
        # nobody: client credentials at the tenant that keeps the destination
        (NOBODY, PROVIDER, None, FindPlan(PROVIDER)),
        (NOBODY, PROVIDER, OF_USER, FindPlan(PROVIDER)),
        (SUBSCRIBERS_NOBODY, SUBSCRIBER, None, FindPlan(SUBSCRIBER)),
        (SUBSCRIBERS_NOBODY, PROVIDER, None, FindPlan(PROVIDER)),
        # a user of the destination's own tenant
        (ALICE, PROVIDER, None, FindPlan(PROVIDER, user=ALICE.token)),
        (ALICE, PROVIDER, OF_USER, FindPlan(PROVIDER, user=ALICE.token)),
        # a subscriber's user: client credentials at that tenant, the user's token beside it
        (SUSAN, SUBSCRIBER, OF_USER, FindPlan(SUBSCRIBER, user=SUSAN.token)),
        (SUSAN, PROVIDER, OF_USER, FindPlan(PROVIDER, user=SUSAN.token)),
        # a destination that all of the tenant share needs no user
        (ALICE, PROVIDER, SHARED, FindPlan(PROVIDER)),
        (SUSAN, PROVIDER, SHARED, FindPlan(PROVIDER)),
        # tokenServiceURLType Common: the caller's tenant is named, never beside a user token
        (NOBODY, PROVIDER, COMMON, FindPlan(PROVIDER, x_tenant="provider")),
        (SUSAN, PROVIDER, COMMON, FindPlan(PROVIDER, x_tenant="subscriber")),
        (SUSAN, PROVIDER, Traits(of_user=True, common_token_url=True), FindPlan(PROVIDER, user=SUSAN.token)),
        # RFC 8693: the user's token is the subject as well
        (ALICE, PROVIDER, RFC_8693, FindPlan(PROVIDER, user=ALICE.token, subject=ALICE.token)),
    ],
)
def test_which_token_and_which_headers(caller: Caller, kept_in: Tenant, traits: Traits | None, plan: FindPlan) -> None:
    assert plan_find(caller, kept_in, traits) == plan


@pytest.mark.parametrize("caller", [NOBODY, ALICE, SUSAN])
@pytest.mark.parametrize("traits", [None, SHARED, OF_USER, COMMON, RFC_8693])
def test_a_user_and_a_tenant_are_never_named_together(caller: Caller, traits: Traits | None) -> None:
    plan = plan_find(caller, PROVIDER, traits)
    assert not (plan.user and plan.x_tenant)


def test_the_subscriber_is_asked_before_the_provider() -> None:
    assert tenants_to_ask(SUBSCRIBER, PROVIDER) == (SUBSCRIBER, PROVIDER)
    assert tenants_to_ask(PROVIDER, PROVIDER) == (PROVIDER,)
