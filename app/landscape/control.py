"""The control port: the journal to read, the faults to switch. No CORS: only the machine itself and the gateway ask."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.landscape.faults import EVERYWHERE, Fault, Faults
from app.landscape.journal import Journal
from app.landscape.server import AppServer


class Control:
    """`GET /journal?since=N&correlation_id=`, `GET /faults`, `PUT` and `DELETE /faults/<name>?value=`."""

    def __init__(self, journal: Journal, faults: Faults) -> None:
        self._journal = journal
        self._faults = faults
        routes = [
            Route("/journal", self._read_journal),
            Route("/faults", self._read_faults),
            Route("/faults/{name}", self._switch, methods=["PUT", "DELETE"]),
        ]
        self._server = AppServer(Starlette(routes=routes))

    async def start(self) -> None:
        """Listen."""
        await self._server.start()

    async def stop(self) -> None:
        """End it."""
        await self._server.stop()

    @property
    def url(self) -> str:
        """Address, without a trailing slash."""
        return self._server.url

    async def _read_journal(self, request: Request) -> Response:
        since = request.query_params.get("since", "0")
        if not since.isdecimal() or len(since) > 18:
            return JSONResponse({"error": "since must be a number"}, 400)
        entries = self._journal.entries(
            since=int(since), correlation_id=request.query_params.get("correlation_id") or None
        )
        return JSONResponse([entry.as_json() for entry in entries], headers={"Cache-Control": "no-store"})

    async def _read_faults(self, _: Request) -> Response:
        return JSONResponse(self._faults.active())

    async def _switch(self, request: Request) -> Response:
        try:
            fault = Fault(request.path_params["name"])
        except ValueError:
            return JSONResponse({"error": "unknown fault", "known": [fault.value for fault in Fault]}, 404)
        value = request.query_params.get("value")
        if request.method == "PUT":
            self._faults.switch_on(fault, EVERYWHERE if value is None else value)
        else:
            self._faults.switch_off(fault, value)
        return JSONResponse(self._faults.active())
