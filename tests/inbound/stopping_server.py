"""A server of ours in a process of its own, to be stopped by a signal; `/slow` is answered when a line comes in."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import uvloop

from app.inbound.protocol import InboundLimits
from app.inbound.server import Listener, serve


async def main(port: int) -> None:
    loop = asyncio.get_running_loop()

    async def app(scope: Any, _receive: Any, send: Any) -> None:
        if scope["path"] == "/slow":
            print("running", flush=True)
            await loop.run_in_executor(None, sys.stdin.readline)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]})
        await send({"type": "http.response.body", "body": b"done"})

    await serve(app, Listener(port, "127.0.0.1"), InboundLimits(), lambda: print("started", flush=True))


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
