"""Which token and which headers a find is made with: the table of protocols 4.6, as a plain function."""

from __future__ import annotations

from dataclasses import dataclass

from app.destinations.destination import Traits
from app.principal import Caller, Tenant, UserCaller, UserToken


@dataclass(frozen=True, slots=True)
class FindPlan:
    """A find: the technical token of `tenant` in `Authorization`, and who is meant by it.

    `user` goes into `X-user-token`, which outranks `Authorization` for user and tenant; `x_tenant` (a subdomain) into
    `X-tenant`; never both, the service refuses that. `subject` goes into `X-subject-token` (RFC 8693).
    """

    tenant: Tenant
    user: UserToken | None = None
    x_tenant: str = ""
    subject: UserToken | None = None


def plan_find(caller: Caller, kept_in: Tenant, traits: Traits | None, corporate: UserToken | None = None) -> FindPlan:
    """How to ask for a destination kept in a tenant; `traits` are None as long as it has never been seen.

    | caller        | destination             | Authorization              | X-user-token | X-tenant |
    |---------------|-------------------------|----------------------------|--------------|----------|
    | no user       | any                     | technical, of that tenant  | -            | common   |
    | user          | not seen, or of a user  | technical, of that tenant  | user's token | -        |
    | user          | shared by the tenant    | technical, of that tenant  | -            | common   |

    `corporate` takes the place of the user's token for destinations with principal propagation.

    Of the two forms that the protocol has for a user of the destination's own tenant, this one needs no token
    exchange per user, and no scope `uaa.user` from users of destinations that turn out to be shared.
    """
    if corporate is not None and traits is not None and traits.propagates:
        return FindPlan(kept_in, user=corporate)
    token = caller.token if isinstance(caller, UserCaller) else None
    if token is not None and (traits is None or traits.of_user):
        return FindPlan(kept_in, user=token, subject=token if traits is not None and traits.subject_token else None)
    return FindPlan(kept_in, x_tenant=caller.tenant.subdomain if traits is not None and traits.common_token_url else "")


def tenants_to_ask(caller_tenant: Tenant, provider: Tenant, local: bool = False) -> tuple[Tenant, ...]:
    """Where a destination may be kept, in order: at the subscriber, then at the provider; a `local` one there only."""
    if local or caller_tenant.id == provider.id:
        return (provider,)
    return (caller_tenant, provider)
