"""Attributes of users: asked for once for each token, mixed with nobody's, and never in the way of an answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from app.bindings.credentials import XsuaaCredentials
from app.clients import PlatformClients
from app.principal import Tenant, UserPrincipal, UserToken
from app.tokens import user_info
from app.tokens.user_info import MAX_KEPT, PAUSE_SECONDS, UserInfo
from tests.tokens.token_server import OTHER_ZONE, ZONE, Asked, TokenServer, token_server

ENDS = 2000


class World:
    """An authorization server, and what asks it, with a clock that stands still."""

    def __init__(self, server: TokenServer, clients: PlatformClients) -> None:
        self.server = server
        self.now = 1000.0
        self.binding: XsuaaCredentials = server.binding()
        self.info = UserInfo(clients, self.binding, lambda: self.now)

    @property
    def asked(self) -> list[Asked]:
        assert {request.path for request in self.server.asked} <= {"/userinfo"}
        return self.server.asked

    def will_tell(self, *answers: object) -> None:
        self.server.script.extend((200, answer, {}) for answer in answers)


def run(step: Callable[[World], Awaitable[None]]) -> None:
    async def main() -> None:
        clients = PlatformClients(timeout=2)
        with token_server() as server:
            world = World(server, clients)
            await step(world)
            await world.info.aclose()
            await clients.aclose()

    asyncio.run(main())


ACME = Tenant(ZONE, "acme")


def token(user: str = "alice", value: str = "t1", tenant: Tenant = ACME) -> UserToken:
    return UserToken(UserPrincipal(tenant, "o", user), value, frozenset(), ENDS)


def test_it_is_asked_with_the_users_token_once_for_each() -> None:
    async def step(world: World) -> None:
        world.will_tell({"user_name": "alice", "user_attributes": {"country": ["DE"]}}, {"user_attributes": {"b": "2"}})
        for _ in range(3):
            assert await world.info.attributes(token()) == {"country": ["DE"]}
        assert await world.info.attributes(token(value="renewed")) == {"b": "2"}
        assert [request.headers["authorization"] for request in world.asked] == ["Bearer t1", "Bearer renewed"]
        assert "x-zid" not in world.asked[0].headers

    run(step)


def test_what_one_was_told_is_told_to_nobody_else() -> None:
    async def step(world: World) -> None:
        callers = [token(), token("bob"), token(tenant=Tenant(OTHER_ZONE, "")), token(value="t2")]
        world.will_tell(*({"user_attributes": {"number": number}} for number in range(len(callers))))
        told = [await world.info.attributes(caller) for caller in callers * 2]
        assert told == [{"number": number} for number in range(len(callers))] * 2
        assert [request.headers.get("x-zid") for request in world.asked] == [None, None, OTHER_ZONE, None]

    run(step)


def test_many_who_ask_at_once_cause_one_request() -> None:
    async def step(world: World) -> None:
        world.will_tell({"user_attributes": {"a": "1"}})
        told = await asyncio.gather(*(world.info.attributes(token()) for _ in range(50)))
        assert told == [{"a": "1"}] * 50
        assert len(world.asked) == 1

    run(step)


def test_it_is_kept_until_the_token_ends() -> None:
    async def step(world: World) -> None:
        world.will_tell({"user_attributes": {"a": "1"}}, {"user_attributes": {"a": "2"}})
        await world.info.attributes(token())
        world.now = ENDS - 1.0
        assert await world.info.attributes(token()) == {"a": "1"}
        world.now = float(ENDS)
        assert await world.info.attributes(token()) == {"a": "2"}

    run(step)


def test_what_is_large_is_told_and_not_kept() -> None:
    async def step(world: World) -> None:
        large = {"user_attributes": {"a": "x" * MAX_KEPT}}
        world.will_tell(large, large)
        for _ in range(2):
            assert await world.info.attributes(token()) == large["user_attributes"]
        assert len(world.asked) == 2

    run(step)


NOTHING = [
    (200, {"user_name": "alice"}),
    (200, {"user_attributes": ["a"]}),
    (200, []),
    (200, b"<html>"),
    (200, b"\xff"),
    (200, b"[" * 9000),
    (401, {"error": "invalid_token"}),
    (403, {"error": "insufficient_scope", "user_attributes": {"a": "1"}}),
    (500, b""),
]


@pytest.mark.parametrize(("status", "body"), NOTHING)
def test_whatever_else_xsuaa_says_there_are_no_attributes(status: int, body: object) -> None:
    async def step(world: World) -> None:
        world.server.script.append((status, body, {}))
        assert await world.info.attributes(token()) == {}

    run(step)


def test_a_failure_is_not_repeated_at_once() -> None:
    async def step(world: World) -> None:
        world.server.script.append((503, b"", {}))
        world.will_tell({"user_attributes": {"a": "1"}})
        assert [await world.info.attributes(token()) for _ in range(3)] == [{}] * 3
        world.now += PAUSE_SECONDS
        assert await world.info.attributes(token()) == {"a": "1"}

    run(step)


def test_who_does_not_answer_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(user_info, "ANSWER_SECONDS", 0.05)

    async def step(world: World) -> None:
        world.server.delay = 1.0
        before = asyncio.get_running_loop().time()
        assert await world.info.attributes(token()) == {}
        assert asyncio.get_running_loop().time() - before < 0.9

    run(step)


def test_who_cannot_be_reached_holds_nobody_up() -> None:
    async def main() -> None:
        clients = PlatformClients(timeout=2)
        with token_server() as server:
            binding = server.binding()
        assert await UserInfo(clients, binding).attributes(token()) == {}
        await clients.aclose()

    asyncio.run(main())
