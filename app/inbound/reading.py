"""When the socket of a client is read: not while somebody has enough of it."""

from __future__ import annotations

import asyncio


class ReadingProtocol(asyncio.Protocol):
    """A protocol whose reading can be paused, by its user and, for a moment, by itself."""

    transport: asyncio.Transport

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._reading_paused = False
        self._resting = False
        self._closed = False

    def pause_reading(self) -> None:
        """Read nothing until `resume_reading`."""
        if not self._reading_paused:
            self._reading_paused = True
            if not self._resting:
                self.transport.pause_reading()

    def resume_reading(self) -> None:
        """Read again."""
        if self._reading_paused and not self._closed:
            self._reading_paused = False
            if not self._resting:
                self.transport.resume_reading()

    def rest(self, seconds: float) -> None:
        """Read nothing for a while, whatever the user asks for."""
        if not self._resting:
            self._resting = True
            self._loop.call_later(seconds, self._rested)
            if not self._reading_paused:
                self.transport.pause_reading()

    def _rested(self) -> None:
        self._resting = False
        if not (self._reading_paused or self._closed):
            self.transport.resume_reading()
