"""Backends on the internet, in the platform's network or behind a forward proxy. A plain function, no I/O."""

from __future__ import annotations

from dataclasses import replace

from app.backends.backend import Backend
from app.backends.outgoing import defaults_beside, monotonic_end, own_credentials, query_of
from app.destinations.destination import Destination
from app.principal import AnonymousCaller, Caller
from app.transport.pool_key import ClientCertificate, DirectKey, TlsIdentity


def direct_backend(
    destination: Destination, caller: Caller, expires_at: float, own_certificate: ClientCertificate | None = None
) -> Backend:
    """How `caller` reaches a destination without Cloud Connector.

    `own_certificate` is that of the authentication service's binding, for `forwardAuthCertificates`; where there is
    none, none is shown, and the backend decides. `expires_at` on the monotonic clock.
    """
    url = destination.url
    tls = _tls_identity(destination, own_certificate) if url.secure else None
    path = url.path.encode("ascii")
    through_proxy = destination.proxy is not None and tls is None
    credentials = own_credentials(destination, caller) + destination.fixed
    return Backend(
        destination=destination.name,
        key=DirectKey(url.host, url.port, tls, destination.proxy),
        authority=url.authority.encode("ascii"),
        base=b"http://" + url.authority.encode("ascii") + path if through_proxy else path,
        query=query_of(destination),
        credentials=credentials,
        defaults=defaults_beside(credentials, destination),
        preserve_host=destination.preserve_host,
        forwarded_headers=destination.forwarded_headers,
        strict_connections=destination.strict_connections,
        ias_dependency=destination.ias_dependency,
        timeout=destination.timeout,
        expires_at=_end(destination, caller, expires_at),
    )


def _tls_identity(destination: Destination, own_certificate: ClientCertificate | None) -> TlsIdentity:
    if destination.forward_auth_certificates and destination.tls.client is None:
        return replace(destination.tls, client=own_certificate)
    return destination.tls


def _end(destination: Destination, caller: Caller, expires_at: float) -> float:
    if destination.forward_auth_token and not isinstance(caller, AnonymousCaller):
        return min(expires_at, monotonic_end(caller.forwarded.expires_at))
    return expires_at
