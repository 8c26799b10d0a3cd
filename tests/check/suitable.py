"""What an xs-app.json needs around it: bindings, destinations and folders, read off the file itself."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from app.routing.reference import HTML5_REPOSITORY, USER_API

UAA = {
    "clientid": "sb-x",
    "clientsecret": "s",
    "url": "https://acme.authentication.example",
    "uaadomain": "authentication.example",
    "xsappname": "x!t1",
}
IDENTITY = {**UAA, "url": "https://acme.accounts.example", "domains": ["accounts.example"], "app_tid": "t"}
REPOSITORY = {"uri": "https://repo.example", "uaa": UAA, "sap.cloud.service": HTML5_REPOSITORY}


def routes_of(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The routes of the file."""
    return list(document.get("routes", ()))


def environment_for(document: Mapping[str, Any]) -> dict[str, str]:
    """Variables with which the file can be served."""
    services = [
        _binding("xsuaa", "xsuaa", UAA, tags=["xsuaa"]),
        _binding("identity", "identity", IDENTITY, tags=["identity"]),
        _binding("html5", "html5-apps-repo", REPOSITORY, plan="app-runtime"),
        *_business_services(document),
        *_replacements(document),
    ]
    by_label: dict[str, list[dict[str, Any]]] = {}
    for service in services:
        by_label.setdefault(service["label"], []).append(service)
    names = {route["destination"] for route in routes_of(document) if "destination" in route}
    names |= document.get("destinations", {}).keys()
    destinations = [{"name": name, "url": "https://backend.example"} for name in sorted(names)]
    return {
        "VCAP_SERVICES": json.dumps(by_label),
        "destinations": json.dumps(destinations),
        "DESTINATION_HOST_PATTERN": r"^(.*)\.example$",
    }


def make_folders(document: Mapping[str, Any], workdir: Path) -> None:
    """The folders that routes serve, and the default one."""
    for name in {"resources", *(route["localDir"] for route in routes_of(document) if "localDir" in route)}:
        (workdir / name.lstrip("/")).mkdir(parents=True, exist_ok=True)


def _business_services(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    endpoints: dict[str, dict[str, str]] = {}
    for route in routes_of(document):
        if route.get("service", USER_API) not in (USER_API, HTML5_REPOSITORY):
            named = endpoints.setdefault(route["service"], {})
            if "endpoint" in route:
                named[route["endpoint"]] = "https://service.example"
    for name, named in endpoints.items():
        credentials = {"sap.cloud.service": name, "url": "https://service.example", "endpoints": named, "uaa": UAA}
        yield _binding(name, name, credentials)


def _replacements(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for route in routes_of(document):
        for given in route.get("replace", {}).get("services", {}).values():
            query = {"name": given} if isinstance(given, str) else given
            name, label = query.get("name", "replacement"), query.get("label", "user-provided")
            yield _binding(
                name, label, {"url": "https://ui5.example"}, [query.get("tag", "none")], query.get("plan", "")
            )


def _binding(
    name: str, label: str, credentials: Mapping[str, Any], tags: list[str] | None = None, plan: str = "default"
) -> dict[str, Any]:
    return {"name": name, "label": label, "plan": plan, "tags": tags or [], "credentials": dict(credentials)}
