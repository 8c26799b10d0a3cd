"""Addresses of a tenant's authorization server (protocols 2.2, 2.5). Pure functions over a binding."""

from __future__ import annotations

import re
from urllib.parse import urlencode, urlsplit

from app.bindings.credentials import ClientCredentials, XsuaaCredentials
from app.errors import Failure, GatewayError
from app.principal import Tenant
from app.tokens.key_source import KeySource

_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_ZONE = re.compile(r"[A-Za-z0-9_-]{1,64}")


def is_label(text: str) -> bool:
    """Whether the text is exactly one DNS label: all a tenant's subdomain can ever be."""
    return _LABEL.fullmatch(text) is not None


def is_zone(text: str) -> bool:
    """Whether the text can be a zone id: it goes into an address."""
    return _ZONE.fullmatch(text) is not None


def base_url(credentials: ClientCredentials, tenant: Tenant) -> str:
    """Base URL for our own calls, without a trailing slash: the mTLS twin for X.509 bindings.

    The provider's own tenant of a dedicated application is at the binding's address. Any other is a sibling: the
    subdomain is replaced, or put before `uaadomain`. Raises `BAD_REQUEST` for a subdomain that is no DNS label.
    """
    return _of_tenant(credentials.certurl if credentials.uses_certificate else credentials.url, credentials, tenant)


def browser_base_url(credentials: XsuaaCredentials, tenant: Tenant) -> str:
    """Where browsers log in and out: never the mTLS twin, which asks for a certificate they do not have."""
    return _of_tenant(credentials.url, credentials, tenant)


def _of_tenant(provider_url: str, credentials: ClientCredentials, tenant: Tenant) -> str:
    own = provider_url.rstrip("/")
    shared = isinstance(credentials, XsuaaCredentials) and credentials.is_shared
    if not tenant.subdomain or (tenant.subdomain == credentials.identityzone and not shared):
        return own
    if not is_label(tenant.subdomain):
        raise GatewayError(Failure.BAD_REQUEST, "the tenant is not a DNS label")
    parts = urlsplit(own)
    prefix = f"{credentials.identityzone}."
    if credentials.identityzone and parts.netloc.startswith(prefix):
        return f"{parts.scheme}://{tenant.subdomain}.{parts.netloc.removeprefix(prefix)}"
    return f"{parts.scheme}://{tenant.subdomain}.{credentials.uaadomain or parts.netloc}"


def token_url(credentials: ClientCredentials, tenant: Tenant) -> str:
    """The token endpoint of a tenant."""
    return f"{base_url(credentials, tenant)}/oauth/token"


def zone_keys(credentials: XsuaaCredentials, zone: str) -> KeySource:
    """Where the keys of a zone are: below `uaadomain`, never where a token says (protocols 2.4).

    An empty `zone` stands for that of the binding's address.
    """
    scheme = urlsplit(credentials.url).scheme or "https"
    url = f"{scheme}://{credentials.uaadomain}/token_keys"
    return KeySource(f"{url}?{urlencode({'zid': zone})}", (("x-zid", zone),)) if zone else KeySource(url)
