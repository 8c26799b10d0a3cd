"""Middleware: order, paths, what passes through it, and what happens when it goes wrong."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import h11
import pytest

from app.extensions import Extension, Middleware, RequestInfo, at, error_of, request_info
from tests.extensions.support import gateway, in_slot
from tests.support.raw_backend import Link, answer
from tests.support.raw_client import Answered
from tests.support.running import eventually, run


def noting(name: str, notes: list[str]) -> Middleware:
    """Middleware that notes when it is entered and left."""

    def wrap(app: Any) -> Any:
        async def noted(scope: Any, receive: Any, send: Any) -> None:
            notes.append(f"{name}>")
            await app(scope, receive, send)
            notes.append(f"<{name}")

        return noted

    return wrap


def adding_header(app: Any) -> Any:
    async def added(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, "headers": [*scope["headers"], (b"x-added", b"1")]}, receive, send)

    return added


def wrapping_channels(app: Any) -> Any:
    """Middleware that stands between everything, without changing anything."""

    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        async def receiving() -> Any:
            return await receive()

        async def sending(message: Any) -> None:
            await send(message)

        await app(scope, receiving, sending)

    return wrapped


def failing(app: Any) -> Any:
    async def failed(scope: Any, receive: Any, send: Any) -> None:
        raise RuntimeError("an extension's mistake")

    return failed


def test_the_first_extension_is_the_outermost(tmp_path: Path) -> None:
    notes: list[str] = []
    first = Extension(first=[noting("a", notes), noting("b", notes)], before_request_handler=[noting("x", notes)])
    second = Extension(first=[noting("c", notes)], before_request_handler=[noting("y", notes)])

    async def test() -> None:
        async with gateway(tmp_path, first, second) as (_, client):
            assert (await client.get(b"/service/x")).body == b"ok"

    run(test())
    assert notes == ["a>", "b>", "c>", "x>", "y>", "<y", "<x", "<c", "<b", "<a"]


@pytest.mark.parametrize(
    ("path", "target", "concerned"),
    [
        ("/service", b"/service/x", True),
        ("/service/x", b"/service/x?y", True),
        ("service/", b"/service/x", True),
        ("/", b"/service/x", True),
        ("/serv", b"/service/x", False),
        ("/other", b"/service/x", False),
    ],
)
def test_middleware_at_a_path(tmp_path: Path, path: str, target: bytes, concerned: bool) -> None:
    notes: list[str] = []

    async def test() -> None:
        async with gateway(tmp_path, Extension(first=[at(path, noting("a", notes))])) as (_, client):
            assert (await client.get(target)).body == b"ok"

    run(test())
    assert bool(notes) is concerned


@pytest.mark.parametrize("slot", ["first", "before_request_handler"])
def test_headers_added_by_middleware_reach_the_backend(tmp_path: Path, slot: str) -> None:
    async def test() -> None:
        async with gateway(tmp_path, in_slot(slot, adding_header)) as (backend, client):
            await client.get(b"/service/x")
            assert backend.requests[0].values(b"x-added") == [b"1"]

    run(test())


@pytest.mark.parametrize("slot", ["first", "before_request_handler"])
def test_what_is_known_of_a_request(tmp_path: Path, slot: str) -> None:
    known: list[RequestInfo] = []

    def asking(app: Any) -> Any:
        async def asked(scope: Any, receive: Any, send: Any) -> None:
            known.append(request_info(scope))
            assert error_of(scope) is None
            await app(scope, receive, send)

        return asked

    async def test() -> None:
        async with gateway(tmp_path, in_slot(slot, asking)) as (_, client):
            await client.get(b"/service/x%20y?z=1")

    run(test())
    info = known[0]
    assert (info.method, info.target, info.path) == ("GET", "/service/x%20y?z=1", "/service/x%20y")
    assert (info.header("Host"), info.header("absent"), info.user) == ("gateway", None, None)
    assert info.route == ("^/service/" if slot == "before_request_handler" else "")


@pytest.mark.parametrize("slot", ["first", "before_request_handler"])
def test_a_body_that_is_refused_behind_middleware_has_one_line_that_says_so(
    tmp_path: Path, slot: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async def test() -> Answered:
        async with gateway(tmp_path, in_slot(slot, wrapping_channels)) as (backend, client):
            await client.send(b"POST /service/x HTTP/1.1\r\nhost: gateway\r\ntransfer-encoding: chunked\r\n\r\n")
            await eventually(lambda: backend.connections == 1)
            await client.send(b"nonsense\r\n")
            answered = await client.answer("POST")
            assert answered.status == 400
            await client.rest()
            return answered

    answered = run(test())
    [line] = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"type":"request"' in line]
    assert (line["response_status"], line["failure"]) == (400, "BAD_REQUEST")
    assert answered.values(b"x-correlationid") == [line["correlation_id"].encode()]


@pytest.mark.parametrize("slot", ["first", "before_request_handler"])
def test_bodies_pass_through_middleware_both_ways(tmp_path: Path, slot: str) -> None:
    async def echoes(link: Link) -> None:
        while True:
            await link.send(answer((await link.request()).body))

    async def test() -> None:
        async with gateway(tmp_path, in_slot(slot, wrapping_channels), behaviour=echoes) as (_, client):
            head = b"POST /service/x HTTP/1.1\r\nhost: gateway\r\n"
            await client.send(head + b"transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n")
            await client.send(b"4\r\ndefg\r\n0\r\n\r\n")
            assert (await client.answer("POST")).body == b"abcdefg"
            await client.send(head + b"content-length: 2\r\n\r\nhi")
            assert (await client.answer("POST")).body == b"hi"

    run(test())


@pytest.mark.parametrize("slot", ["first", "before_request_handler"])
def test_a_client_that_leaves_is_noticed_behind_middleware(tmp_path: Path, slot: str) -> None:
    async def waits(link: Link) -> None:
        await link.request()
        await link.gone()

    async def test() -> None:
        async with gateway(tmp_path, in_slot(slot, wrapping_channels), behaviour=waits) as (backend, client):
            await client.send(b"GET /service/x HTTP/1.1\r\nhost: gateway\r\n\r\n")
            await eventually(lambda: len(backend.requests) == 1)
            client.leave()
            await eventually(lambda: backend.left == 1)

    run(test())


@pytest.mark.parametrize("slot", ["first", "before_request_handler"])
def test_a_broken_answer_is_broken_behind_middleware_too(tmp_path: Path, slot: str) -> None:
    async def breaks_off(link: Link) -> None:
        await link.request()
        await link.send(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\npart")
        link.reset()

    async def test() -> None:
        async with gateway(tmp_path, in_slot(slot, wrapping_channels), behaviour=breaks_off) as (_, client):
            await client.send(b"GET /service/x HTTP/1.1\r\nhost: gateway\r\n\r\n")
            with pytest.raises((ConnectionError, h11.RemoteProtocolError)):
                await client.answer()

    run(test())


def test_a_mistake_before_the_request_handler_is_answered_with_500(tmp_path: Path) -> None:
    async def test() -> None:
        async with gateway(tmp_path, Extension(before_request_handler=[failing])) as (backend, client):
            assert (await client.get(b"/service/x")).status == 500
            assert backend.requests == []

    run(test())


def test_a_mistake_in_error_handling_leaves_the_answer_to_the_gateway(tmp_path: Path) -> None:
    async def test() -> None:
        async with gateway(tmp_path, Extension(before_error_handler=[failing])) as (_, client):
            assert (await client.get(b"/missing")).status == 404

    run(test())


def test_error_handling_sees_the_failure_and_may_mark_the_answer(tmp_path: Path) -> None:
    failures: list[str] = []

    def marking(app: Any) -> Any:
        async def marked(scope: Any, receive: Any, send: Any) -> None:
            error = error_of(scope)
            assert error is not None
            failures.append(error.failure.name)

            async def sending(message: Any) -> None:
                if message["type"] == "http.response.start":
                    message = {**message, "headers": [*message["headers"], (b"x-marked", b"1")]}
                await send(message)

            await app(scope, receive, sending)

        return marked

    async def closes(link: Link) -> None:
        await link.request()

    async def test() -> None:
        async with gateway(tmp_path, Extension(before_error_handler=[marking]), behaviour=closes) as (_, client):
            answered = await client.get(b"/service/x")
            assert (answered.status, answered.values(b"x-marked")) == (502, [b"1"])

    run(test())
    assert failures == ["BACKEND_CLOSED"]


def test_what_middleware_changes_in_place_concerns_its_own_answer_alone(tmp_path: Path) -> None:
    """As Starlette's GZipMiddleware does it, also with the message that lets a head out before its body is there."""

    def marking(app: Any) -> Any:
        async def marked(scope: Any, receive: Any, send: Any) -> None:
            async def sending(message: Any) -> None:
                if message["type"] == "http.response.body":
                    message["body"] += b"<marked>"
                await send(message)

            await app(scope, receive, sending)

        return marked

    async def late_body(link: Link) -> None:
        while True:
            await link.request()
            await link.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
            await asyncio.sleep(0.05)
            await link.send(b"2\r\nok\r\n0\r\n\r\n")

    async def test() -> list[bytes]:
        extension = Extension(before_request_handler=[at("/service/marked", marking)])
        async with gateway(tmp_path, extension, behaviour=late_body) as (_, client):
            return [(await client.get(target)).body for target in (b"/service/marked", b"/service/other")]

    with_marks, other = run(test())
    assert with_marks.startswith(b"<marked>")
    assert other == b"ok"
