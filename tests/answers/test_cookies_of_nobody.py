"""Session cookies of backends on public routes: no session is opened for them, the browser carries them sealed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.answers.support import ask, gateway
from tests.support.raw_backend import Link, answer
from tests.support.raw_client import Answered, RawClient
from tests.support.running import run

ROUTES = [
    {"source": "^/set/(.*)$", "target": "/$1", "destination": "backend", "setBackendSessionCookies": True},
    {"source": "^/(.*)$", "destination": "backend"},
]


async def stateful(link: Link) -> None:
    """A backend that tells what cookies it got, and gives out a session cookie, one that lasts, and one of our name."""
    while True:
        received = await link.request()
        lines = b""
        if received.target == b"/start":
            lines = (
                b"Set-Cookie: S=1; Path=/\r\nSet-Cookie: LANG=en; Max-Age=9\r\nSet-Cookie: JSESSIONID=java; Path=/\r\n"
            )
        await link.send(answer(b" ".join(received.values(b"cookie")), headers=lines))


def given(reply: Answered) -> dict[str, str]:
    """Cookies of an answer by name."""
    pairs = (line.decode().partition(";")[0].partition("=") for line in reply.values(b"set-cookie"))
    return {name: value for name, _, value in pairs}


async def seen(client: RawClient, target: str, cookies: dict[str, str]) -> set[str]:
    """The cookies that reach the backend."""
    reply = await ask(client, target, cookie="; ".join(f"{name}={value}" for name, value in cookies.items()))
    assert given(reply) == {}
    return set(reply.body.decode().split("; ")) if reply.body else set()


def test_a_stateful_backend_behind_a_public_route_finds_its_session_again(tmp_path: Path) -> None:
    async def test() -> None:
        async with gateway(tmp_path, stateful, {"routes": ROUTES}) as client:
            first = given(await ask(client, "/start"))
            assert (set(first), first["LANG"]) == ({"ARBE", "JSESSIONID", "LANG"}, "en")
            assert first["JSESSIONID"] == "login"  # has the platform's router come back to this instance
            assert "S=1" not in first["ARBE"]
            for _ in range(2):
                assert await seen(client, "/next", first) == {"S=1", "JSESSIONID=java", "LANG=en"}
            assert await seen(client, "/next", {}) == set()

    run(test())


def test_where_they_go_to_the_browser_only_those_of_our_names_are_carried(tmp_path: Path) -> None:
    async def test() -> None:
        async with gateway(tmp_path, stateful, {"routes": ROUTES}) as client:
            first = given(await ask(client, "/set/start"))
            assert first.keys() == {"S", "LANG", "ARBE", "JSESSIONID"}
            assert await seen(client, "/set/next", first) == {"S=1", "LANG=en", "JSESSIONID=java"}

    run(test())


@pytest.mark.parametrize("forged", ["junk", "1:", "1:AAAA", "1:" + "A" * 200, "2:x"])
def test_attack_57_what_we_did_not_seal_is_nothing(tmp_path: Path, forged: str) -> None:
    async def test() -> None:
        async with gateway(tmp_path, stateful, {"routes": ROUTES}) as client:
            assert await seen(client, "/next", {"ARBE": forged, "own": "1"}) == {"own=1"}

    run(test())
