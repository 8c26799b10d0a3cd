"""Sockets as on real links: loopback's large buffers in the kernel would hide who waits for whom."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any
from unittest.mock import patch

from app.inbound.protocol import InboundProtocol
from app.transport.connection import Connection
from tests.support.raw_client import RawClient

SENT = 16384
"""What the kernel keeps of what we send, at first."""

TAKEN = 4096


@contextmanager
def small_send_buffers() -> Iterator[None]:
    """The gateway's own sockets keep little of what they send."""
    with _small(InboundProtocol), _small(Connection):
        yield


def _small(protocol: type[InboundProtocol | Connection]) -> Any:
    made = protocol.connection_made

    def connection_made(self: Any, transport: asyncio.BaseTransport) -> None:
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SENT)
        made(self, transport)

    return patch.object(protocol, "connection_made", connection_made)


@asynccontextmanager
async def narrow_client(port: int) -> AsyncIterator[RawClient]:
    """A client with a small window, which reads when the test does."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, TAKEN)
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
    reader, writer = await asyncio.open_connection(sock=sock, limit=TAKEN)
    try:
        yield RawClient(reader, writer)
    finally:
        writer.transport.abort()
