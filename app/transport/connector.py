"""Opens sockets for pool keys: direct, through a forward proxy (plain or CONNECT), to the connectivity proxy."""

from __future__ import annotations

import asyncio
import ssl
from typing import cast

from app.errors import Failure, GatewayError
from app.transport.connection import Connection, Timeouts
from app.transport.deadlines import Deadlines
from app.transport.names import resolvable
from app.transport.pool_key import DirectKey, OnPremiseKey, PoolKey, Proxy
from app.transport.tls import TlsContexts

MAX_CONNECT_ANSWER = 16 * 1024


class Connector:
    """Makes connections; `timeouts.connect` covers name, TCP, proxy and TLS together."""

    def __init__(self, deadlines: Deadlines, contexts: TlsContexts, timeouts: Timeouts) -> None:
        self._deadlines = deadlines
        self._contexts = contexts
        self._timeouts = timeouts

    async def open(self, key: PoolKey) -> Connection:
        """A fresh connection. Raises GatewayError naming the hop that could not be reached."""
        try:
            async with asyncio.timeout(self._timeouts.connect):
                return await self._open(key)
        except TimeoutError:
            raise GatewayError(Failure.BACKEND_TIMEOUT, "no connection in time") from None
        except ssl.SSLError as error:
            raise GatewayError(Failure.BACKEND_TLS_FAILED, _tls_reason(error)) from error
        except OSError as error:
            raise GatewayError(_unreachable(key)) from error

    async def _open(self, key: PoolKey) -> Connection:
        match key:
            case OnPremiseKey(proxy=proxy):
                return await self._plain(proxy.host, proxy.port)
            case DirectKey(proxy=None, tls=None):
                return await self._plain(key.host, key.port)
            case DirectKey(proxy=None, tls=tls) if tls is not None:
                return await self._plain(key.host, key.port, self._contexts.get(tls), key.host)
            case DirectKey(proxy=proxy, tls=None) if proxy is not None:
                return await self._plain(proxy.host, proxy.port)
            case _:
                return await self._tunnelled(key)

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

    async def _tunnelled(self, key: DirectKey) -> Connection:
        """https behind a forward proxy: CONNECT first (RFC 9110, 9.3.6), then TLS inside."""
        loop = asyncio.get_running_loop()
        proxy, identity = cast(Proxy, key.proxy), key.tls
        tunnel = _ConnectReply(loop.create_future())
        transport, _ = await loop.create_connection(lambda: tunnel, resolvable(proxy.host), proxy.port)
        authority = f"{key.host}:{key.port}"
        transport.write(f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n".encode("ascii"))
        try:
            status = await tunnel.reply
            if status != 200:
                raise GatewayError(Failure.PROXY_UNREACHABLE, f"the proxy answered CONNECT with {status}")
            connection = self._connection()
            context = self._contexts.get(identity) if identity else ssl.create_default_context()
            secured = await loop.start_tls(transport, connection, context, server_hostname=key.host)
        except BaseException:
            transport.abort()
            raise
        if secured is None:
            raise GatewayError(Failure.BACKEND_TLS_FAILED, "closed during the handshake")
        connection.connection_made(secured)
        return connection


class _ConnectReply(asyncio.Protocol):
    """Reads the proxy's answer to CONNECT; the future gets its status."""

    def __init__(self, reply: asyncio.Future[int]) -> None:
        self.reply = reply
        self._data = b""

    def data_received(self, data: bytes) -> None:
        self._data += data
        if self.reply.done() or (b"\r\n\r\n" not in self._data and len(self._data) < MAX_CONNECT_ANSWER):
            return
        words = self._data.split(b" ", 2)
        valid = words[0] in (b"HTTP/1.1", b"HTTP/1.0") and len(words) > 1 and words[1][:3].isdigit()
        self.reply.set_result(int(words[1][:3]) if valid else 0)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.reply.done():
            self.reply.set_exception(ConnectionError("closed during CONNECT"))


def _unreachable(key: PoolKey) -> Failure:
    behind_proxy = isinstance(key, OnPremiseKey) or key.proxy is not None
    return Failure.PROXY_UNREACHABLE if behind_proxy else Failure.BACKEND_UNREACHABLE


def _tls_reason(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    return error.reason or "handshake failed"
