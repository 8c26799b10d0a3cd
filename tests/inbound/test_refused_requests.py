"""What is refused before the gateway sees it: one line in the log, and an answer that names it and says what to do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from app.errors import Failure
from app.inbound.protocol import InboundLimits
from app.inbound.refusal import MAX_TARGET
from app.inbound.request_check import MAX_HEAD_BYTES, METHODS
from app.inbound.request_check import MAX_TARGET as LONGEST_TARGET
from tests.answers.support import limited_gateway
from tests.support.raw_backend import Link, friendly
from tests.support.raw_client import Answered
from tests.support.running import run

HOST = b"host: gateway\r\n"
IMPATIENT = InboundLimits(head=0.05, request=0.05, linger=0.05)
SECRET = "hunter2hunter2"


def refused(
    workdir: Path, capsys: pytest.CaptureFixture[str], payload: bytes, before: bytes = b""
) -> tuple[Answered, dict[str, Any]]:
    """The answer to a payload, and the only line about it; `before` is a good request on the same connection."""

    async def test() -> Answered:
        async with limited_gateway(workdir, friendly, IMPATIENT) as client:
            if before:
                await client.send(before)
                assert (await client.answer()).status == 200
            await client.send(payload)
            answered = await client.answer()
            assert await client.rest() == b""
            return answered

    answered = run(test())
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    requests = [line for line in lines if line["type"] == "request"]
    *earlier, line = requests
    assert len(earlier) == bool(before)
    assert SECRET not in json.dumps(line)
    [identifier] = answered.values(b"x-correlationid")
    assert line["correlation_id"] == identifier.decode()
    assert line["response_status"] == answered.status
    return answered, line


@pytest.mark.parametrize(
    ("payload", "failure", "method", "request_"),
    [
        (b"\x16\x03\x01\x02\x00\x01", Failure.BAD_REQUEST, "-", "-"),
        (b"garbage\r\n\r\n", Failure.BAD_REQUEST, "-", "-"),
        (b"GET /x HTTP/1.1\r\n\r\n", Failure.BAD_REQUEST, "GET", "/x"),
        (b"CONNECT a:80 HTTP/1.1\r\n" + HOST + b"\r\n", Failure.METHOD_NOT_ALLOWED, "CONNECT", "a:80"),
        (b"PURGE /x HTTP/1.1\r\n" + HOST + b"\r\n", Failure.METHOD_NOT_SUPPORTED, "PURGE", "/x"),
        (b"GET /x HTTP/1.1\r\n" + HOST + b"expect: cake\r\n\r\n", Failure.EXPECTATION_FAILED, "GET", "/x"),
        (b"GET /x HTTP/2.0\r\n" + HOST + b"\r\n", Failure.VERSION_NOT_SUPPORTED, "GET", "/x"),
        (
            b"GET /x HTTP/1.1\r\n" + HOST + b"cookie: " + b"a" * MAX_HEAD_BYTES + b"\r\n\r\n",
            Failure.HEADERS_TOO_LARGE, "GET", "/x",
        ),
        (b"\r\n" * MAX_HEAD_BYTES, Failure.HEADERS_TOO_LARGE, "-", "-"),
        (b"GET /slow HTTP/1.1\r\n" + HOST, Failure.REQUEST_TIMEOUT, "GET", "/slow"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("before", [b"", b"POST /before?x HTTP/1.1\r\ncontent-length: 0\r\n" + HOST + b"\r\n"])
def test_answer_and_line_say_what_happened_and_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], payload: bytes, failure: Failure, method: str, request_: str,
    before: bytes,
) -> None:  # fmt: skip
    answered, line = refused(tmp_path, capsys, payload, before)
    assert answered.status == failure.value.status
    assert failure.value.advice in answered.body.decode()
    assert line["correlation_id"] in answered.body.decode()
    assert (line["failure"], line["advice"]) == (failure.name, failure.value.advice)
    assert (line["method"], line["request"]) == (method, request_)
    assert line["remote_ip"] == "redacted"


def test_a_client_that_speaks_tls_where_it_should_not_is_recognized(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, line = refused(tmp_path, capsys, b"\x16\x03\x01\x02\x00\x01")
    assert "TLS" in line["detail"]


def test_a_method_that_is_not_allowed_comes_with_those_that_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """RFC 9110, 15.5.6."""
    answered, _ = refused(tmp_path, capsys, b"TRACE / HTTP/1.1\r\n" + HOST + b"\r\n")
    assert set(answered.values(b"allow")[0].split(b", ")) == METHODS


def test_the_correlation_id_is_that_of_the_request(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    head = b"GET /x HTTP/1.1\r\nx-correlationid: mine\r\n" + HOST + b"expect: cake\r\n\r\n"
    assert refused(tmp_path, capsys, head)[1]["correlation_id"] == "mine"


@pytest.mark.parametrize(
    "payload",
    [
        b"POST /x?y HTTP/1.1\r\nx-correlationid: mine\r\n"
        + HOST
        + b"transfer-encoding: chunked\r\n\r\n2\r\nok\r\noops\r\n",
        b"GET /x?y HTTP/1.1\r\nx-correlationid: mine\r\n" + HOST + b"connection: upgrade\r\nupgrade: websocket\r\n\r\n",
    ],
    ids=["bad body", "web socket"],
)
def test_what_was_understood_of_a_request_behind_another_is_in_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], payload: bytes
) -> None:
    """It is refused in its turn, which comes later."""

    async def test() -> list[Answered]:
        async with limited_gateway(tmp_path, friendly, IMPATIENT) as client:
            await client.send(b"GET /before HTTP/1.1\r\n" + HOST + b"\r\n" + payload)
            return [await client.answer() for _ in range(2)]

    _, answered = run(test())
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    [line] = [line for line in lines if line["type"] == "request" and line["response_status"] == 400]
    assert (line["method"], line["request"]) == (payload.split()[0].decode(), "/x?y")
    assert (line["correlation_id"], line["protocol"]) == ("mine", "HTTP/1.1")
    assert answered.values(b"x-correlationid") == [b"mine"]


@pytest.mark.parametrize(
    ("target", "shown"),
    [
        (f"/x?a=1&access_token={SECRET}", "/x?a=1&access_token=redacted"),
        (f"http://user:{SECRET}@gateway/x", "/x"),
        (f"user:{SECRET}@gateway:80", "gateway:80"),
    ],
)
def test_no_secret_of_a_target_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], target: str, shown: str
) -> None:
    method = "CONNECT" if target.startswith("user") else "GET"
    payload = f"{method} {target} HTTP/1.1\r\nexpect: {SECRET}\r\nhost: gateway\r\n\r\n"
    assert refused(tmp_path, capsys, payload.encode())[1]["request"] == shown


def test_the_length_of_a_line_is_bounded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    payload = (
        b"GET /" + b"a" * LONGEST_TARGET + b" HTTP/1.1\r\n" + HOST + b"content-length: " + b"1" * 9000 + b"\r\n\r\n"
    )
    answered, line = refused(tmp_path, capsys, payload)
    assert answered.status in (400, 414)
    assert len(line["request"]) == MAX_TARGET
    assert len(json.dumps(line)) < MAX_TARGET + 3000


@pytest.mark.parametrize("path", [b"/files/text.txt", b"/backend", b"/.gangway/live"])
@pytest.mark.parametrize(
    ("rest", "failure"),
    [
        (b"content-length: 5\r\n\r\nabc", Failure.REQUEST_TIMEOUT),
        (b"transfer-encoding: chunked\r\n\r\n5\r\nabc", Failure.REQUEST_TIMEOUT),
        (b"transfer-encoding: chunked\r\n\r\nnonsense\r\n", Failure.BAD_REQUEST),
    ],
)
def test_a_request_that_is_refused_while_it_is_served_has_one_line_that_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], path: bytes, rest: bytes, failure: Failure
) -> None:
    """Not that the client has gone: it is there, and has been answered."""

    async def waits(link: Link) -> None:
        await link.request()

    async def test() -> Answered:
        async with limited_gateway(tmp_path, waits, IMPATIENT) as client:
            await client.send(b"POST " + path + b" HTTP/1.1\r\n" + HOST + rest)
            answered = await client.answer()
            await client.rest()
            return answered

    answered = run(test())
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    [line] = [line for line in lines if line["type"] == "request"]
    assert answered is not None
    assert line["response_status"] == answered.status
    assert line["request"] == path.decode()
    assert [line["correlation_id"].encode()] == answered.values(b"x-correlationid")
    if path == b"/backend":
        assert (line["failure"], line["response_status"]) == (failure.name, failure.value.status)


def test_an_answer_that_is_under_way_is_cut_and_its_line_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def answers_early(link: Link) -> None:
        await link.head()
        await link.send(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello")
        await link.gone()

    async def test() -> None:
        async with limited_gateway(tmp_path, answers_early, InboundLimits(request=0.5)) as client:
            await client.send(b"POST /x HTTP/1.1\r\n" + HOST + b"transfer-encoding: chunked\r\n\r\n5\r\nabc")
            assert (await client.head()).status == 200
            await client.rest()

    run(test())
    [line] = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (line["response_status"], line["failure"]) == (200, "REQUEST_TIMEOUT")
