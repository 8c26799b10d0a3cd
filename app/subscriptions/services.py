"""Which services call us back about subscriptions, where, and how they prove who they are: from their bindings
(protocols 6.2).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from app.bindings.binding import Binding, Bindings
from app.problem import Problem
from app.subscriptions.callback_path import CallbackPath, parse_callback
from app.subscriptions.distinguished_name import NamePattern, parse_name

_ABSENT: Mapping[str, Any] = {}


class Kind(Enum):
    """The SaaS registry shows a token, the Subscription Manager a client certificate."""

    REGISTRY = "saas-registry"
    MANAGER = "subscription-manager"


@dataclass(frozen=True, slots=True)
class SubscriptionService:
    """One such service. `subject` and `issuer` are those of the Subscription Manager's certificate."""

    kind: Kind
    dependencies: CallbackPath | None
    tenants: CallbackPath | None
    subject: NamePattern | None = None
    issuer: NamePattern | None = None


def subscription_services(bindings: Bindings) -> tuple[list[SubscriptionService], list[Problem]]:
    """The services that are bound, and what is wrong with their bindings."""
    found, problems = [], []
    for kind, read in ((Kind.REGISTRY, _registry), (Kind.MANAGER, _manager)):
        binding = bindings.of_service(kind.value)
        if binding is None:
            continue
        try:
            found.append(read(binding.credentials))
        except ValueError as error:
            problems.append(_problem(binding, str(error)))
    return found, problems


def _registry(credentials: Mapping[str, Any]) -> SubscriptionService:
    urls = _document(credentials, "appUrls") or _ABSENT
    return SubscriptionService(
        Kind.REGISTRY, _path(urls.get("getDependencies")), _path(urls.get("onSubscription"), has_tenant=True)
    )


def _manager(credentials: Mapping[str, Any]) -> SubscriptionService:
    urls = _document(credentials, "app_urls") or _ABSENT
    subject = _document(credentials, "callback_certificate_subject")
    issuer = _document(credentials, "callback_certificate_issuer")
    return SubscriptionService(
        Kind.MANAGER,
        _path(_url(urls.get("dependenciesCallbacks"))),
        _path(_url(urls.get("subscriptionCallbacks")), has_tenant=True),
        parse_name(subject) if subject is not None else None,
        parse_name(issuer) if issuer is not None else None,
    )


def _document(credentials: Mapping[str, Any], key: str) -> Mapping[str, Any] | None:
    """A member that is an object, or JSON text of one; None when it is absent. Raises ValueError."""
    value = credentials.get(key)
    try:
        document = json.loads(value) if isinstance(value, str) else value
    except ValueError:
        raise ValueError(f"`{key}` as JSON") from None
    if document is not None and not isinstance(document, Mapping):
        raise ValueError(f"`{key}` as an object")
    return document


def _url(callback: object) -> object:
    return callback.get("url") if isinstance(callback, Mapping) else callback


def _path(url: object, has_tenant: bool = False) -> CallbackPath | None:
    """The path of a callback; None where none is configured. Raises ValueError."""
    if not url:
        return None
    path = parse_callback(url) if isinstance(url, str) else None
    if path is None or (has_tenant and not path.has_tenant):
        raise ValueError("callback URLs, the one for subscriptions with a variable such as {tenantId}")
    return path


def _problem(binding: Binding, allowed: str) -> Problem:
    return Problem(f"{binding.where or 'binding'}, {binding.label} {binding.name}", "$.credentials", "", allowed)
