"""The gateway as a process of its own beside the landscape."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence

from app.landscape.server import LOOPBACK

START_SECONDS = 60.0
STOP_SECONDS = 10.0
ANSWER_SECONDS = 2.0
_POLL_SECONDS = 0.1


class GatewayProcess:
    """Starts a command and ends it for sure; `stop` is set when the user wants the end.

    It runs apart from our terminal, so that Ctrl-C reaches it through us alone.
    """

    def __init__(
        self, arguments: Sequence[str], environment: Mapping[str, str], port: int, stop: asyncio.Event
    ) -> None:
        self._arguments = list(arguments)
        self._environment = dict(environment)
        self._port = port
        self._stop = stop
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> bool:
        """Whether it answers; False when it ended, was to stop, or took longer than `START_SECONDS`."""
        self._process = await asyncio.create_subprocess_exec(
            *self._arguments, env=self._environment, start_new_session=True
        )
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(START_SECONDS):
                while self._process.returncode is None and not self._stop.is_set():
                    if await _answers(self._port):
                        return self._process.returncode is None
                    await asyncio.sleep(_POLL_SECONDS)
        return False

    async def wait_for_end(self) -> int:
        """Wait until it is to stop (0), or the process ends by itself (its exit code, at least 1)."""
        assert self._process is not None
        asked, ended = asyncio.create_task(self._stop.wait()), asyncio.create_task(self._process.wait())
        await asyncio.wait((asked, ended), return_when=asyncio.FIRST_COMPLETED)
        asked.cancel()
        ended.cancel()
        return 0 if self._stop.is_set() else abs(self._process.returncode or 1)

    async def stop(self) -> None:
        """Ask it to end, and kill it when it does not within `STOP_SECONDS`; harmless when it never started."""
        if self._process is None or self._process.returncode is not None:
            return
        self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), STOP_SECONDS)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()


async def _answers(port: int) -> bool:
    """Whether somebody speaks HTTP there; that a port takes connections says nothing yet."""
    try:
        reader, writer = await asyncio.open_connection(LOOPBACK, port)
    except OSError:
        return False
    try:
        writer.write(b"GET /.gangway/live HTTP/1.0\r\n\r\n")
        async with asyncio.timeout(ANSWER_SECONDS):
            return (await reader.read(5)).startswith(b"HTTP")
    except (OSError, TimeoutError):
        return False
    finally:
        writer.close()
