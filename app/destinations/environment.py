"""Destinations of the environment variable `destinations`: the operator's own, ahead of those of the service."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from app.destinations.destination import Destination, ProxyType
from app.destinations.properties import unusable
from app.destinations.url import parse_url
from app.transport.pool_key import Proxy, TlsIdentity


class EnvironmentEntry(Protocol):
    """One element of the variable, typed; `timeout` in milliseconds."""

    @property
    def name(self) -> str: ...
    @property
    def url(self) -> str: ...
    @property
    def proxy_host(self) -> str | None: ...
    @property
    def proxy_port(self) -> int | str | None: ...
    @property
    def forward_auth_token(self) -> bool: ...
    @property
    def forward_auth_certificates(self) -> bool: ...
    @property
    def strict_ssl(self) -> bool: ...
    @property
    def timeout(self) -> int: ...
    @property
    def set_x_forwarded_headers(self) -> bool: ...
    @property
    def proxy_type(self) -> str | None: ...


def environment_destinations(entries: Iterable[EnvironmentEntry]) -> dict[str, Destination]:
    """The destinations by name. Raises DESTINATION_UNUSABLE, naming destination and property, for the first bad one."""
    return {entry.name: environment_destination(entry) for entry in entries}


def environment_destination(entry: EnvironmentEntry) -> Destination:
    """One destination. It has no authentication of its own: the backend sees the user's token or nobody."""
    on_premise = (entry.proxy_type or "").lower() == "onpremise"
    try:
        url = parse_url(entry.url)
    except ValueError as error:
        raise unusable(entry.name, f"property 'url' {error}") from None
    if on_premise and url.secure:
        raise unusable(entry.name, "property 'url' has to begin with http:// with proxyType OnPremise")
    return Destination(
        name=entry.name,
        url=url,
        proxy_type=ProxyType.ON_PREMISE if on_premise else ProxyType.INTERNET,
        tls=TlsIdentity(trust_all=not entry.strict_ssl),
        proxy=Proxy(entry.proxy_host, int(entry.proxy_port)) if entry.proxy_host and entry.proxy_port else None,
        timeout=entry.timeout / 1000,
        forward_auth_token=entry.forward_auth_token,
        forward_auth_certificates=entry.forward_auth_certificates,
        forwarded_headers=entry.set_x_forwarded_headers,
        dynamic=True,
    )
