"""A server of ours in a process of its own, to be stopped by a signal, which says at its end how many requests it cut.

`/slow` is answered when a line comes in, `/large` with more than the kernel takes at once.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import uvloop

from app.inbound import server
from app.inbound.protocol import InboundLimits

LARGE = 8 * 1024 * 1024


async def main(port: int, grace_seconds: float) -> None:
    server.GRACE_SECONDS = grace_seconds  # type: ignore[assignment]
    loop = asyncio.get_running_loop()

    async def answer(scope: Any, _receive: Any, send: Any) -> None:
        if scope["path"] == "/slow":
            print("running", flush=True)
            await loop.run_in_executor(None, sys.stdin.readline)
        if scope["path"] == "/large":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"x" * LARGE})
            print("answered", flush=True)
            return
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]})
        await send({"type": "http.response.body", "body": b"done"})

    listener = server.Listener(port, "127.0.0.1")
    cut = await server.serve(answer, listener, InboundLimits(), lambda: print("started", flush=True))
    print("cut", cut, flush=True)


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), float(sys.argv[2])))
