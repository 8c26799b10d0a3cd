"""What is written to a client waits for it, but only while it goes on taking something of that (attack 74)."""

from __future__ import annotations

import asyncio
import math
import socket
import struct

from app.inbound.limits import InboundLimits
from app.inbound.reading import ReadingProtocol
from app.transport.deadlines import Deadlines

_AT_ONCE = struct.pack("ii", 1, 0)


def reset(transport: asyncio.Transport) -> None:
    """Reset a connection that is not lost yet, so that no cut answer can look complete: an orderly end is the end of
    the body for clients of HTTP/1.0.
    """
    sock = transport.get_extra_info("socket")
    if sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
    transport.abort()


class WritingProtocol(ReadingProtocol):
    """A protocol whose client has `limits.stalled` to take something of what waits for it, and then again."""

    limits = InboundLimits()
    deadlines: Deadlines

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self.deadline = math.inf
        self._drained: asyncio.Future[None] | None = None
        self._untaken = 0

    def on_deadline(self) -> None:
        """Told once the deadline has passed."""
        raise NotImplementedError

    async def drain(self) -> None:
        """Wait until the client has taken most of what was written."""
        if self._drained is not None:
            await asyncio.shield(self._drained)  # the application may give a `send` up, but not for those after it

    def _limit_taking(self) -> None:
        """From now on the time runs in which the client has to take something."""
        self._untaken = self.transport.get_write_buffer_size()
        self.deadline = self._loop.time() + self.limits.stalled

    def _is_taking(self) -> bool:
        """To be asked at the deadline: whether something has been taken since, for which the time begins anew."""
        if self.transport.get_write_buffer_size() >= self._untaken:
            return False
        self._limit_taking()
        self.deadlines.watch(self)
        return True

    def _close(self) -> None:
        """Close once the client has taken what was written."""
        self.transport.close()
        self._limit_taking()
        self.deadlines.watch(self)
