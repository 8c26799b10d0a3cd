"""Hooks: what they get, what they change, and that their mistakes change nothing."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from app.answer import Headers
from app.extensions import Extension, RequestInfo, RouterConfig
from app.extensions.extended_forwarder import custom_caller
from app.main import create_app
from app.principal import AnonymousCaller, Tenant
from tests.extensions.support import environment, gateway, serving, write_descriptor
from tests.support.raw_backend import Link, friendly, raw_backend
from tests.support.raw_client import Answered, raw_client
from tests.support.running import run


async def _wrong(request: RequestInfo, status: int, headers: Headers) -> Headers:
    raise RuntimeError("an extension's mistake")


@pytest.mark.parametrize(
    "returned",
    [
        None,
        7,
        [b"name"],
        ((b"x-one", b"1", b"2"),),
        (("x-one", "1"),),
        ((b"x-one", "1"),),
        ((b"x-one", None),),
        ((b"", b"1"),),
        ((b"x one", b"1"),),
        ((b"x-one", b"1\r\nx-two: 2"),),
        ((b"content-length", b"many"),),
        ((b"content-length", b"1"),),
        ((b"transfer-encoding", b"chunked"),),
    ],
)
def test_what_is_no_headers_changes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], returned: object
) -> None:
    async def forgetful(request: RequestInfo, status: int, headers: Headers) -> Any:
        return returned

    async def after(request: RequestInfo, status: int, headers: Headers) -> Headers:
        return (*headers, (b"X-After", b"1"))

    async def test() -> Answered:
        async with gateway(tmp_path, Extension(on_response=forgetful), Extension(on_response=after)) as (_, client):
            return await client.get(b"/service/x")

    answered = run(test())
    assert (answered.status, answered.body, answered.values(b"x-after")) == (200, b"ok", [b"1"])
    assert answered.values(b"x-frame-options") == [b"SAMEORIGIN"]
    log = capsys.readouterr().out
    assert "a response hook failed" in log
    assert "INTERNAL" not in log


def test_a_response_hook_that_fails_changes_nothing_and_is_logged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def test() -> Answered:
        async with gateway(tmp_path, Extension(on_response=_wrong)) as (_, client):
            return await client.get(b"/service/x")

    answered = run(test())
    assert answered.body == b"ok"
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (line,) = [line for line in lines if line.get("msg", "").startswith("a response hook failed")]
    assert line["correlation_id"].encode() == answered.values(b"x-correlationid")[0]


def test_response_hooks_follow_each_other(tmp_path: Path) -> None:
    async def one(request: RequestInfo, status: int, headers: Headers) -> Headers:
        return (*headers, (b"x-one", b"1"))

    async def two(request: RequestInfo, status: int, headers: Headers) -> Headers:
        assert (b"x-one", b"1") in headers
        return (*headers, (b"x-two", request.route.encode()))

    async def test() -> None:
        async with gateway(tmp_path, Extension(on_response=one), Extension(on_response=two)) as (_, client):
            answered = await client.get(b"/service/x")
            assert answered.values(b"x-two") == [b"^/service/"]

    run(test())


def test_response_hooks_are_for_backends_only(tmp_path: Path) -> None:
    async def test() -> None:
        async with gateway(tmp_path, Extension(on_response=_wrong)) as (_, client):
            (tmp_path / "resources" / "a.txt").write_text("file")
            assert (await client.get(b"/a.txt")).body == b"file"

    run(test())


def test_a_timeout_hook_that_fails_does_not_change_the_answer(tmp_path: Path) -> None:
    async def waits(link: Link) -> None:
        await link.request()
        await link.gone()

    async def wrong(request: RequestInfo) -> None:
        raise RuntimeError("an extension's mistake")

    async def test() -> None:
        async with gateway(tmp_path, Extension(on_backend_timeout=wrong), behaviour=waits) as (_, client):
            assert (await client.get(b"/service/x")).status == 504

    run(test())


def test_routes_that_cannot_be_chosen_are_denied(tmp_path: Path) -> None:
    async def wrong(request: RequestInfo) -> RouterConfig | None:
        raise RuntimeError("an extension's mistake")

    async def test() -> None:
        async with gateway(tmp_path, get_router_config=wrong) as (backend, client):
            assert (await client.get(b"/service/x")).status == 500
            assert backend.requests == []

    run(test())


def test_destinations_of_a_router_config_are_its_own(tmp_path: Path) -> None:
    """Both are named `backend`; what was prepared for one is never used for the other."""

    async def test() -> None:
        async with raw_backend(friendly) as usual, raw_backend(friendly) as other:

            async def choose(request: RequestInfo) -> RouterConfig | None:
                return config if request.header("x-other") else None

            app = create_app(write_descriptor(tmp_path), environment(usual.port), get_router_config=choose)
            config = app.create_router_config(
                {"authenticationMethod": "none", "routes": [{"source": "^/service/", "destination": "backend"}]},
                destinations=[{"name": "backend", "url": f"http://127.0.0.1:{other.port}"}],
            )
            async with serving(app) as port, raw_client(port) as client:
                for _ in range(2):
                    await client.get(b"/service/x")
                    await client.send(b"GET /service/y HTTP/1.1\r\nhost: gateway\r\nx-other: 1\r\n\r\n")
                    await client.answer()
            assert [r.target for r in usual.requests] == [b"/service/x"] * 2
            assert [r.target for r in other.requests] == [b"/service/y"] * 2

    run(test())


def test_custom_tokens_never_share_a_principal() -> None:
    anonymous = AnonymousCaller(Tenant("t", "sub"))
    one, other = custom_caller(anonymous, "token-1"), custom_caller(anonymous, "token-2")
    assert one.principal != other.principal
    assert one.principal == custom_caller(anonymous, "token-1").principal
    assert one.tenant == anonymous.tenant
    assert "token-1" not in repr(one)


def test_get_token_is_asked_for_each_request(tmp_path: Path) -> None:
    async def token(request: RequestInfo) -> str | None:
        await asyncio.sleep(0)
        return request.header("x-user")

    async def test() -> None:
        async with gateway(tmp_path, get_token=token) as (backend, client):
            for user in (b"anna", b"ben", b"anna"):
                await client.send(b"GET /service/x HTTP/1.1\r\nhost: gateway\r\nx-user: %b\r\n\r\n" % user)
                await client.answer()
            sent = [r.values(b"authorization") for r in backend.requests]
            assert sent == [[b"Bearer anna"], [b"Bearer ben"], [b"Bearer anna"]]

    run(test())
