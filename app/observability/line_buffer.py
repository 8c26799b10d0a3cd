"""Lines of the access log, written a few times a second instead of one system call for each request."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from typing import TextIO

FLUSH_SECONDS = 0.1
FLUSH_CHARACTERS = 64 * 1024


class LineBuffer:
    """Collects lines for a stream; they are written after 100 ms, 64 K characters or with `flush`, in order.

    Outside of an event loop every line is written at once.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream
        self._lines: list[str] = []
        self._size = 0
        self._timer: asyncio.TimerHandle | None = None

    def write(self, line: str) -> None:
        """Take a line, with its line end."""
        self._lines.append(line)
        self._size += len(line)
        if self._timer is None:
            try:
                self._timer = asyncio.get_running_loop().call_later(FLUSH_SECONDS, self.flush)
            except RuntimeError:
                self.flush()
        elif self._size >= FLUSH_CHARACTERS:
            self.flush()

    def flush(self) -> None:
        """Write what was collected."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        text, self._lines, self._size = "".join(self._lines), [], 0
        stream = self._stream or sys.stdout
        with suppress(OSError, ValueError):  # the stream is closed: requests are served all the same
            stream.write(text)
            stream.flush()
