"""One destination for one caller from the destination service: which tenants are asked, and how often."""

from __future__ import annotations

from dataclasses import replace

from app.destinations.authentication import Authentication
from app.destinations.cache import DestinationKey, Found
from app.destinations.corporate import NO_CORPORATE_TOKENS, CorporateTokens
from app.destinations.destination import Sought, Traits
from app.destinations.find_answer import FindAnswer
from app.destinations.find_plan import FindPlan, plan_find, tenants_to_ask
from app.destinations.from_find import build_destination, read_traits, token_lifetime
from app.destinations.service_client import DestinationService, Refusal, refused
from app.errors import Failure, GatewayError
from app.principal import Caller, Tenant, UserCaller
from app.tokens.expiring_map import ExpiringMap

_TRAITS_KEPT = 3600.0


class NeedsUserError(GatewayError):
    """The destination holds a token of the asking user, and there was none."""

    def __init__(self, name: str) -> None:
        super().__init__(Failure.DESTINATION_UNUSABLE, f"Destination '{name}' needs a logged-in user.")


class Finder:
    """Asks the service and remembers what kind of destination each name is."""

    def __init__(
        self, service: DestinationService, corporate: CorporateTokens = NO_CORPORATE_TOKENS, limit: int = 5000
    ) -> None:
        self._service = service
        self._corporate = corporate
        self._traits: ExpiringMap[DestinationKey, Traits] = ExpiringMap(limit)

    def traits(self, sought: Sought, tenant: Tenant) -> Traits | None:
        """What earlier answers said, or None for a destination not seen before."""
        return self._traits.get(_traits_key(sought, tenant))

    async def find(self, sought: Sought, caller: Caller) -> Found:
        """The destination as the caller has it: from the subscriber's tenant, else from the provider's.

        Raises DESTINATION_UNKNOWN where neither has it, `NeedsUserError`, and what the service client and the reading
        of its answer raise.
        """
        for tenant in tenants_to_ask(caller.tenant, self._service.credentials.tenant, sought.local):
            answer = await self._ask(sought, caller, tenant)
            if answer is not None:
                return self._found(sought, caller, tenant, answer)
        raise GatewayError(Failure.DESTINATION_UNKNOWN, f"Destination '{sought.name}' does not exist.")

    async def _ask(self, sought: Sought, caller: Caller, tenant: Tenant) -> FindAnswer | None:
        """The answer of one tenant. What fails is asked once more where the type turns out to want other headers."""
        name = sought.name
        corporate = self._corporate.token(caller)
        plan = plan_find(caller, tenant, self.traits(sought, caller.tenant), corporate)
        outcome = await self._service.find(name, plan)
        if outcome is None:
            return None
        learned = await self._learn(name, plan, outcome)
        better = plan_find(caller, tenant, learned, corporate)
        wants_corporate = corporate is not None and learned.propagates
        if isinstance(outcome, FindAnswer) and not outcome.token_error and not wants_corporate:
            return outcome
        if better != plan:
            outcome = await self._service.find(name, better)
        if isinstance(outcome, Refusal):
            raise refused(name, f"refused the request. {outcome.message}")
        return outcome

    async def _learn(self, name: str, plan: FindPlan, outcome: FindAnswer | Refusal) -> Traits:
        if isinstance(outcome, FindAnswer):
            return read_traits(name, outcome)
        configuration = await self._service.find(name, FindPlan(plan.tenant), skip_tokens=True)
        if not isinstance(configuration, FindAnswer):
            raise refused(name, f"refused the request. {outcome.message}")
        return read_traits(name, configuration)

    def _found(self, sought: Sought, caller: Caller, tenant: Tenant, answer: FindAnswer) -> Found:
        name = sought.name
        traits = self._traits_of(name, caller.tenant, answer)
        self._traits.put(_traits_key(sought, caller.tenant), traits, _TRAITS_KEPT)
        if traits.of_user and not isinstance(caller, UserCaller):
            raise NeedsUserError(name)
        destination = replace(build_destination(name, tenant, answer), traits=traits)
        cacheable = destination.authentication is not Authentication.SAML_ASSERTION
        return Found(destination, token_lifetime(answer) if cacheable else 0.0)

    def _traits_of(self, name: str, tenant: Tenant, answer: FindAnswer) -> Traits:
        """What an answer says; where corporate tokens are propagated, it says that for one user only."""
        traits = read_traits(name, answer)
        if traits.propagates and self._corporate.apply_to(tenant):
            return replace(traits, of_user=True)
        return traits


def _traits_key(sought: Sought, tenant: Tenant) -> DestinationKey:
    return DestinationKey(tenant, sought.name, local=sought.local)
