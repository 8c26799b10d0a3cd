"""What every station behind an `AppServer` has in common: where it is, and its life."""

from __future__ import annotations

from app.landscape.server import AppServer


class Served:
    """A station that serves an ASGI application; whoever inherits sets `_server`."""

    _server: AppServer

    @property
    def port(self) -> int:
        """The loopback port."""
        return self._server.port

    @property
    def url(self) -> str:
        """The address by loopback number, without a trailing slash."""
        return self._server.url

    async def start(self) -> None:
        """Listen on loopback."""
        await self._server.start()

    async def stop(self) -> None:
        """End every connection; harmless when not started."""
        await self._server.stop()
