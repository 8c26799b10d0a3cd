"""When the socket of a client is read: not while somebody has enough of it."""

from __future__ import annotations

import asyncio


class ReadingProtocol(asyncio.Protocol):
    """A protocol whose reading can be paused."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self._reading_paused = False
        self._closed = False

    def pause_reading(self) -> None:
        """Read nothing until `resume_reading`."""
        if not self._reading_paused:
            self._reading_paused = True
            self.transport.pause_reading()

    def resume_reading(self) -> None:
        """Read again."""
        if self._reading_paused and not self._closed:
            self._reading_paused = False
            self.transport.resume_reading()
