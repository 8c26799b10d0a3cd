"""Answers of middleware and mounted applications carry what every answer of ours does, each header once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from app.answer import Headers
from app.extensions import Extension, Mount, RequestInfo
from app.extensions.completion import Completion
from app.principal import AnonymousCaller, Tenant
from app.response_headers import ResponsePolicy
from app.visit import Visit
from tests.extensions.support import UPGRADE, gateway
from tests.extensions.test_slots import wrapping_channels
from tests.support.raw_backend import Link, answer
from tests.support.raw_client import Answered
from tests.support.running import run

POLICY = "default-src 'self'"
DESCRIPTOR: dict[str, Any] = {
    "responseHeaders": [{"name": "Content-Security-Policy", "value": POLICY}],
    "cors": [{"uriPattern": "^/.*$", "allowedOrigin": [{"host": "other.example", "protocol": "https"}]}],
}
HTTP_HEADERS = {"httpHeaders": '[{"X-Own": "1"}]'}
OURS = {
    b"x-frame-options": b"SAMEORIGIN",
    b"content-security-policy": POLICY.encode(),
    b"x-own": b"1",
    b"access-control-allow-origin": b"https://other.example",
}


def test_attack_73_answers_with_a_users_token_or_for_a_user_stay_out_of_shared_caches() -> None:
    public = ((b"cache-control", b"public, max-age=60"),)
    visit = Visit("id")
    with_token = Completion(ResponsePolicy(), visit, own=((b"x-csrf-token", b"t"),))
    assert (b"cache-control", b"private, max-age=60") in with_token.headers(public)
    assert (b"cache-control", b"private") in with_token.headers(())
    assert b"cache-control" not in dict(Completion(ResponsePolicy(), visit).headers(()))
    visit.caller = AnonymousCaller(Tenant("z", "acme"))
    assert (b"cache-control", b"private") in Completion(ResponsePolicy(), visit).headers(())
    assert public[0] in Completion(ResponsePolicy(), visit).headers(public)


def answering(*headers: tuple[bytes, bytes]) -> Any:
    """An application that answers, with these headers."""

    async def answered(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [*headers, (b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"hi"})

    return answered


def own_answer(*headers: tuple[bytes, bytes]) -> Any:
    return lambda app: answering(*headers)


def discarding(app: Any) -> Any:
    """Middleware that calls on, and answers something else in the end."""

    async def discard(scope: Any, receive: Any, send: Any) -> None:
        async def nowhere(message: Any) -> None:
            pass

        await app(scope, receive, nowhere)
        await answering()(scope, receive, send)

    return discard


async def dated(link: Link) -> None:
    while True:
        await link.request()
        await link.send(answer(headers=b"date: Thu, 26 Nov 2026 10:00:00 GMT\r\n"))


async def asked(tmp_path: Path, extension: Extension, target: bytes = b"/service/x", **variables: str) -> Answered:
    environ = {**HTTP_HEADERS, **variables}
    async with gateway(tmp_path, extension, behaviour=dated, environ=environ, **DESCRIPTOR) as (_, client):
        await client.send(b"GET %b HTTP/1.1\r\nhost: gateway\r\norigin: https://other.example\r\n\r\n" % target)
        return await client.answer()


def assert_complete(answered: Answered) -> None:
    assert {name: answered.values(name) for name in OURS} == {name: [value] for name, value in OURS.items()}
    for name in (b"date", b"x-request-id", b"x-correlationid"):
        assert len(answered.values(name)) == 1, name


@pytest.mark.parametrize(
    "extension",
    [
        Extension(before_request_handler=[own_answer()]),
        Extension(before_request_handler=[wrapping_channels, own_answer()]),
        Extension(before_request_handler=[discarding]),
        Extension(before_request_handler=[wrapping_channels]),
        Extension(before_request_handler=[lambda app: app]),
        Extension(first=[wrapping_channels], before_request_handler=[own_answer()]),
    ],
)
def test_answers_of_middleware_are_complete(tmp_path: Path, extension: Extension) -> None:
    assert_complete(run(asked(tmp_path, extension)))


@pytest.mark.parametrize("middleware", [own_answer(), discarding, wrapping_channels, lambda app: app])
def test_answers_about_failures_are_complete(tmp_path: Path, middleware: Any) -> None:
    answered = run(asked(tmp_path, Extension(before_error_handler=[middleware]), b"/missing"))
    assert_complete(answered)


@pytest.mark.parametrize("around", [[], [wrapping_channels]])
def test_answers_of_mounted_applications_are_complete(tmp_path: Path, around: Any) -> None:
    mount = Mount(prefix="/api", app=answering(), authentication="none")
    answered = run(asked(tmp_path, Extension(mounts=[mount], before_request_handler=around), b"/api/x"))
    assert (answered.status, answered.body) == (200, b"hi")
    assert_complete(answered)


def test_what_an_answer_says_itself_wins(tmp_path: Path) -> None:
    headers = ((b"X-Frame-Options", b"DENY"), (b"x-request-id", b"own"), (b"date", b"then"))
    answered = run(asked(tmp_path, Extension(before_request_handler=[own_answer(*headers)])))
    assert [answered.values(name.lower()) for name, _ in headers] == [[value] for _, value in headers]


def test_what_an_extension_takes_away_stays_away(tmp_path: Path) -> None:
    async def frameable(request: RequestInfo, status: int, headers: Headers) -> Headers:
        return tuple(pair for pair in headers if pair[0] != b"x-frame-options")

    extension = Extension(on_response=frameable, before_request_handler=[wrapping_channels])
    answered = run(asked(tmp_path, extension))
    assert (answered.status, answered.values(b"x-frame-options")) == (200, [])


def test_a_policy_that_stands_beside_is_added_once(tmp_path: Path) -> None:
    for middleware in (own_answer(), wrapping_channels):
        extension = Extension(before_request_handler=[middleware])
        answered = run(asked(tmp_path, extension, MERGE_CSP_HEADERS="true"))
        assert answered.values(b"content-security-policy") == [POLICY.encode()]


def test_a_refused_web_socket_is_answered_completely(tmp_path: Path) -> None:
    def refusing(app: Any) -> Any:
        async def refuse(scope: Any, receive: Any, send: Any) -> None:
            await send({"type": "websocket.close"})

        return refuse

    async def test() -> None:
        extension = Extension(before_request_handler=[refusing])
        async with gateway(tmp_path, extension, websockets={"enabled": True}) as (_, client):
            await client.send(b"GET /service/x HTTP/1.1\r\nhost: gateway\r\norigin: http://gateway\r\n" + UPGRADE)
            answered = await client.answer()
            assert (answered.status, answered.values(b"x-frame-options")) == (403, [b"SAMEORIGIN"])

    run(test())
