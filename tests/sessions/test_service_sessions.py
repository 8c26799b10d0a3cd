"""Sessions of applications that call us, in the store."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from app.principal import KnownCaller, ServiceCaller, ServicePrincipal, ServiceToken, Tenant, UserCaller
from app.request_head import RequestHead
from app.sessions.backend_cookies import CookieSite
from app.sessions.cookie import OwnCookies
from app.sessions.service_sessions import ServiceSessionOptions, ServiceSessions, session_name, signature
from tests.sessions.instances import Shared
from tests.sessions.instances import use as use_instances
from tests.sessions.store_contract import TOKEN
from tests.support.redis_servers import RedisServer

NEW, OLD = "a new secret", "an old secret"
BOTH = ServiceSessionOptions(secrets=(NEW, OLD), keeps_csrf=True, keeps_cookies=True, cookie=True)
SITE = CookieSite("erp", "erp.internal", "/")
ALICE: KnownCaller = UserCaller(TOKEN)
SERVICE: KnownCaller = ServiceCaller(
    ServiceToken(ServicePrincipal(Tenant("zone", "acme"), "sb-jobs"), "token-2", frozenset(), 2**40)
)
NOW = 1_000_000.0


def head(session_id: str = "", sig: str = "", expiry: str = "1000600") -> RequestHead:
    named = [
        (b"x-approuter-ext-session-id", session_id.encode()),
        (b"x-approuter-ext-session-id-sig", sig.encode()),
        (b"x-approuter-ext-session-expiry", expiry.encode()),
    ]
    return RequestHead("GET", "/", [(name, value) for name, value in named if value])


def use(server: RedisServer, work: Callable[[Shared, ServiceSessions, ServiceSessions], Awaitable[None]]) -> None:
    """Two instances."""

    async def both(shared: Shared) -> None:
        tables = [shared.instance().table for _ in range(2)]
        one, two = (ServiceSessions(table, shared.secret, BOTH, shared.clock) for table in tables)
        await work(shared, one, two)
        for table in tables:
            await table.aclose()

    use_instances(server, 0, both)


def test_the_signature_is_the_documented_one() -> None:
    assert signature("my-session", "secret") == "PJ5q5fe4EsJapg4cl37NPZBmq09zk/BdcSLeqB5i1Zo"


@pytest.mark.parametrize("secret", [NEW, OLD])
def test_either_secret_signs(secret: str) -> None:
    assert session_name(head("id", signature("id", secret)), BOTH, NOW) == ("id", 1_000_600.0)
    assert session_name(head("id", signature("id", secret) + "="), BOTH, NOW) is not None


@pytest.mark.parametrize(
    "named",
    [
        head(),
        head("id"),
        head("id", signature("id", "another secret")),
        head("other", signature("id", NEW)),
        head("id", signature("id", NEW)[:-1]),
        head("id", signature("id", NEW), expiry=""),
        head("id", signature("id", NEW), expiry="999999"),
        head("id", signature("id", NEW), expiry="-1"),
        head("id", signature("id", NEW), expiry="1e9"),
        head("i" * 1025, signature("i" * 1025, NEW)),
    ],
)
def test_attack_57_an_id_that_is_not_signed_as_it_has_to_be_is_treated_as_absent(named: RequestHead) -> None:
    """Case 57: unsigned or tampered external session ids."""
    assert session_name(named, BOTH, NOW) is None


def test_without_secrets_nothing_is_signed() -> None:
    assert session_name(head("id", signature("id", "")), ServiceSessionOptions(), NOW) is None


def test_ids_need_no_signature_where_that_is_switched_off() -> None:
    assert session_name(head("id"), ServiceSessionOptions(signed=False), NOW) == ("id", 1_000_600.0)


def test_an_end_may_be_in_milliseconds_and_is_a_day_away_at_most() -> None:
    now, open_to_all = 1_700_000_000.0, ServiceSessionOptions(signed=False)
    assert session_name(head("id", expiry="1700000060000"), open_to_all, now) == ("id", now + 60)
    assert session_name(head("id", expiry="9999999999"), open_to_all, now) == ("id", now + 86_400)


def test_csrf_token_and_cookies_are_there_on_every_instance(redis_store: RedisServer) -> None:
    async def work(shared: Shared, one: ServiceSessions, two: ServiceSessions) -> None:
        named = head("id", signature("id", NEW))
        here = await one.visitor(named, ALICE)
        assert (here.csrf_exempt, here.csrf_token) == (False, "")
        token = await one.csrf_token(here)
        here.backend_cookies.absorb(SITE, [b"SAP_SESSIONID=1"], OwnCookies().is_own)
        await one.changed(here)
        there = await two.visitor(named, ALICE)
        assert (there.csrf_token, there.backend_cookies.header(SITE, None)) == (token, b"SAP_SESSIONID=1")

    use(redis_store, work)


def test_tokens_made_at_the_same_time_are_one(redis_store: RedisServer) -> None:
    async def work(shared: Shared, one: ServiceSessions, two: ServiceSessions) -> None:
        named = head("id", signature("id", NEW))
        here, there = await one.visitor(named, ALICE), await two.visitor(named, ALICE)
        first, second = await asyncio.gather(one.csrf_token(here), two.csrf_token(there))
        assert first == second

    use(redis_store, work)


def test_attack_69_an_id_opens_nothing_for_another_caller(redis_store: RedisServer) -> None:
    """Case 69: the key of a session is made of the id and of who calls."""

    async def work(shared: Shared, one: ServiceSessions, two: ServiceSessions) -> None:
        named = head("id", signature("id", NEW))
        mine = await one.visitor(named, ALICE)
        await one.csrf_token(mine)
        other = await one.visitor(named, SERVICE)
        assert (other.csrf_token, other.key == mine.key) == ("", False)

    use(redis_store, work)


def test_without_an_id_the_token_stands_for_the_session(redis_store: RedisServer) -> None:
    async def work(shared: Shared, one: ServiceSessions, two: ServiceSessions) -> None:
        first, again = await one.visitor(head(), SERVICE), await two.visitor(head(), SERVICE)
        assert first.key == again.key
        assert first.ends_at == SERVICE.token.expires_at

    use(redis_store, work)


def test_a_new_session_is_told_once_and_redis_forgets_it_at_its_end(redis_store: RedisServer) -> None:
    async def work(shared: Shared, one: ServiceSessions, two: ServiceSessions) -> None:
        named = head("id", signature("id", NEW))
        assert (await one.visitor(named, ALICE)).is_new
        assert not (await two.visitor(named, ALICE)).is_new
        with shared.server.client() as client:
            (row,) = shared.rows()
            assert 590_000 < client.pttl(row) <= 600_000

    use(redis_store, work)


def test_the_end_of_a_service_session_is_none_that_backends_are_told_of(redis_store: RedisServer) -> None:
    async def work(shared: Shared, one: ServiceSessions, two: ServiceSessions) -> None:
        await one.visitor(head(), SERVICE)
        shared.clock.now += 2**41
        assert await shared.instance().store.expire() == []
        assert len(shared.rows()) == 1

    use(redis_store, work)


def test_attack_57_a_changed_part_is_treated_as_absent(redis_store: RedisServer) -> None:
    """Case 57."""

    async def work(shared: Shared, one: ServiceSessions, two: ServiceSessions) -> None:
        visitor = await one.visitor(head(), SERVICE)
        await one.csrf_token(visitor)
        (row,) = shared.rows()
        with shared.server.client() as client:
            client.hset(row, "csrf", b"x" * 60)
        assert (await two.visitor(head(), SERVICE)).csrf_token == ""

    use(redis_store, work)
