"""Opens sockets for pool keys: direct, through a forward proxy (plain or CONNECT), to the connectivity proxy."""

from __future__ import annotations

import asyncio
import ssl
from enum import Enum

from app.errors import Failure, GatewayError
from app.transport.connect_reason import ConnectReason, connect_reason
from app.transport.connection import Connection, Timeouts
from app.transport.deadlines import Deadlines
from app.transport.names import resolvable
from app.transport.pool_key import DirectKey, OnPremiseKey, PoolKey, Proxy, TlsIdentity
from app.transport.tls import TlsContexts

MAX_CONNECT_ANSWER = 16 * 1024

_OPEN_FILES = "Raise the limit of open files (ulimit -n) or the number of instances, or lower GATEWAY_MAX_SOCKETS."
_PLAIN_HTTP = "It does not speak TLS there: does the destination's URL have to begin with http:// instead of https://?"


class Connector:
    """Makes connections; `timeouts.connect` covers name, TCP, proxy and TLS together."""

    def __init__(self, deadlines: Deadlines, contexts: TlsContexts, timeouts: Timeouts) -> None:
        self._deadlines = deadlines
        self._contexts = contexts
        self._timeouts = timeouts

    async def open(self, key: PoolKey) -> Connection:
        """A fresh connection. Raises GatewayError naming the hop that could not be reached."""
        asked = _first_asked(key)
        try:
            async with asyncio.timeout(self._timeouts.connect):
                if not (isinstance(key, DirectKey) and key.proxy is not None and key.tls is not None):
                    return await self._open(key)
                tunnel = await self._tunnel(key, key.proxy)
                asked = Asked.BACKEND
                return await self._secured(tunnel, key, key.tls)
        except TimeoutError:
            raise _too_late(asked, self._timeouts.connect) from None
        except ssl.SSLError as error:
            raise _tls_failed(error) from error
        except OSError as error:
            raise _unreachable(asked, error) from error

    async def _open(self, key: PoolKey) -> Connection:
        match key:
            case OnPremiseKey(proxy=proxy):
                return await self._plain(proxy.host, proxy.port)
            case DirectKey(proxy=Proxy() as proxy):
                return await self._plain(proxy.host, proxy.port)
            case DirectKey():
                context = self._contexts.get(key.tls) if key.tls is not None else None
                return await self._plain(key.host, key.port, context, key.host)

    async def _plain(
        self, host: str, port: int, context: ssl.SSLContext | None = None, server_name: str | None = None
    ) -> Connection:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(
            self._connection, resolvable(host), port, ssl=context, server_hostname=server_name if context else None
        )
        return connection

    def _connection(self) -> Connection:
        return Connection(asyncio.get_running_loop(), self._deadlines, self._timeouts)

    async def _tunnel(self, key: DirectKey, proxy: Proxy) -> asyncio.Transport:
        """https behind a forward proxy: CONNECT first (RFC 9110, 9.3.6), then TLS inside."""
        loop = asyncio.get_running_loop()
        reply = _ConnectReply(loop.create_future())
        transport, _ = await loop.create_connection(lambda: reply, resolvable(proxy.host), proxy.port)
        authority = f"{key.host}:{key.port}"
        transport.write(f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n".encode("ascii"))
        try:
            status = await reply.status
            if status != 200:
                raise GatewayError(Failure.FORWARD_PROXY_FAILED, f"it answered CONNECT with {status}")
        except BaseException:
            transport.abort()
            raise
        return transport

    async def _secured(self, tunnel: asyncio.Transport, key: DirectKey, identity: TlsIdentity) -> Connection:
        try:
            connection = self._connection()
            context = self._contexts.get(identity)
            loop = asyncio.get_running_loop()
            secured = await loop.start_tls(tunnel, connection, context, server_hostname=key.host)
        except BaseException:
            tunnel.abort()
            raise
        if secured is None:
            raise GatewayError(Failure.BACKEND_TLS_FAILED, "closed during the handshake")
        connection.connection_made(secured)
        return connection


class _ConnectReply(asyncio.Protocol):
    """Reads the proxy's answer to CONNECT; `status` becomes its status, 0 for none."""

    def __init__(self, status: asyncio.Future[int]) -> None:
        self.status = status
        self._data = b""

    def data_received(self, data: bytes) -> None:
        self._data += data
        if self.status.done() or (b"\r\n\r\n" not in self._data and len(self._data) < MAX_CONNECT_ANSWER):
            return
        words = self._data.split(b" ", 2)
        valid = words[0] in (b"HTTP/1.1", b"HTTP/1.0") and len(words) > 1 and words[1][:3].isdigit()
        self.status.set_result(int(words[1][:3]) if valid else 0)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.status.done():
            self.status.set_exception(ConnectionError("closed during CONNECT"))


class Asked(Enum):
    """Who is asked for a connection, and is to blame where there is none: the failure, by its own name and in time."""

    BACKEND = (Failure.BACKEND_UNREACHABLE, Failure.BACKEND_TIMEOUT)
    CONNECTIVITY_PROXY = (Failure.PROXY_UNREACHABLE, Failure.PROXY_UNREACHABLE)
    FORWARD_PROXY = (Failure.FORWARD_PROXY_FAILED, Failure.FORWARD_PROXY_FAILED)


def _first_asked(key: PoolKey) -> Asked:
    if isinstance(key, OnPremiseKey):
        return Asked.CONNECTIVITY_PROXY
    return Asked.BACKEND if key.proxy is None else Asked.FORWARD_PROXY


def _too_late(asked: Asked, seconds: float) -> GatewayError:
    failure = asked.value[1]
    advice = f"{asked.value[0].value.advice} GATEWAY_CONNECT_TIMEOUT is how long a connection may take."
    return GatewayError(failure, f"no connection within {round(seconds * 1000)} ms", advice=advice)


def _unreachable(asked: Asked, error: OSError) -> GatewayError:
    reason = connect_reason(error) or ConnectReason("")
    if reason.exhausted:
        return GatewayError(Failure.OVERLOADED, reason.text, advice=_OPEN_FILES)
    return GatewayError(asked.value[0], reason.text)


def _tls_failed(error: ssl.SSLError) -> GatewayError:
    reason = connect_reason(error) or ConnectReason("")
    advice = _PLAIN_HTTP if reason.no_tls else ""
    return GatewayError(Failure.BACKEND_TLS_FAILED, reason.text, advice=advice, logged=reason.logged)
