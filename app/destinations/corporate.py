"""Tokens of a corporate identity provider for on-premise systems (`ENABLE_FORWARD_CORPORATE_IDP_TOKEN`; protocols 4.4).

The identity service marks its token where it logged the user in elsewhere; the destination service exchanges such a
token for the corporate one, which then stands for the user at the Cloud Connector.
"""

from __future__ import annotations

from dataclasses import dataclass

from app.principal import Caller, Tenant, UserCaller, UserToken


@dataclass(frozen=True, slots=True)
class CorporateTokens:
    """For which tenants this is switched on: all of them, or those with these `subdomains`."""

    everywhere: bool = False
    subdomains: frozenset[str] = frozenset()

    @classmethod
    def of_setting(cls, text: str) -> CorporateTokens:
        """The value of the variable: `true`, or subdomains separated by commas."""
        names = frozenset(name.strip().lower() for name in text.split(",")) - {"", "false"}
        return cls("true" in names, names - {"true"})

    def apply_to(self, tenant: Tenant) -> bool:
        """Whether users of a tenant propagate corporate tokens."""
        return self.everywhere or tenant.subdomain.lower() in self.subdomains

    def token(self, caller: Caller) -> UserToken | None:
        """What a destination with principal propagation is asked for with; None for the user's usual token."""
        if not isinstance(caller, UserCaller) or not self.apply_to(caller.tenant):
            return None
        return caller.ias_token


NO_CORPORATE_TOKENS = CorporateTokens()
