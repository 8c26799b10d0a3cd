"""The Cloud Connector: one tenant's outpost next to its internal systems (protocols, 5.4).

It decides what may be called, turns a principal into a certificate and rewrites both heads; the sockets are the
tunnel's business.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from app.landscape.http_wire import Head, Header, render_head
from app.landscape.proxy_refusal import principal_refused, system_denied
from app.landscape.proxy_request import ProxyRequest
from app.landscape.token_principal import Principal, PrincipalKind
from app.landscape.user_certificate import CertificateRefused, UserCertificates
from app.landscape.virtual_host import VirtualHost, check_access, outer_cookie, outer_location

_HOP_BY_HOP = frozenset((b"connection", b"keep-alive", b"upgrade", b"te", b"trailer"))
_FRAMING = frozenset((b"content-length", b"transfer-encoding"))
_CONNECTIVITY = (b"sap-connectivity-", b"proxy-")
_CERTIFICATE = b"ssl_client_cert"


class CloudConnector:
    """A Cloud Connector of a tenant, with a location id when the tenant has several."""

    def __init__(
        self,
        tenant: str,
        hosts: Iterable[VirtualHost],
        *,
        location_id: str = "",
        certificates: UserCertificates | None = None,
    ) -> None:
        self.tenant = tenant
        self.location_id = location_id
        self.certificates = certificates or UserCertificates()
        self._hosts = {host.system.lower(): host for host in hosts}

    def expose(self, host: VirtualHost) -> None:
        """Add or replace a mapping of the access control."""
        self._hosts[host.system.lower()] = host

    def admit(self, request: ProxyRequest) -> VirtualHost:
        """The mapping that carries a request; raises Refusal when system or resource is not exposed."""
        host = self._hosts.get(request.system)
        if host is None:
            raise system_denied(request.system)
        check_access(host, request.target, upgrade=bool(request.upgrade))
        return host

    def certificate_header(self, principal: Principal) -> bytes:
        """What the backend gets in `SSL_CLIENT_CERT`: empty without a principal. Raises Refusal."""
        if principal.kind is PrincipalKind.NONE:
            return b""
        try:
            return self.certificates.header_for(principal.name).encode("ascii")
        except CertificateRefused as problem:
            raise principal_refused(str(problem)) from problem


def backend_request(request: ProxyRequest, host: VirtualHost, certificate: bytes) -> bytes:
    """The head the internal system receives: connectivity and hop-by-hop headers gone, Host and certificate ours."""
    dropped = _HOP_BY_HOP | _nominated(request.head) | {b"host"}
    kept = [pair for pair in request.head.headers if pair[0] not in dropped and not _is_reserved(pair[0])]
    headers: list[Header] = [*_host_headers(host), *kept, (b"SSL_CLIENT_CERT", certificate)]
    if request.upgrade:
        headers += [(b"connection", b"Upgrade"), (b"upgrade", request.upgrade.encode("latin-1"))]
    return render_head(f"{request.method} {request.target} HTTP/1.1".encode("latin-1"), headers)


def _host_headers(host: VirtualHost) -> Sequence[Header]:
    if host.internal_host_header:
        return [(b"host", host.internal.encode()), (b"x-forwarded-host", host.system.encode())]
    return [(b"host", host.system.encode())]


def _is_reserved(name: bytes) -> bool:
    """Headers that are the proxy's own, or that only a Cloud Connector may set, in any spelling."""
    return name.startswith(_CONNECTIVITY) or name.replace(b"-", b"_") == _CERTIFICATE


def _nominated(head: Head) -> set[bytes]:
    """Headers named by Connection; the framing of the message is never among them."""
    names = {name.strip() for value in head.values(b"connection") for name in value.lower().split(b",")}
    return names - _FRAMING


def caller_answer(head: Head, host: VirtualHost, *, keep_alive: bool, upgraded: bool) -> bytes:
    """The head the caller receives: internal addresses replaced, the connection ours to keep or close."""
    dropped = _HOP_BY_HOP | _nominated(head)
    headers = [_outer(pair, host) for pair in head.headers if pair[0] not in dropped]
    if upgraded:
        headers += [(b"connection", b"Upgrade"), (b"upgrade", head.value(b"upgrade") or b"websocket")]
    elif not keep_alive:
        headers.append((b"connection", b"close"))
    return render_head(head.first_line, headers)


def _outer(header: Header, host: VirtualHost) -> Header:
    name, value = header
    if name == b"location":
        return name, outer_location(host, value.decode("latin-1")).encode("latin-1")
    if name == b"set-cookie":
        return name, outer_cookie(host, value.decode("latin-1")).encode("latin-1")
    return header
