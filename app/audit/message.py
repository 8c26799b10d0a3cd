"""A security event as the audit log service takes it (protocols 6.3), and as the console shows it."""

from __future__ import annotations

import json
from typing import Any

from app.audit.event import SecurityEvent
from app.observability.timestamps import iso
from app.principal import Tenant

PROVIDER, SUBSCRIBER = "$PROVIDER", "$SUBSCRIBER"
MASK = "*****"
MAX_TEXT = 1024
"""Characters of one text: the service takes messages of 10 KB."""


def service_message(event: SecurityEvent, provider: Tenant) -> dict[str, Any]:
    """The body for the service. `provider` is the tenant of its binding."""
    message: dict[str, Any] = {
        "uuid": event.id,
        "user": event.user[:MAX_TEXT] or "anonymous",
        "time": iso(event.at),
        "tenant": PROVIDER if is_of(provider, event.tenant) else SUBSCRIBER,
        "data": json.dumps(_data(event)),
    }
    if event.ip:
        message["ip"] = event.ip[:MAX_TEXT]
    if event.origin:
        message["identityProvider"] = event.origin[:MAX_TEXT]
    return message


def console_fields(event: SecurityEvent) -> dict[str, str]:
    """What the log gets where no service is bound: the user and the address masked."""
    fields = {"user": MASK, "ip": MASK, **_data(event)}
    if event.tenant is not None:
        fields["tenant_id"] = event.tenant.id
    return fields


def is_of(provider: Tenant, tenant: Tenant | None) -> bool:
    """Whether an event of this tenant is the provider's own; so is what belongs to no tenant."""
    return tenant is None or not tenant.id or tenant.id == provider.id


def _data(event: SecurityEvent) -> dict[str, str]:
    data = {"action": str(event.action), "outcome": "failure" if event.failure else "success"}
    if event.failure:
        data["failure"] = event.failure
    if event.request:
        data["request"] = event.request[:MAX_TEXT]
    if event.correlation_id:
        data["correlation_id"] = event.correlation_id
    return data
