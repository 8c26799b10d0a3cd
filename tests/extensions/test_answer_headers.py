"""Headers of extensions' answers as clients get them: framed once, by the server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from app.extensions import Extension, Mount
from tests.extensions.support import gateway
from tests.support.running import run

GET = b"GET /ext/ HTTP/1.1\r\nhost: gateway\r\n\r\n"
Headers = list[tuple[bytes, bytes]]


def answering(headers: Headers) -> Any:
    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"body"})

    return app


def extensions(headers: Headers) -> list[Extension]:
    """An application that answers so, mounted, and as middleware of each slot."""
    app = answering(headers)
    return [
        Extension(mounts=[Mount(prefix="/ext", app=app, authentication="none")]),
        Extension(first=[lambda _: app]),
        Extension(before_request_handler=[lambda _: app]),
    ]


@pytest.mark.parametrize("place", range(3), ids=["mounted", "first", "before_request_handler"])
@pytest.mark.parametrize(
    ("headers", "framing"),
    [
        ([(b"transfer-encoding", b"chunked")], [(b"transfer-encoding", b"chunked")]),
        ([(b"Transfer-Encoding", b"gzip")], [(b"transfer-encoding", b"chunked")]),
        ([(b"transfer-encoding", b"chunked"), (b"content-length", b"4")], [(b"content-length", b"4")]),
        ([(b"Content-Length", b"4"), (b"X-A", b"1")], [(b"content-length", b"4")]),
    ],
)
def test_an_answer_is_framed_once(place: int, headers: Headers, framing: Headers, tmp_path: Path) -> None:
    async def test() -> None:
        async with gateway(tmp_path, extensions(headers)[place]) as (_, client):
            for _ in range(2):
                await client.send(GET)
                answered = await client.answer()
                assert (answered.status, answered.body) == (200, b"body")
                sent = [pair for pair in answered.headers if pair[0] in (b"transfer-encoding", b"content-length")]
                assert sent == framing

    run(test())


@pytest.mark.parametrize(
    "headers",
    [
        [(b"content-length", b"4"), (b"content-length", b"5")],
        [(b"content-length", b"4"), (b"Content-Length", b"4")],
        [(b"content-length", b"+4")],
        [(b"x-a", b"b\rc")],
        [(b"x-a", b"b\0c")],
        [(b"x-a\0", b"b")],
        [(b"x-a: b\r\nx-b", b"c")],
    ],
)
def test_headers_that_could_be_read_in_two_ways_are_not_sent(headers: Headers, tmp_path: Path) -> None:
    async def test() -> None:
        async with gateway(tmp_path, extensions(headers)[0]) as (_, client):
            await client.send(GET)
            assert (await client.answer()).status == 500

    run(test())
