"""What fails outside of the way of a request is answered, logged and found by its correlation id, as on it."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import h11
import pytest

from app.errors import Failure, GatewayError
from app.extensions import Extension, Middleware, Mount
from tests.extensions.support import UPGRADE, gateway, in_slot
from tests.support.raw_backend import Link
from tests.support.raw_client import Answered, RawClient
from tests.support.running import run

Lines = list[dict[str, Any]]


def failing(app: Any) -> Any:
    async def failed(scope: Any, receive: Any, send: Any) -> None:
        raise RuntimeError("an extension's mistake")

    return failed


def silent(app: Any) -> Any:
    async def said_nothing(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(0)

    return said_nothing


def begins(fails: bool) -> Middleware:
    """Middleware that sends a part of an answer, and then fails or returns."""

    def wrap(app: Any) -> Any:
        async def began(scope: Any, receive: Any, send: Any) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"part", "more_body": True})
            if fails:
                raise RuntimeError("an extension's mistake")

        return began

    return wrap


def fails_afterwards(app: Any) -> Any:
    async def failed(scope: Any, receive: Any, send: Any) -> None:
        await app(scope, receive, send)
        raise RuntimeError("an extension's mistake")

    return failed


def swallows(app: Any) -> Any:
    async def swallowed(scope: Any, receive: Any, send: Any) -> None:
        with suppress(BaseException):
            await app(scope, receive, send)

    return swallowed


def told(capsys: pytest.CaptureFixture[str]) -> tuple[Lines, Lines]:
    """The lines of the log so far: those of requests, and the others above level info."""
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    requests = [line for line in lines if line["type"] == "request"]
    return requests, [line for line in lines if line["type"] != "request" and line["level"] in ("warning", "error")]


def assert_internal(answered: Answered, requests: Lines) -> str:
    """The answer is a 500, as its line in the log says, under the same correlation id; the id."""
    assert answered.status == 500
    assert answered.values(b"x-frame-options") == [b"SAMEORIGIN"]
    (identifier,) = answered.values(b"x-correlationid")
    (line,) = requests
    assert (line["level"], line["failure"], line["response_status"]) == ("error", "INTERNAL", 500)
    assert line["correlation_id"] == identifier.decode()
    return identifier.decode()


async def assert_broken_off(client: RawClient) -> None:
    await client.send(b"GET /service/x HTTP/1.1\r\nhost: gateway\r\n\r\n")
    with pytest.raises((ConnectionError, h11.RemoteProtocolError)):
        await client.answer()


def test_a_mistake_in_the_first_slot_is_answered_and_logged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def test() -> Answered:
        async with gateway(tmp_path, Extension(first=[failing])) as (backend, client):
            answered = await client.get(b"/service/x")
            assert backend.requests == []
            assert (await client.get(b"/service/x")).status == 500  # the connection lives on
            return answered

    answered = run(test())
    requests, others = told(capsys)
    identifier = assert_internal(answered, requests[:1])
    assert others[0]["correlation_id"] == identifier
    assert "an extension's mistake" in json.dumps(others[0])
    assert len(requests) == len(others) == 2


def test_a_failure_that_the_first_slot_names_is_the_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def refusing(app: Any) -> Any:
        async def refused(scope: Any, receive: Any, send: Any) -> None:
            raise GatewayError(Failure.SCOPE_MISSING)

        return refused

    async def test() -> None:
        async with gateway(tmp_path, Extension(first=[refusing])) as (_, client):
            assert (await client.get(b"/service/x")).status == 403

    run(test())
    requests, others = told(capsys)
    assert ([line["failure"] for line in requests], others) == (["SCOPE_MISSING"], [])


@pytest.mark.parametrize("slot", ["first", "before_request_handler"])
@pytest.mark.parametrize("fails", [True, False])
def test_an_answer_that_an_extension_does_not_end_is_broken_off(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], slot: str, fails: bool
) -> None:
    async def test() -> None:
        async with gateway(tmp_path, in_slot(slot, begins(fails))) as (_, client):
            await assert_broken_off(client)

    run(test())
    requests, others = told(capsys)
    assert [(line["level"], line["failure"]) for line in requests] == [("error", "INTERNAL")]
    assert len(others) == fails


@pytest.mark.parametrize("slot", ["first", "before_request_handler"])
def test_a_mistake_behind_a_complete_answer_does_not_break_the_connection(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], slot: str
) -> None:
    async def test() -> None:
        async with gateway(tmp_path, in_slot(slot, fails_afterwards)) as (_, client):
            for _ in range(3):
                assert (await client.get(b"/service/x")).body == b"ok"

    run(test())
    requests, others = told(capsys)
    assert (len(requests), len(others)) == (3, 3)


@pytest.mark.parametrize("middleware", [failing, silent])
@pytest.mark.parametrize("slot", ["first", "before_request_handler"])
def test_a_mistake_at_a_handshake_refuses_the_web_socket(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], slot: str, middleware: Middleware
) -> None:
    async def test() -> Answered:
        extension = in_slot(slot, middleware)
        async with gateway(tmp_path, extension, websockets={"enabled": True}) as (backend, client):
            await client.send(b"GET /service/x HTTP/1.1\r\nhost: gateway\r\norigin: http://gateway\r\n" + UPGRADE)
            answered = await client.answer()
            assert backend.requests == []
            return answered

    answered = run(test())
    assert_internal(answered, told(capsys)[0])


@pytest.mark.parametrize("slot", ["first", "before_request_handler"])
def test_middleware_that_answers_nothing_has_failed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], slot: str
) -> None:
    async def test() -> Answered:
        async with gateway(tmp_path, in_slot(slot, silent)) as (_, client):
            return await client.get(b"/service/x")

    answered = run(test())
    assert_internal(answered, told(capsys)[0])


def test_a_mounted_application_that_answers_nothing_has_failed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mount = Mount(prefix="/api", app=silent(None), authentication="none")

    async def test() -> Answered:
        async with gateway(tmp_path, Extension(mounts=[mount])) as (_, client):
            return await client.get(b"/api/x")

    answered = run(test())
    assert_internal(answered, told(capsys)[0])


async def _raises(request: Any) -> Any:
    raise RuntimeError("an extension's mistake")


async def _nonsense(request: Any) -> Any:
    return {"routes": []}


@pytest.mark.parametrize("choose", [_raises, _nonsense])
def test_routes_that_cannot_be_chosen_leave_a_trace(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], choose: Any
) -> None:
    async def test() -> Answered:
        async with gateway(tmp_path, get_router_config=choose) as (backend, client):
            answered = await client.get(b"/service/x")
            assert backend.requests == []
            return answered

    answered = run(test())
    requests, others = told(capsys)
    identifier = assert_internal(answered, requests)
    (line,) = others
    assert (line["correlation_id"], line["msg"]) == (identifier, "get_router_config failed")


def test_a_broken_answer_whose_failure_middleware_swallows_has_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def breaks(link: Link) -> None:
        await link.request()
        await link.send(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\npart")

    async def test() -> None:
        async with gateway(tmp_path, Extension(first=[swallows]), behaviour=breaks) as (_, client):
            await assert_broken_off(client)

    run(test())
    [line], _ = told(capsys)
    assert line["failure"] == "BACKEND_CLOSED"
