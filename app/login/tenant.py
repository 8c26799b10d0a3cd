"""Which tenant a request belongs to, and under which address the browser sees us."""

from __future__ import annotations

import re
from dataclasses import dataclass

from app.bindings.credentials import ClientCredentials, IdentityCredentials, XsuaaCredentials
from app.errors import Failure, GatewayError
from app.principal import OnlyTenant, Tenant
from app.public_address import public_scheme
from app.request_head import RequestHead
from app.routing.js_regex import Pattern, compile_pattern
from app.tokens.claims import shared_tenant
from app.tokens.endpoints import is_label
from app.tokens.expiring_map import ExpiringMap

_HOST = re.compile(r"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
MAX_HOST = 255
MAX_HOSTS = 4096
KEEP_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class TenantOptions:
    """`host_pattern`: `TENANT_HOST_PATTERN`, whose first group is the tenant. `external_reverse_proxy`: the variable
    of that name. `public_hosts`: `GATEWAY_PUBLIC_HOSTS`, when not empty the only hosts we are reached by: names, with
    a port where they have one, or `*.domain` for everything below a domain.
    """

    host_pattern: str = ""
    external_reverse_proxy: bool = False
    public_hosts: tuple[str, ...] = ()

    def admits(self, host: str) -> bool:
        """Whether we can be reached by this host."""
        host = host.lower()
        return not self.public_hosts or any(
            host.endswith(public[1:]) if public.startswith("*.") else host == public for public in self.public_hosts
        )


def check_host(host: str) -> str:
    """A host, perhaps with a port, as it may stand in an address; raises `BAD_REQUEST`."""
    if not _HOST.fullmatch(host):
        raise GatewayError(Failure.BAD_REQUEST, "the host name is malformed")
    return host


def check_tenant(token_tenant: Tenant, host_tenant: Tenant) -> None:
    """Refuse a token of one tenant at the address of another (`TENANT_MISMATCH`).

    The address of the only tenant fits every token: those of others are refused before, when they are verified.
    """
    if isinstance(host_tenant, OnlyTenant):
        return
    same_name = token_tenant.subdomain == host_tenant.subdomain and token_tenant.subdomain != ""
    same_id = token_tenant.id == host_tenant.id and token_tenant.id != ""
    if not (same_id or (same_name and not (token_tenant.id and host_tenant.id))):
        raise GatewayError(Failure.TENANT_MISMATCH)


class TenantResolver:
    """Tenants by host name. The pattern is a JavaScript regular expression with a group."""

    def __init__(self, options: TenantOptions, credentials: ClientCredentials | IdentityCredentials | None) -> None:
        self._options = options
        own = credentials.tenant if credentials is not None else Tenant("", "")
        of_one_tenant = isinstance(credentials, XsuaaCredentials) and not credentials.is_shared
        self._own = OnlyTenant() if of_one_tenant and not own.is_named else shared_tenant(own.id, own.subdomain)
        self._pattern: Pattern | None = None
        self._known: ExpiringMap[str, Tenant] = ExpiringMap(MAX_HOSTS)
        if options.host_pattern and credentials is not None and not of_one_tenant:
            self._pattern = compile_pattern(options.host_pattern, True)

    @property
    def own(self) -> Tenant:
        """The provider's tenant."""
        return self._own

    def tenant(self, head: RequestHead) -> Tenant:
        """The tenant of a request: the binding's for an application of one tenant, else named by the host.

        A host that does not fit the pattern is the provider's: the platform calls by addresses of its own. The id of a
        subscriber is not known from its host: it is empty then. Raises `BAD_REQUEST` when the host is malformed, or
        names something as the tenant that is not one DNS label.
        """
        if self._pattern is None:
            return self._own
        host = self.host(head)
        known = self._known.get(host)
        if known is None:
            known = self._from_host(host)
            self._known.put(host, known, KEEP_SECONDS)
        return known

    def _from_host(self, host: str) -> Tenant:
        found = self._pattern.search(check_host(host)) if self._pattern is not None else None
        if found is None:
            return self._own
        label = (found.groups[0] or "").lower()
        if not is_label(label):
            raise GatewayError(Failure.BAD_REQUEST, "the host name does not name a tenant")
        return self._own if label == self._own.subdomain else Tenant("", label)

    def _label(self, host: str) -> str:
        """What the pattern's group finds in a host, empty for nothing."""
        found = self._pattern.search(host) if self._pattern is not None else None
        return (found.groups[0] or "") if found is not None else ""

    def host_of(self, subdomain: str, host: str) -> str:
        """The host by which another tenant reaches what `host` is for the tenant it names: only the name is another.

        Raises `BAD_REQUEST` when the subdomain is no DNS label, or the host does not fit `TENANT_HOST_PATTERN`.
        """
        own, other = self._label(check_host(host)), subdomain.lower()
        places = [at for at in range(len(host)) if own and is_label(other) and host.startswith(own, at)]
        candidates = (f"{host[:at]}{other}{host[at + len(own) :]}" for at in places)
        found = next((candidate for candidate in candidates if self._label(candidate) == other), None)
        if found is None:
            raise GatewayError(Failure.BAD_REQUEST, "this host and tenant do not fit TENANT_HOST_PATTERN")
        return found

    def fits(self, host: str) -> bool:
        """Whether a host names a tenant."""
        could = host.isascii() and len(host) <= MAX_HOST
        return could and self._pattern is not None and self._pattern.search(host) is not None

    def host(self, head: RequestHead) -> str:
        """The host that names tenant or destination: the browser's, or, where another proxy is in front of us, what
        that says in x-custom-host. Raises `BAD_REQUEST`.
        """
        if self._options.external_reverse_proxy:
            return head.header(b"x-custom-host") or head.header(b"host") or ""
        return self.public_host(head)

    def public_host(self, head: RequestHead) -> str:
        """The host the browser sees: x-forwarded-host before Host. Raises `BAD_REQUEST` for a malformed one, and for
        one that is not in `GATEWAY_PUBLIC_HOSTS`.
        """
        forwarded = (head.header(b"x-forwarded-host") or "").partition(",")[0].strip()
        host = check_host(forwarded or head.header(b"host") or "")
        if not self._options.admits(host):
            raise GatewayError(Failure.BAD_REQUEST, "the host name is not one of ours (GATEWAY_PUBLIC_HOSTS)")
        return host

    def public_origin(self, head: RequestHead) -> str:
        """Scheme and host the browser sees, such as `https://app.example`."""
        return f"{public_scheme(head)}://{self.public_host(head)}"
