"""The reuse services a subscriber of this application is subscribed to as well: those that are bound. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.bindings.binding import Binding, Bindings

REUSE_SERVICES = frozenset({"destination", "connectivity", "html5-apps-repo", "portal", "theming"})


def dependencies(bindings: Bindings) -> list[dict[str, str]]:
    """What `getDependencies` answers: `xsappname` of each, once.

    These are the platform's reuse services, the audit log with plan `oauth2`, and business services whose binding
    says `saasregistryenabled`.
    """
    names = [_xsappname(binding.credentials) for binding in bindings.all if _is_dependency(binding)]
    return [{"xsappname": name} for name in dict.fromkeys(names) if name]


def _is_dependency(binding: Binding) -> bool:
    if binding.label == "auditlog":
        return binding.plan == "oauth2"
    return binding.label in REUSE_SERVICES or binding.credentials.get("saasregistryenabled") in (True, "true")


def _xsappname(credentials: Mapping[str, Any]) -> str:
    """Its name as an application; services that bring an OAuth client of their own have it there."""
    uaa = credentials.get("uaa")
    found = credentials.get("xsappname") or (uaa.get("xsappname") if isinstance(uaa, Mapping) else None)
    return found if isinstance(found, str) else ""
