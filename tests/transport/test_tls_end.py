"""Answers over TLS that end with their connection: complete only where the backend itself has ended it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from app.errors import Failure, GatewayError
from app.transport.connection import Timeouts
from app.transport.connector import Connector
from app.transport.deadlines import Deadlines
from app.transport.pool import Pool, PoolLimits
from app.transport.pool_key import DirectKey, TlsIdentity
from app.transport.tls import TlsContexts
from tests.support.running import run
from tests.support.tls_files import TlsFiles, tls_files
from tests.transport.test_connection import GET

ANSWER = b"HTTP/1.1 200 OK\r\n\r\nbody"


@asynccontextmanager
async def tls_backend(files: TlsFiles, read: asyncio.Event, *, cut: bool) -> AsyncIterator[int]:
    """Answers once and ends the connection when the answer has been `read`: with close_notify, or `cut` without."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(ANSWER)
        await read.wait()
        writer.transport.abort() if cut else writer.close()

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.server)
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def read_from(port: int, files: TlsFiles, read: asyncio.Event) -> bytes:
    """The body of the backend's answer."""
    deadlines = Deadlines(asyncio.get_running_loop())
    pool = Pool(Connector(deadlines, TlsContexts([files.authority]), Timeouts()), PoolLimits())
    connection = await pool.take(DirectKey("localhost", port, TlsIdentity()))
    try:
        connection.start(GET, "GET", 30.0, has_body=False)
        await connection.wait_head()
        body = await connection.read()
        read.set()
        while piece := await connection.read():
            body += piece
        return body
    finally:
        pool.give(connection)
        pool.close()
        deadlines.close()


def test_an_answer_that_the_backend_ends_is_complete() -> None:
    async def test() -> None:
        read = asyncio.Event()
        with tls_files("localhost") as files:
            async with tls_backend(files, read, cut=False) as port:
                assert await read_from(port, files, read) == b"body"

    run(test())


def test_an_answer_whose_connection_is_cut_is_not_complete() -> None:
    """RFC 9112, 9.8: whoever is on the way could cut it."""

    async def test() -> None:
        read = asyncio.Event()
        with tls_files("localhost") as files:
            async with tls_backend(files, read, cut=True) as port:
                with pytest.raises(GatewayError) as caught:
                    await read_from(port, files, read)
                assert caught.value.failure is Failure.BACKEND_CLOSED

    run(test())
