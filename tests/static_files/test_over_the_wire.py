"""Static files on a real socket, behind the server that the product uses."""

from __future__ import annotations

import asyncio
import http.client
import threading
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from app.request_head import RequestHead
from app.send_answer import Send
from app.static_files.local_directory import LocalDirectory
from tests.static_files.support import LARGE, TEXT


@pytest.fixture
def connection(root: Path) -> Iterator[http.client.HTTPConnection]:
    directory = LocalDirectory(root)

    async def app(scope: MutableMapping[str, Any], receive: object, send: Send) -> None:
        head = RequestHead.from_scope(scope)
        await directory.serve(head, head.path, send)

    config = uvicorn.Config(
        app, host="127.0.0.1", port=0, lifespan="off", log_config=None, date_header=False, server_header=False
    )
    server = uvicorn.Server(config)
    listening = config.bind_socket()
    listening.listen()
    host, port = listening.getsockname()
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([listening])))
    thread.start()
    client = http.client.HTTPConnection(host, port, timeout=10)
    try:
        yield client
    finally:
        client.close()
        server.should_exit = True
        thread.join()


def test_one_connection_carries_all_kinds_of_answers(connection: http.client.HTTPConnection) -> None:
    def ask(method: str, path: str, **headers: str) -> tuple[int, bytes, http.client.HTTPMessage]:
        connection.request(method, path, headers=headers)
        response = connection.getresponse()
        return response.status, response.read(), response.headers

    status, body, headers = ask("GET", "/text.txt")
    assert (status, body) == (200, TEXT)
    assert headers["date"].endswith("GMT")
    assert ask("HEAD", "/large.bin")[:2] == (200, b"")
    assert ask("GET", "/text.txt", **{"If-None-Match": headers["etag"]})[:2] == (304, b"")
    assert ask("GET", "/large.bin", Range="bytes=-10")[:2] == (206, LARGE[-10:])
    assert ask("GET", "/text.txt", Range="bytes=9000-")[:2] == (416, b"")
    assert ask("GET", "/sub")[0] == 302
    assert ask("GET", "/large.bin")[:2] == (200, LARGE)
