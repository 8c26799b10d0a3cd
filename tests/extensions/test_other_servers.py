"""`uvicorn app.main:app` serves the current directory: what works there, and what is refused."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import h11
import pytest

from tests.extensions.support import environment, write_descriptor
from tests.support.ports import free_port
from tests.support.raw_backend import Link, RawBackend, answer, raw_backend
from tests.support.raw_client import Answered, RawClient, raw_client
from tests.support.running import run

ROOT = Path(__file__).resolve().parents[2]
PLAIN = ("--no-server-header", "--no-date-header", "--no-proxy-headers")
OWN_PROTOCOL = ("--http", "app.inbound.standalone:StandaloneProtocol", "--ws", "none")
LOG = "log"
UPGRADE = b"connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n"
HANDSHAKE = b"sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\norigin: http://gateway\r\n"


async def echoes(link: Link) -> None:
    """Answers with the body it gets; agrees to web sockets."""
    while True:
        received = await link.request()
        if received.values(b"upgrade"):
            await link.send(b"HTTP/1.1 101 X\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n\x81\x02hi")
            await link.gone()
            return
        await link.send(answer(received.body))


@asynccontextmanager
async def uvicorn(
    workdir: Path, *options: str, app: str = "app.main:app"
) -> AsyncIterator[tuple[RawBackend, RawClient]]:
    """A uvicorn that somebody started in the working directory."""
    async with raw_backend(echoes) as backend:
        write_descriptor(workdir, websockets={"enabled": True})
        port = free_port()
        with (workdir / LOG).open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "uvicorn", app, "--port", str(port), *PLAIN, *options,
                cwd=workdir,
                env={**os.environ, **environment(backend.port), "PYTHONPATH": str(ROOT)},
                stdout=log, stderr=asyncio.subprocess.DEVNULL,
            )  # fmt: skip
        try:
            async with raw_client(await listening(port, process)) as client:
                yield backend, client
        finally:
            process.terminate()
            assert await process.wait() in (0, -15)


async def listening(port: int, process: asyncio.subprocess.Process) -> int:
    """The port, once somebody listens there."""
    while process.returncode is None:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.02)
        else:
            writer.close()
            return port
    raise AssertionError("uvicorn did not start")


@pytest.mark.parametrize("options", [(), ("--http", "h11"), ("--http", "httptools"), OWN_PROTOCOL])
def test_requests_with_and_without_body(tmp_path: Path, options: tuple[str, ...]) -> None:
    async def test() -> None:
        async with uvicorn(tmp_path, *options) as (backend, client):
            assert (await client.get(b"/service/x%20y?a=1")).status == 200
            head = b"POST /service/x HTTP/1.1\r\nhost: gateway\r\n"
            await client.send(head + b"transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
            answered = await client.answer("POST")
            assert answered.body == b"abc"
            assert len(answered.values(b"server")) <= 1
            assert backend.requests[0].target == b"/service/x%20y?a=1"
            missing = await client.get(b"/missing")
            assert (missing.status, missing.values(b"x-error-origin")) == (404, [b"client"])

    run(test())


@pytest.mark.parametrize("options", [(), OWN_PROTOCOL])
def test_ambiguous_requests_are_refused_and_written(tmp_path: Path, options: tuple[str, ...]) -> None:
    async def test() -> Answered:
        async with uvicorn(tmp_path, *options) as (backend, client):
            await client.send(b"GET /service/x?y HTTP/1.1\r\nhost: one\r\nhost: two\r\n\r\n")
            answered = await client.answer()
            assert backend.requests == []
            return answered

    answered = run(test())
    lines = [json.loads(line) for line in (tmp_path / LOG).read_text().splitlines() if line.startswith("{")]
    [line] = [line for line in lines if line["type"] == "request"]
    assert (answered.status, line["response_status"], line["failure"]) == (400, 400, "BAD_REQUEST")
    assert (line["method"], line["request"]) == ("GET", "/service/x?y")
    assert answered.values(b"x-correlationid") == [line["correlation_id"].encode()]


@pytest.mark.parametrize(
    ("options", "status"),
    [((), 403), (("--http", "h11", "--ws", "none"), 404), (("--http", "httptools", "--ws", "none"), 404)],
)
def test_web_sockets_are_refused_by_other_protocols(tmp_path: Path, options: tuple[str, ...], status: int) -> None:
    """A server without web sockets takes the handshake for an ordinary request, which it must not become."""

    async def test() -> None:
        async with uvicorn(tmp_path, *options) as (backend, client):
            await client.send(b"GET /service/x HTTP/1.1\r\nhost: gateway\r\n" + UPGRADE + HANDSHAKE + b"\r\n")
            assert (await client.answer()).status == status
            assert backend.requests == []

    run(test())


def test_web_sockets_pass_with_our_protocol(tmp_path: Path) -> None:
    async def test() -> None:
        async with uvicorn(tmp_path, *OWN_PROTOCOL) as (_, client):
            await client.send(b"GET /service/x HTTP/1.1\r\nhost: gateway\r\n" + UPGRADE + HANDSHAKE + b"\r\n")
            assert (await client.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
            assert await client.reader.readexactly(4) == b"\x81\x02hi"

    run(test())


FAILING = """
from app.extensions import Extension, at
from app.main import create_app


def fails(app):
    async def run(scope, receive, send):
        raise RuntimeError("an extension's mistake")

    return run


def begins(app):
    async def run(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"part", "more_body": True})
        raise RuntimeError("an extension's mistake")

    return run


app = create_app(extensions=[Extension(first=[at("/fails", fails), at("/begins", begins)])])
"""


@pytest.mark.parametrize("options", [("--http", "h11"), ("--http", "httptools"), OWN_PROTOCOL])
def test_mistakes_of_middleware_are_answered_and_begun_answers_break(tmp_path: Path, options: tuple[str, ...]) -> None:
    (tmp_path / "start.py").write_text(FAILING)

    async def test() -> None:
        async with uvicorn(tmp_path, *options, app="start:app") as (_, client):
            answered = await client.get(b"/fails")
            assert (answered.status, answered.values(b"x-frame-options")) == (500, [b"SAMEORIGIN"])
            assert (await client.get(b"/service/x")).status == 200
            with pytest.raises((ConnectionError, h11.RemoteProtocolError)):
                await client.get(b"/begins")

    run(test())


def test_an_invalid_configuration_ends_the_start_with_its_problems(tmp_path: Path) -> None:
    async def test() -> None:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "uvicorn", "app.main:app", "--port", "0",
            cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        _, shown = await process.communicate()
        assert process.returncode == 3
        assert b"a file xs-app.json in the working directory" in shown

    run(test())
