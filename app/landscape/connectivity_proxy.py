"""The connectivity proxy: HTTP forward proxy of the platform into the tunnels of Cloud Connectors (protocols, 5).

A raw server, because the state of each connection is the point: a connection is a tunnel, bound to what it first
carried, and every request that does not belong on it is counted.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable

from app.landscape.cloud_connector import CloudConnector
from app.landscape.faults import Fault, Faults
from app.landscape.http_wire import MAX_HEAD
from app.landscape.journal import Journal, Station, correlation_id
from app.landscape.proxy_admission import Admission, Connection, Gatekeeper
from app.landscape.proxy_refusal import Refusal, station_down
from app.landscape.proxy_request import ProxyRequest
from app.landscape.server import LOOPBACK, loopback_socket
from app.landscape.token_principal import Validate
from app.landscape.tunnel import Tunnel
from app.landscape.tunnel_binding import Violation

KEPT_CONNECTIONS = 20_000


class ConnectivityProxy:
    """A station with counters: `requests`, `violations`, `connections_opened`, `requests_per_connection`.

    `validate` checks a token of the landscape; proxy tokens must have been issued for `client_id` (the connectivity
    binding's).
    """

    def __init__(self, *, validate: Validate, client_id: str, journal: Journal, faults: Faults, port: int = 0) -> None:
        self._gatekeeper = Gatekeeper(validate=validate, client_id=client_id, faults=faults)
        self._journal = journal
        self._faults = faults
        self._wanted_port = port
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()
        self._connections: deque[Connection] = deque(maxlen=KEPT_CONNECTIONS)
        self.host = LOOPBACK
        self.port = 0
        self.requests = 0
        self.connections_opened = 0
        self.violations: list[Violation] = []

    async def start(self) -> None:
        """Listen on loopback; `port` is set then."""
        bound = loopback_socket(self._wanted_port)
        self.port = bound.getsockname()[1]
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _TunnelProtocol(self._serve), sock=bound, backlog=1024)

    async def stop(self) -> None:
        """Close the port and every tunnel; harmless when not started."""
        if self._server is None:
            return
        self._server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)
        await self._server.wait_closed()
        self._server = None

    def connect(self, connector: CloudConnector) -> None:
        """A Cloud Connector opens its tunnel; it replaces one of the same tenant and location id."""
        self._gatekeeper.connect(connector)

    def disconnect(self, tenant: str, location_id: str = "") -> None:
        """A Cloud Connector leaves; harmless when it is not connected."""
        self._gatekeeper.disconnect(tenant, location_id)

    @property
    def requests_per_connection(self) -> list[int]:
        """How many requests each connection carried, in the order they were opened (the last 20,000)."""
        return [connection.requests for connection in self._connections]

    @property
    def open_connections(self) -> int:
        """Connections that are open now."""
        return len(self._open)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        self.connections_opened += 1
        connection = Connection(self.connections_opened)
        self._connections.append(connection)

        async def admit(request: ProxyRequest) -> Admission:
            return await self._admit(connection, request)

        def refused(request: ProxyRequest, refusal: Refusal) -> None:
            self._note_refusal(connection, request, refusal)

        try:
            await Tunnel(reader, writer, admit, refused).serve()
        finally:
            self._open.discard(task)

    async def _admit(self, connection: Connection, request: ProxyRequest) -> Admission:
        connection.requests += 1
        self.requests += 1
        await self._suffer_faults()
        admission = await self._gatekeeper.admit(connection, request, self.violations.append)
        self._note_carried(connection, request, admission)
        return admission

    async def _suffer_faults(self) -> None:
        if self._faults.is_on(Fault.SLOW, Station.CONNECTIVITY_PROXY):
            await asyncio.sleep(self._faults.slow_seconds)
        if self._faults.is_on(Fault.SERVER_ERROR, Station.CONNECTIVITY_PROXY):
            raise station_down()

    def _note_refusal(self, connection: Connection, request: ProxyRequest, refusal: Refusal) -> None:
        self._journal.record(
            Station.CONNECTIVITY_PROXY,
            "refused",
            correlation_id=_correlation(request),
            connection=connection.number,
            method=request.method,
            system=request.system,
            path=request.target,
            location_id=request.location_id,
            status=refusal.status,
            text=refusal.text,
        )

    def _note_carried(self, connection: Connection, request: ProxyRequest, admission: Admission) -> None:
        self._journal.record(
            Station.CONNECTIVITY_PROXY,
            "carried",
            correlation_id=_correlation(request),
            principal=admission.binding.principal.name,
            connection=connection.number,
            method=request.method,
            system=request.system,
            path=request.target,
            tenant=admission.binding.tenant,
            location_id=request.location_id,
        )
        self._journal.record(
            Station.CLOUD_CONNECTOR,
            "forwarded",
            correlation_id=_correlation(request),
            principal=admission.binding.principal.name,
            connection=connection.number,
            principal_kind=admission.binding.principal.kind.value,
            virtual_host=request.system,
            internal_host=admission.host.internal,
            certificate=bool(admission.certificate),
        )


def _correlation(request: ProxyRequest) -> str:
    return correlation_id((name.decode("latin-1"), value.decode("latin-1")) for name, value in request.head.headers)


class _TunnelProtocol(asyncio.StreamReaderProtocol):
    """Streams for one connection; a client that leaves ends the work done for it at once."""

    def __init__(self, serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]) -> None:
        self._serve = serve
        self._serving: asyncio.Task[None] | None = None
        super().__init__(asyncio.StreamReader(limit=MAX_HEAD), self._begin)

    def _begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._serving = asyncio.create_task(self._run(reader, writer))

    async def _run(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await self._serve(reader, writer)

    def eof_received(self) -> bool:
        super().eof_received()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._serving is not None:
            self._serving.cancel()
