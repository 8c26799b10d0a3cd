"""SIGTERM: the log tells when it came, what was under way, and what was cut."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.extensions.support import environment, write_descriptor
from tests.extensions.test_other_servers import listening
from tests.inbound_http2.h2_client import h2_client
from tests.support.ports import free_port
from tests.support.raw_backend import Link, RawBackend, raw_backend
from tests.support.raw_client import raw_client
from tests.support.running import eventually, run

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = "import app.inbound.server as s; s.GRACE_SECONDS = 0.5; from app.__main__ import main; main()"
"""The gateway, but for the grace that would make these tests slow."""


async def endless(link: Link) -> None:
    """A download without an end; `/service/silent` is never answered."""
    if (await link.request()).target == b"/service/silent":
        return await link.gone()
    await link.send(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\nhello")
    await link.gone()


@asynccontextmanager
async def instance(
    folder: Path, lines: list[dict[str, Any]], **variables: str
) -> AsyncIterator[tuple[int, RawBackend]]:
    """A gateway of its own, which is told to stop at the end; `lines` is its log then. Yields its port."""
    async with raw_backend(endless) as backend:
        port = free_port()
        patient = json.dumps([{"name": "backend", "url": f"http://127.0.0.1:{backend.port}"}])
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", PROGRAM, "-w", str(write_descriptor(folder)), cwd=ROOT,
            env={**os.environ, **environment(backend.port), "destinations": patient, "PORT": str(port), **variables},
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        try:
            await listening(port, process)
            yield port, backend
        finally:
            process.terminate()
            output, _ = await process.communicate()
        assert process.returncode == 0
        lines.extend(map(json.loads, output.splitlines()))


def told(lines: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """What the lines say, in order."""
    return [
        (line["failure"], line["response_status"]) if line["type"] == "request" else (line["msg"],) for line in lines
    ]


def test_an_idle_instance_says_that_it_was_told_to_stop_and_that_it_has_stopped(tmp_path: Path) -> None:
    lines: list[dict[str, Any]] = []

    async def test() -> None:
        async with instance(tmp_path, lines) as (port, _), raw_client(port) as client:
            assert (await client.get(b"/.gangway/live")).status == 200

    run(test())
    _, begun, ended = [line for line in lines if line["type"] == "log"]
    assert (begun["msg"], ended["msg"]) == ("told to stop", "stopped")
    assert (begun["requests"], ended["requests_cut"], ended["level"]) == (0, 0, "info")


@pytest.mark.parametrize(("target", "status"), [(b"/service/download", 200), (b"/service/silent", 503)])
def test_what_is_cut_has_its_line(tmp_path: Path, target: bytes, status: int) -> None:
    lines: list[dict[str, Any]] = []

    async def test() -> None:
        async with instance(tmp_path, lines) as (port, backend):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET %b HTTP/1.1\r\nhost: gateway\r\n\r\n" % target)
            await eventually(lambda: backend.requests != [])
            if status == 200:
                await reader.readuntil(b"hello")
        with pytest.raises(ConnectionError):
            await reader.read()
        writer.close()

    run(test())
    assert told(lines) == [("listening",), ("told to stop",), ("STOPPED", status), ("stopped",)]
    assert (lines[1]["requests"], lines[1]["grace_seconds"]) == (1, 0.5)
    assert (lines[3]["requests_cut"], lines[3]["level"]) == (1, "warn")


def test_a_stream_of_http2_that_is_cut_has_its_line(tmp_path: Path) -> None:
    lines: list[dict[str, Any]] = []

    async def test() -> None:
        async with instance(tmp_path, lines, HTTP2_SUPPORT="true") as (port, _):
            clients = AsyncExitStack()
            client = await clients.enter_async_context(h2_client(port))
            stream = client.request(b"/service/download")
            await eventually(lambda: client.streams[stream].body == b"hello")
        assert (await client.answer(stream)).reset is not None
        await clients.aclose()

    run(test())
    assert told(lines) == [("listening",), ("told to stop",), ("STOPPED", 200), ("stopped",)]
