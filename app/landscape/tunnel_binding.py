"""What a connection to the proxy is bound to, and how a second use that differs is answered (protocols, 5.3)."""

from __future__ import annotations

from dataclasses import dataclass

from app.landscape.proxy_refusal import Refusal, location_mixed, other_principal, resource_denied
from app.landscape.token_principal import Principal


@dataclass(frozen=True, slots=True)
class TunnelBinding:
    """Everything the first request of a connection fixes for all later ones."""

    tenant: str
    location_id: str
    system: str
    principal: Principal


@dataclass(frozen=True, slots=True)
class Violation:
    """A request that did not belong on its connection: which part differed, what it was and what came."""

    connection: int
    part: str
    bound_to: str
    received: str


def difference(bound: TunnelBinding, received: TunnelBinding) -> tuple[str, str, str] | None:
    """The first part that differs as (part, bound value, received value); None when both are the same."""
    parts = (
        ("tenant", bound.tenant, received.tenant),
        ("location-id", bound.location_id, received.location_id),
        ("virtual-host", bound.system, received.system),
        ("principal", _shown(bound.principal), _shown(received.principal)),
    )
    return next((part for part in parts if part[1] != part[2]), None)


def _shown(principal: Principal) -> str:
    return f"{principal.kind}:{principal.name}:{principal.identity}"


def refusal_of(part: str, target: str, received: TunnelBinding) -> Refusal:
    """How the platform answers a difference in this part."""
    if part in ("tenant", "location-id"):
        return location_mixed()
    if part == "virtual-host":
        return resource_denied(target, received.system)
    return other_principal(received.principal.name)
