"""Addresses of a tenant's authorization server (protocols 2.2, 2.5). Pure functions over a binding."""

from __future__ import annotations

import re
from urllib.parse import urlencode, urlsplit

from app.bindings.credentials import ClientCredentials, XsuaaCredentials
from app.errors import Failure, GatewayError
from app.principal import Tenant

_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_ZONE = re.compile(r"[A-Za-z0-9_-]{1,64}")


def is_label(text: str) -> bool:
    """Whether the text is exactly one DNS label: all a tenant's subdomain can ever be."""
    return _LABEL.fullmatch(text) is not None


def is_zone(text: str) -> bool:
    """Whether the text can be a zone id: it goes into an address."""
    return _ZONE.fullmatch(text) is not None


def base_url(credentials: ClientCredentials, tenant: Tenant) -> str:
    """Base URL of the tenant's authorization server, without a trailing slash; the mTLS twin for X.509 bindings.

    The provider's own tenant of a dedicated application is at the binding's address. Any other is a sibling: the
    subdomain is replaced, or put before `uaadomain`. Raises `BAD_REQUEST` for a subdomain that is no DNS label.
    """
    own = (credentials.certurl if credentials.uses_certificate else credentials.url).rstrip("/")
    shared = isinstance(credentials, XsuaaCredentials) and credentials.tenantmode == "shared"
    if tenant.subdomain in ("", credentials.identityzone) and not (shared and tenant.subdomain):
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


def keys_url(credentials: XsuaaCredentials, zone: str) -> str:
    """Where the keys of a zone are: below `uaadomain`, never where a token says (protocols 2.4)."""
    scheme = urlsplit(credentials.url).scheme or "https"
    return f"{scheme}://{credentials.uaadomain}/token_keys?{urlencode({'zid': zone})}"


def browser_base_url(credentials: XsuaaCredentials, tenant: Tenant) -> str:
    """Where browsers log in and out: never the mTLS twin, which asks for a certificate they do not have."""
    plain = credentials.model_copy(update={"secret": "-"}) if credentials.uses_certificate else credentials
    return base_url(plain, tenant)
