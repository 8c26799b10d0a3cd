"""The start scripts of docs/extending.md do what the page says."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from app.main import Application
from tests.extensions.support import environment, serving, write_descriptor
from tests.support.raw_backend import Link, RawBackend, answer, friendly, raw_backend
from tests.support.raw_client import Answered, RawClient, raw_client
from tests.support.running import run

PAGE = Path(__file__).resolve().parents[2] / "docs" / "extending.md"
UPGRADE = b"connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAA\r\n"


@pytest.fixture(autouse=True)
def _workdir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(write_descriptor(tmp_path, websockets={"enabled": True}, routes=[
        {"source": "^/(service|hello|partner|ws|beta)", "destination": "backend"},
        {"source": "^/never$", "destination": "backend", "httpMethods": ["PUT"]},
        {"source": "^/files/(.*)$", "target": "$1", "localDir": "resources"},
    ]))  # fmt: skip


def scripts() -> Iterator[tuple[str, str]]:
    """The Python blocks of the page with the heading above each."""
    heading = ""
    for part in re.finditer(r"^#+ ([^\n]*)$|^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL):
        if part[1]:
            heading = part[1]
        else:
            yield heading, part[2]


SCRIPTS = dict(scripts())


def script(heading: str) -> dict[str, Any]:
    """The names that the script under a heading defines."""
    names: dict[str, Any] = {"__name__": "start"}
    exec(compile(SCRIPTS[heading], f"{PAGE.name}, {heading}", "exec"), names)
    return names


@asynccontextmanager
async def started(
    heading: str, monkeypatch: pytest.MonkeyPatch, behaviour: Any = friendly
) -> AsyncIterator[tuple[RawBackend, RawClient, dict[str, Any]]]:
    """The script's gateway with a backend behind and a client before it."""
    async with raw_backend(behaviour) as backend:
        for name, value in environment(backend.port).items():
            monkeypatch.setenv(name, value)
        names = script(heading)
        async with serving(names["app"]) as port, raw_client(port) as client:
            yield backend, client, names


async def ask(client: RawClient, target: bytes, headers: bytes = b"") -> Answered:
    await client.send(b"GET %b HTTP/1.1\r\nhost: gateway\r\n%b\r\n" % (target, headers))
    return await client.answer()


@pytest.mark.parametrize("heading", SCRIPTS)
def test_every_script_makes_an_application(heading: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("destinations", environment(1)["destinations"])
    assert isinstance(script(heading)["app"], Application)


def test_the_plain_script_serves_the_routes(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        async with started("A start script", monkeypatch) as (backend, client, _):
            assert (await ask(client, b"/service/x")).body == b"ok"
            assert backend.requests[0].target == b"/service/x"

    run(test())


def test_middleware_marks_answers_and_answers_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        async with started("Middleware", monkeypatch) as (backend, client, _):
            forwarded = await ask(client, b"/service/x")
            own = await ask(client, b"/hello/you")
            missing = await ask(client, b"/files/missing")
            refused = await ask(client, b"/never")
            assert (forwarded.body, own.body, missing.status) == (b"ok", b"Hello stranger", 404)
            assert (refused.status, refused.body) != (404, b"Sorry")
            assert all(each.values(b"x-measured") == [b"yes"] for each in (forwarded, own, missing, refused))
            assert len(backend.requests) == 1

    run(test())


def test_middleware_excuses_what_has_no_route(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        async with started("Middleware", monkeypatch) as (_, client, _names):
            answered = await ask(client, b"/nowhere")
            assert (answered.status, answered.body) == (404, b"Sorry")

    run(test())


def test_web_sockets_are_refused_or_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    async def accepts(link: Link) -> None:
        received = await link.request()
        assert received.values(b"upgrade") == [b"websocket"]
        await link.send(b"HTTP/1.1 101 X\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n\x81\x02hi")
        await link.gone()

    async def test() -> None:
        async with started("Web sockets", monkeypatch, accepts) as (backend, client, _):
            request = b"GET /ws/x HTTP/1.1\r\nhost: gateway\r\norigin: http://gateway\r\n" + UPGRADE
            await client.send(request + b"\r\n")
            assert (await client.answer()).status == 403
            assert backend.requests == []
            async with raw_client(client.writer.get_extra_info("peername")[1]) as member:
                await member.send(request + b"x-member: yes\r\n\r\n")
                head = await member.reader.readuntil(b"\r\n\r\n")
                assert head.startswith(b"HTTP/1.1 101")
                assert await member.reader.readexactly(4) == b"\x81\x02hi"

    run(test())


def test_a_router_is_mounted_beside_the_routes(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        async with started("An application beside the routes", monkeypatch) as (backend, client, _):
            answered = await ask(client, b"/my-api/time/utc")
            assert answered.body == b'{"zone":"utc","asked":"/my-api/time/utc"}'
            assert answered.values(b"x-frame-options") == [b"SAMEORIGIN"]
            assert answered.values(b"x-request-id") != []
            assert (await ask(client, b"/my-api/other")).status == 404
            assert (await ask(client, b"/my-apis/time/utc")).status == 404
            assert (await ask(client, b"/service/x")).body == b"ok"
            assert len(backend.requests) == 1

    run(test())


def test_hooks_shape_answers_and_hear_of_timeouts(monkeypatch: pytest.MonkeyPatch) -> None:
    async def late(link: Link) -> None:
        await link.request()
        await link.send(answer(headers=b"x-internal: secret\r\n"))
        await link.request()
        await link.gone()

    async def test() -> None:
        async with started("Hooks", monkeypatch, late) as (_, client, names):
            shaped = await ask(client, b"/service/x")
            assert (shaped.values(b"x-shaped"), shaped.values(b"x-internal")) == ([b"200"], [])
            assert (await ask(client, b"/service/late")).status == 504
            assert names["seen"] == ["timeout /service/late"]

    run(test())


def test_backends_get_a_custom_token(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        async with started("Custom token", monkeypatch) as (backend, client, _):
            await ask(client, b"/partner/x")
            await ask(client, b"/service/x")
            assert [r.values(b"authorization") for r in backend.requests] == [[b"Bearer token-of-the-partner"], []]

    run(test())


def test_requests_choose_their_routes(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        async with started("Custom routing", monkeypatch) as (backend, client, _):
            await ask(client, b"/service/x")
            await ask(client, b"/service/x", b"x-beta: 1\r\n")
            assert [r.target for r in backend.requests] == [b"/service/x", b"/beta/x"]
            welcome = await ask(client, b"/", b"x-beta: 1\r\n")
            assert welcome.values(b"location") == [b"/beta.html"]

    run(test())
