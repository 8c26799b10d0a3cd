"""Destinations of the environment variable `destinations`: the operator's own, ahead of those of the service."""

from __future__ import annotations

from collections.abc import Iterable

from app.destinations.destination import Destination, ProxyType
from app.settings.environment_destination import EnvironmentDestination
from app.transport.pool_key import Proxy, TlsIdentity


def environment_destinations(entries: Iterable[EnvironmentDestination]) -> dict[str, Destination]:
    """The destinations by name."""
    return {entry.name: environment_destination(entry) for entry in entries}


def environment_destination(entry: EnvironmentDestination) -> Destination:
    """One destination; the operator's own may always be named by a request.

    It has no authentication of its own: the backend sees the user's token or nobody.
    """
    return Destination(
        name=entry.name,
        url=entry.url,
        proxy_type=ProxyType.ON_PREMISE if entry.is_on_premise else ProxyType.INTERNET,
        tls=TlsIdentity(trust_all=not entry.strict_ssl),
        proxy=Proxy(entry.proxy_host, entry.proxy_port) if entry.proxy_host and entry.proxy_port else None,
        timeout=entry.timeout / 1000,
        forward_auth_token=entry.forward_auth_token,
        forward_auth_certificates=entry.forward_auth_certificates,
        ias_dependency=entry.ias_dependency_name or "",
        forwarded_headers=entry.set_x_forwarded_headers,
        dynamic=True,
    )
