"""The client's bare socket after an upgrade request, until the tunnel takes it over."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol


class _Owner(Protocol):
    transport: asyncio.Transport

    def resume_reading(self) -> None: ...
    def connection_lost(self, exc: Exception | None) -> None: ...


class ClientSocket:
    """`rest` is what the client sent behind the handshake. Reading is paused until `join` or `refuse`."""

    def __init__(self, owner: _Owner, rest: bytes) -> None:
        self._owner = owner
        self.rest = rest
        self.on_shutdown: Callable[[], None] | None = None

    @property
    def transport(self) -> asyncio.Transport:
        return self._owner.transport

    def join(self, protocol: asyncio.Protocol) -> None:
        """From now on `protocol` receives what the client sends; it calls `left` when the socket is gone."""
        self.transport.set_protocol(protocol)
        self.transport.resume_reading()

    def refuse(self) -> None:
        """It stays the server's: what the client sends is thrown away, and that it leaves is noticed."""
        self._owner.resume_reading()

    def left(self) -> None:
        """The socket is gone: the server may forget it."""
        self._owner.connection_lost(None)
