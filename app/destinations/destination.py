"""A destination: the platform's record of a backend, parsed into what using it needs."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from app.answer import Headers
from app.destination_url import DestinationUrl
from app.destinations.authentication import TOKEN_OF_USER, Authentication
from app.principal import Tenant
from app.transport.pool_key import Proxy, TlsIdentity


class ProxyType(StrEnum):
    """Value of the property `ProxyType`: through which network the backend is reached."""

    INTERNET = "Internet"
    ON_PREMISE = "OnPremise"
    PRIVATE_LINK = "PrivateLink"


@dataclass(frozen=True, slots=True)
class Sought:
    """Which destination is looked for. A `local` one is the provider's own, whoever asks (`preferLocal` of a route)."""

    name: str
    local: bool = False


_DEFAULT_TLS = TlsIdentity()


@dataclass(frozen=True, slots=True)
class Traits:
    """What decides how a destination is asked for; learned from the first answer (protocols 4.2, 4.6).

    `of_user`: the answer holds a token of the asking user. `common_token_url`: a technical token depends on the tenant
    named in `X-tenant`. `subject_token`: the user's token is expected as RFC 8693 subject. `propagates`: it is one with
    principal propagation, whose answer may hold the user's corporate token.
    """

    of_user: bool = False
    common_token_url: bool = False
    subject_token: bool = False
    propagates: bool = False


_SHARED = Traits()


@dataclass(frozen=True, slots=True)
class Destination:
    """One destination, as one user or one tenant sees it.

    `tenant` is where it is kept (None for the environment's): its Cloud Connector is meant. `credentials` are the
    headers the service returned (`authTokens[].http_header`) or those of Basic authentication; `fixed` ones stand
    whatever the request says, `defaults` only where it has no such header; `queries` are not yet encoded. `timeout` in
    seconds until the first byte. `tls` says whom to trust and who we are, also where the URL is plain. `proxy` is a
    forward proxy. `ias_dependency` is the name under which the identity service knows the backend as an application
    that ours depends on.
    """

    name: str
    url: DestinationUrl
    tenant: Tenant | None = None
    proxy_type: ProxyType = ProxyType.INTERNET
    authentication: Authentication = Authentication.NONE
    traits: Traits = _SHARED
    location_id: str = ""
    credentials: Headers = field(default=(), repr=False)
    fixed: Headers = ()
    defaults: Headers = field(default=(), repr=False)
    queries: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    tls: TlsIdentity = _DEFAULT_TLS
    proxy: Proxy | None = None
    timeout: float = 30.0
    forward_auth_token: bool = False
    forward_auth_certificates: bool = False
    preserve_host: bool = False
    forwarded_headers: bool = True
    dynamic: bool = False
    strict_connections: bool = False
    ias_dependency: str = ""


def is_of_user(authentication: Authentication, system_user: str, has_tokens: bool) -> bool:
    """Whether a find result belongs to the user it was made for.

    SAML bearer with `SystemUser` is technical. Principal propagation is so only where the service returned a token,
    which then is the user's corporate one (protocols 4.4).
    """
    if authentication is Authentication.PRINCIPAL_PROPAGATION:
        return has_tokens
    return authentication in TOKEN_OF_USER and not (authentication is Authentication.SAML_BEARER and system_user)
