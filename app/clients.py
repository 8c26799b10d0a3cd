"""HTTP clients for calls to platform services: tokens, keys, destinations. Never for forwarding (see `transport`).

One client per client certificate, made when first used and kept until `aclose`. They follow no redirects, keep no
cookies and ignore proxy variables of the environment: what a token service sees is what we meant to send.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import tempfile
from collections.abc import Mapping, Sequence
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING

from app.observability.trace import note
from app.platform_service import Service
from app.transport.pool_key import ClientCertificate

if TYPE_CHECKING:  # httpx takes a tenth of a second to import: it is loaded with the first call, not at the start
    import httpx

CONNECT_SECONDS = 3.0
MAX_CONNECTIONS = 100
MAX_CLIENTS = 64


Timeouts = tuple[float | None, float | None, float | None, float | None]


class PlatformClients:
    """The factory. `ca_files` are PEM files trusted in addition to the system's authorities; without `verify` everybody
    is. `timeout` in seconds; `timeouts` are those of single services, 0 is without limit.
    """

    def __init__(
        self,
        ca_files: Sequence[str] = (),
        timeout: float = 10.0,
        *,
        timeouts: Mapping[Service, float] | None = None,
        verify: bool = True,
    ) -> None:
        self._ca_files = tuple(ca_files)
        self._timeout = timeout
        self._timeouts = dict(timeouts or {})
        self._verify = verify
        self._clients: dict[tuple[ClientCertificate | None, Service], httpx.AsyncClient] = {}
        self._renewed: dict[ClientCertificate, ClientCertificate] = {}
        self._closing: set[asyncio.Task[None]] = set()

    def get(self, certificate: ClientCertificate | None = None, service: Service = Service.XSUAA) -> httpx.AsyncClient:
        """The client that shows `certificate`, as it is now, or none, with the timeouts of a service.

        Raises ssl.SSLError when the pair is unusable.
        """
        if certificate is not None:
            certificate = self.current(certificate)
        key = (certificate, service)
        client = self._clients.get(key)
        if client is None:
            client = self._clients[key] = self._make(certificate, service)
            if len(self._clients) > MAX_CLIENTS:
                self._retire(next(iter(self._clients)))
        return client

    def current(self, certificate: ClientCertificate) -> ClientCertificate:
        """What has taken the place of a certificate; itself while nothing has."""
        return self._renewed.get(certificate, certificate)

    def replace(self, certificate: ClientCertificate, renewed: ClientCertificate) -> None:
        """From now on show `renewed` where `certificate` is asked for."""
        self._renewed[certificate] = renewed

    def timeout(self, service: Service) -> Timeouts | None:
        """Seconds to connect, read, write and wait for a connection, where they are configured for a service."""
        seconds = self._timeouts.get(service)
        if seconds is None:
            return None
        limit = seconds or None
        return (min(CONNECT_SECONDS, seconds or CONNECT_SECONDS), limit, limit, limit)

    def _retire(self, key: tuple[ClientCertificate | None, Service]) -> None:
        """Close the client used first: certificates are renewed, and old ones are not asked for again."""
        task = asyncio.get_running_loop().create_task(self._clients.pop(key).aclose())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    def _make(self, certificate: ClientCertificate | None, service: Service) -> httpx.AsyncClient:
        import httpx

        from app.loopback_names import LoopbackNames

        context = ssl.create_default_context()
        for path in self._ca_files:
            context.load_verify_locations(path)
        if certificate is not None:
            load_certificate(context, certificate)
        if not self._verify:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        configured = self.timeout(service)
        limits = httpx.Limits(max_connections=MAX_CONNECTIONS, max_keepalive_connections=20, keepalive_expiry=30.0)
        return httpx.AsyncClient(
            transport=LoopbackNames(httpx.AsyncHTTPTransport(verify=context, limits=limits, trust_env=False)),
            timeout=httpx.Timeout(configured or (min(CONNECT_SECONDS, self._timeout), *(self._timeout,) * 3)),
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),  # one jar would serve all users
            follow_redirects=False,
            trust_env=False,
            event_hooks={"request": [_note_request], "response": [_note_response]},
        )

    async def aclose(self) -> None:
        """Close all clients; afterwards `get` makes new ones."""
        clients, self._clients = list(self._clients.values()), {}
        for client in clients:
            await client.aclose()
        await asyncio.gather(*self._closing)


async def _note_request(request: httpx.Request) -> None:
    note("asks %s: %s %s", request.url.netloc.decode(), request.method, request.url.path)


async def _note_response(response: httpx.Response) -> None:
    note("%s answered %d", response.request.headers["host"], response.status_code)


def load_certificate(context: ssl.SSLContext, certificate: ClientCertificate) -> None:
    """Put a PEM pair into a context. OpenSSL reads files only: a private one exists for the moment of reading."""
    descriptor, path = tempfile.mkstemp(suffix=".pem")
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(certificate.certificate.strip() + "\n" + certificate.key.strip() + "\n")
        context.load_cert_chain(path)
    finally:
        os.unlink(path)
