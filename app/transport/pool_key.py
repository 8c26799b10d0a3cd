"""Which requests may share a socket. Two requests share one only when their keys are equal."""

from __future__ import annotations

from dataclasses import dataclass, field

from app.principal import Principal, ServicePrincipal, TechnicalPrincipal, Tenant, UserPrincipal


@dataclass(frozen=True, slots=True)
class Proxy:
    """Address of a proxy in front of the backend."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """PEM chain and key for mutual TLS; never shown."""

    certificate: str = field(repr=False)
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class TlsIdentity:
    """How TLS to a backend is done: whom we trust, who we are.

    `trust_all` switches verification off; `trusted_pem` is added to the default authorities.
    """

    trust_all: bool = False
    trusted_pem: str = field(default="", repr=False)
    client: ClientCertificate | None = None


@dataclass(frozen=True, slots=True)
class DirectKey:
    """A backend on the internet or another app, perhaps behind a forward proxy. `tls` is None for http."""

    host: str
    port: int
    tls: TlsIdentity | None = None
    proxy: Proxy | None = None


@dataclass(frozen=True, slots=True)
class OnPremiseKey:
    """A virtual host behind a Cloud Connector: the tunnel is bound to what it first carried (protocols, 5.3).

    `account` is the tenant whose Cloud Connector it is, None for the principal's own; they differ where a subscriber's
    user reaches a system of the provider.
    """

    proxy: Proxy
    principal: Principal
    location_id: str
    virtual_host: str
    virtual_port: int
    account: Tenant | None = None


PoolKey = DirectKey | OnPremiseKey


def described(key: PoolKey) -> str:
    """Where a socket leads, for a log: hosts, and whether a user stands behind it, but not who."""
    match key:
        case DirectKey(proxy=proxy):
            address = f"{'https' if key.tls is not None else 'http'}://{key.host}:{key.port}"
            return address if proxy is None else f"{address} through the proxy {proxy.host}:{proxy.port}"
        case OnPremiseKey():
            location = f" at location {key.location_id}" if key.location_id else ""
            return (
                f"{key.virtual_host}:{key.virtual_port} behind the Cloud Connector{location}, as {_who(key.principal)}"
            )


def _who(principal: Principal) -> str:
    match principal:
        case UserPrincipal():
            return "the user"
        case ServicePrincipal():
            return "the calling service"
        case TechnicalPrincipal():
            return "the application"
