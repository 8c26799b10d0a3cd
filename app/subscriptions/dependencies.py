"""The reuse services a subscriber of this application is subscribed to as well: those that are bound. Pure.

A dependency is `{"xsappname"}`, or `{"appId", "appName"}` for the services of the platform that are known by name: the
registry takes either form, and the reference answers with these.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from app.bindings.binding import Binding, Bindings
from app.subscriptions.services import Kind

Dependency = Mapping[str, str]


def dependencies(bindings: Bindings, kind: Kind, xsappname: str) -> list[Dependency]:
    """What a service is answered when it asks for the dependencies, each once.

    These are destination, connectivity, the audit log with plan `oauth2`, and services whose binding says
    `saasregistryenabled`, such as the HTML5 application repository. `xsappname` is the application's own, empty where
    no XSUAA is bound: the Subscription Manager knows the application by its identity service and has to be told.
    """
    found = list(_of_services(bindings.all))
    if kind is Kind.MANAGER and xsappname:
        found.append({"xsappname": xsappname})
    return [each for index, each in enumerate(found) if each not in found[:index]]


def _of_services(bindings: Iterable[Binding]) -> Iterable[Dependency]:
    for binding in bindings:
        name = _xsappname(binding.credentials)
        if not name:
            continue
        if binding.label in ("destination", "connectivity") or (binding.label, binding.plan) == ("auditlog", "oauth2"):
            yield {"appId": name, "appName": binding.label}
        elif binding.credentials.get("saasregistryenabled") in (True, "true"):
            yield {"xsappname": name}


def _xsappname(credentials: Mapping[str, Any]) -> str:
    """Its name as an application; services that bring an OAuth client of their own have it there."""
    uaa = credentials.get("uaa")
    found = credentials.get("xsappname") or (uaa.get("xsappname") if isinstance(uaa, Mapping) else None)
    return found if isinstance(found, str) else ""
