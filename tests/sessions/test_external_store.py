"""What instances that share a store see of each other, and what somebody sees who has the store alone."""

from __future__ import annotations

import asyncio
import json
import zlib
from base64 import urlsafe_b64encode
from dataclasses import replace
from typing import Any

import pytest

from app.principal import UserCaller
from app.sessions.backend_cookies import CookieSite
from app.sessions.cookie import OwnCookies
from app.sessions.session import Session
from app.sessions.session_parts import TokenPart, pack, unpack, values_of
from app.sessions.store import Lifetime
from app.sessions.visitor import Visitor
from tests.sessions.instances import Instance, Shared, use
from tests.sessions.store_contract import TOKEN
from tests.support.redis_servers import RedisServer
from tests.tokens.token_server import make_token

SITE = CookieSite("erp", "erp.internal", "/sap")


def set_cookie(session: Session, line: bytes) -> None:
    assert session.backend_cookies.absorb(SITE, [line], OwnCookies().is_own)


def cookies(session: Session) -> set[bytes]:
    header = session.backend_cookies.header(SITE, None)
    return set(header.split(b"; ")) if header else set()


def test_any_instance_serves_any_session_whole(redis_store: RedisServer) -> None:
    async def work(shared: Shared, one: Instance, two: Instance) -> None:
        session = shared.new_session()
        session.login_names = (b"sid-1",)
        await one.store.add(session)
        here = await one.loaded(session.key)
        token = here.make_csrf_token()
        set_cookie(here, b"SAP_SESSIONID=1; Path=/")
        await one.store.update(here)
        there = await two.loaded(session.key)
        assert there is not here
        assert values_of(there) == values_of(here)
        assert (there.csrf_token, cookies(there)) == (token, {b"SAP_SESSIONID=1"})

    use(redis_store, 2, work)


def test_touching_asks_the_store_no_more_often_than_it_is_written(redis_store: RedisServer) -> None:
    async def work(shared: Shared) -> None:
        one = shared.instance(touch_every=10)
        session = shared.new_session()
        await one.store.add(session)
        held = await one.loaded(session.key)
        for asked in (0, 1):
            for _ in range(5):
                one.store.touch(held.key)
            assert len(one.store._touching) == asked
            await one.store._touching.drain()
            shared.clock.now += 10
        await one.store.aclose()

    use(redis_store, 0, work)


def test_applications_noted_by_two_instances_are_all_known(redis_store: RedisServer) -> None:
    async def work(shared: Shared, one: Instance, two: Instance) -> None:
        session = shared.new_session()
        await one.store.add(session)
        here, there = await one.loaded(session.key), await two.loaded(session.key)
        here.apps |= {"shop"}
        there.apps |= {"country.list-1.0"}
        await one.store.update(here)
        await two.store.update(there)
        for instance in (one, two):
            assert (await instance.loaded(session.key)).apps == {"shop", "country.list-1.0"}

    use(redis_store, 2, work)


def test_one_instance_has_one_copy_of_a_session(redis_store: RedisServer) -> None:
    async def work(shared: Shared, one: Instance) -> None:
        session = shared.new_session()
        await one.store.add(session)
        first, *others = await asyncio.gather(*(one.loaded(session.key) for _ in range(20)))
        assert all(other is first for other in others)

    use(redis_store, 1, work)


def test_attack_61_a_logout_on_one_instance_ends_the_session_on_all(redis_store: RedisServer) -> None:
    """Case 61: the copy of another instance does not outlive the session."""

    async def work(shared: Shared, one: Instance, two: Instance) -> None:
        session = shared.new_session()
        await one.store.add(session)
        copy = await two.loaded(session.key)
        await one.store.delete(session.key)
        assert await two.store.load(session.key) is None
        assert copy.ended
        assert shared.rows() == []

    use(redis_store, 2, work)


def test_attack_61_web_sockets_of_other_instances_close_without_a_request(redis_store: RedisServer) -> None:
    """Case 61: an open web socket sends no request that would tell of the logout."""

    async def work(shared: Shared, one: Instance, two: Instance) -> None:
        session, closed = shared.new_session(), []
        await one.store.add(session)
        copy = await two.loaded(session.key)
        copy.watch(lambda: closed.append(True))
        await two.store.expire()
        assert closed == []
        await one.store.delete(session.key)
        await two.store.expire()
        assert closed == [True]

    use(redis_store, 2, work)


def test_a_change_on_one_instance_is_seen_by_the_next_request_on_another(redis_store: RedisServer) -> None:
    async def work(shared: Shared, one: Instance, two: Instance) -> None:
        session = shared.new_session()
        await one.store.add(session)
        here, there = await one.loaded(session.key), await two.loaded(session.key)
        here.renew(UserCaller(replace(TOKEN, value="token-2")), "refresh-2", 0.0)
        await one.store.update(here)
        assert await two.loaded(session.key) is there
        assert (there.token.value, there.refresh_token) == ("token-2", "refresh-2")

    use(redis_store, 2, work)


def test_cookies_set_at_the_same_time_on_two_instances_are_both_kept(redis_store: RedisServer) -> None:
    async def work(shared: Shared, one: Instance, two: Instance) -> None:
        session = shared.new_session()
        await one.store.add(session)
        here, there = await one.loaded(session.key), await two.loaded(session.key)
        set_cookie(here, b"a=1")
        set_cookie(there, b"b=2")
        await asyncio.gather(one.store.update(here), two.store.update(there))
        expected = {b"a=1", b"b=2"}
        assert cookies(await one.loaded(session.key)) == cookies(await two.loaded(session.key)) == expected

    use(redis_store, 2, work)


def test_the_later_value_of_the_same_cookie_counts_and_a_deleted_one_is_gone(redis_store: RedisServer) -> None:
    async def work(shared: Shared, one: Instance, two: Instance) -> None:
        session = shared.new_session()
        await one.store.add(session)
        here, there = await one.loaded(session.key), await two.loaded(session.key)
        set_cookie(here, b"a=1")
        set_cookie(here, b"b=1")
        await one.store.update(here)
        await two.loaded(session.key)
        set_cookie(there, b"a=2")
        set_cookie(there, b"b=; Max-Age=0")
        await two.store.update(there)
        assert cookies(await one.loaded(session.key)) == {b"a=2"}

    use(redis_store, 2, work)


def test_a_renewal_and_a_cookie_at_the_same_time_are_both_kept(redis_store: RedisServer) -> None:
    async def work(shared: Shared, one: Instance, two: Instance) -> None:
        session = shared.new_session()
        await one.store.add(session)
        here, there = await one.loaded(session.key), await two.loaded(session.key)
        here.renew(UserCaller(replace(TOKEN, value="token-2")), "refresh-2", 0.0)
        set_cookie(there, b"b=2")
        await asyncio.gather(one.store.update(here), two.store.update(there))
        for instance in (one, two):
            found = await instance.loaded(session.key)
            assert (found.token.value, cookies(found)) == ("token-2", {b"b=2"})

    use(redis_store, 2, work)


def test_csrf_tokens_made_at_the_same_time_are_one(redis_store: RedisServer) -> None:
    async def work(shared: Shared, one: Instance, two: Instance) -> None:
        session = shared.new_session()
        await one.store.add(session)
        here, there = await one.loaded(session.key), await two.loaded(session.key)
        here.make_csrf_token()
        there.make_csrf_token()
        await asyncio.gather(one.store.update(here), two.store.update(there))
        assert here.csrf_token == there.csrf_token

    use(redis_store, 2, work)


def test_changes_of_parallel_requests_of_one_instance_are_all_kept(redis_store: RedisServer) -> None:
    async def work(shared: Shared, one: Instance) -> None:
        session = shared.new_session()
        await one.store.add(session)

        async def request(number: int) -> None:
            found = await one.loaded(session.key)
            set_cookie(found, b"c%d=1" % number)
            await one.store.update(found)

        await asyncio.gather(*(request(number) for number in range(20)))
        fresh = await shared.instance().loaded(session.key)
        assert cookies(fresh) == {b"c%d=1" % number for number in range(20)}

    use(redis_store, 1, work)


def test_a_copy_is_not_held_for_longer_than_it_is_of_use(redis_store: RedisServer) -> None:
    async def work(shared: Shared, one: Instance) -> None:
        session = shared.new_session()
        await one.store.add(session)
        kept = id(await one.loaded(session.key))
        assert id(await one.loaded(session.key)) == kept
        shared.clock.now += 61
        await one.store.expire()
        assert len(one.store) == 0
        await one.loaded(session.key)

    use(redis_store, 1, work)


def test_attack_57_nothing_in_the_store_tells_of_ids_tokens_or_users(redis_store: RedisServer) -> None:
    """Case 57: a stolen store opens nothing."""

    async def work(shared: Shared, one: Instance) -> None:
        secret = replace(TOKEN, value=make_token())
        session = shared.new_session(refresh_token="refresh-very-secret")
        session.caller = UserCaller(secret)
        session.login_names = (b"alice@example.com",)
        await one.store.add(session)
        found = await one.loaded(session.key)
        set_cookie(found, b"SAP_SESSIONID=cookie-very-secret")
        csrf_token = found.make_csrf_token()
        await one.store.update(found)
        stored = _everything(shared.server)
        telling = [b"very-secret", b"alice", b"eyJ", csrf_token.encode(), b"SAP_SESSIONID", secret.value.encode()]
        assert [word for word in telling if word in stored] == []

    use(redis_store, 1, work)


def _everything(server: RedisServer) -> bytes:
    """All that is in the store, keys included."""
    with server.client() as client:
        return b"\n".join(key + b" " + _content(client, key) for key in client.scan_iter())


def _content(client: Any, key: bytes) -> bytes:
    kind = client.type(key)
    if kind == b"hash":
        return b" ".join(word for pair in client.hgetall(key).items() for word in pair)
    return b" ".join(client.zrange(key, 0, -1) if kind == b"zset" else client.smembers(key))


@pytest.mark.parametrize("position", [0, 11, 12, 40, -1])
def test_attack_57_a_changed_bit_makes_the_session_absent(redis_store: RedisServer, position: int) -> None:
    """Case 57: bit flips in nonce, text and tag."""

    async def work(shared: Shared, one: Instance) -> None:
        await one.store.add(session := shared.new_session())
        (row,) = shared.rows()
        with shared.server.client() as client:
            sealed = bytearray(client.hget(row, "token") or b"")
            sealed[position] ^= 1
            client.hset(row, "token", bytes(sealed))
        assert await one.store.load(session.key) is None

    use(redis_store, 1, work)


def test_attack_57_parts_of_another_session_are_worth_nothing(redis_store: RedisServer) -> None:
    """Case 57: the token of one session in the row of another, and one part in the place of another."""

    async def work(shared: Shared, one: Instance) -> None:
        await one.store.add(mine := shared.new_session())
        (my_row,) = shared.rows()
        await one.store.add(other := shared.new_session())
        (other_row,) = {*shared.rows()} - {my_row}
        with shared.server.client() as client:
            client.hset(my_row, "token", client.hget(other_row, "token") or b"")
            client.hset(other_row, "csrf", client.hget(other_row, "token") or b"")
        assert await one.store.load(mine.key) is None
        assert await one.store.load(other.key) is None

    use(redis_store, 1, work)


def test_another_secret_opens_nothing(redis_store: RedisServer) -> None:
    async def work(shared: Shared, one: Instance) -> None:
        await one.store.add(session := shared.new_session())
        assert await shared.instance(secret="another").store.load(session.key) is None
        await one.loaded(session.key)

    use(redis_store, 1, work)


def test_attack_62_redis_itself_forgets_sessions_when_no_instance_is_left(redis_store: RedisServer) -> None:
    """Case 62: the time to live is the rest of the session, and some time to act upon its end."""

    async def work(shared: Shared, one: Instance) -> None:
        await one.store.add(shared.new_session())
        await one.store.add(shared.new_session(created_ago=200))
        with shared.server.client() as client:
            rest = sorted(round(client.pttl(row) / 1000) for row in shared.rows())
        assert rest == [50 + 120, 100 + 120]

    use(redis_store, 1, work)


def test_the_last_use_is_written_now_and_then_and_a_session_never_ends_early(redis_store: RedisServer) -> None:
    async def work(shared: Shared) -> None:
        one = shared.instance(Lifetime(idle=100, absolute=1000), touch_every=10)
        await one.store.add(session := shared.new_session())
        (row,) = shared.rows()
        with shared.server.client() as client:
            ends = [client.hget(row, "ends")]
            for _ in range(12):
                shared.clock.now += 3
                await one.loaded(session.key)
                ends.append(client.hget(row, "ends"))
        assert len(set(ends)) == 1 + 12 * 3 // 12
        shared.clock.now += 100
        await one.loaded(session.key)
        shared.clock.now += 110
        assert await one.store.load(session.key) is None
        await one.store.aclose()

    use(redis_store, 0, work)


def test_only_one_instance_reports_the_end_of_a_session(redis_store: RedisServer) -> None:
    async def work(shared: Shared, one: Instance, two: Instance) -> None:
        sessions = [shared.new_session() for _ in range(20)]
        for session in sessions:
            await one.store.add(session)
        shared.clock.now += 100
        reported = await asyncio.gather(*(instance.store.expire() for instance in (one, two, one, two)))
        keys = [session.key for report in reported for session in report]
        assert sorted(keys) == sorted(session.key for session in sessions)
        assert shared.rows() == []

    use(redis_store, 2, work)


def test_sessions_of_a_login_are_found_on_all_instances(redis_store: RedisServer) -> None:
    async def work(shared: Shared, one: Instance, two: Instance) -> None:
        session, gone, other = (shared.new_session() for _ in range(3))
        session.login_names, gone.login_names, other.login_names = (b"alice", b"sid-1"), (b"alice",), (b"bob",)
        for each in (session, gone, other):
            await one.store.add(each)
        await one.store.delete(gone.key)
        assert [found.key for found in await two.store.of_login(b"alice")] == [session.key]
        assert (await two.store.of_login(b"alice"))[0].login_names == (b"alice", b"sid-1")

    use(redis_store, 2, work)


def test_the_end_of_a_login_is_known_to_all_instances_for_a_minute(redis_store: RedisServer) -> None:
    async def work(shared: Shared, one: Instance, two: Instance) -> None:
        await one.store.end_login(b"sid-1")
        assert await two.store.has_ended(b"sid-1")
        with shared.server.client() as client:
            [key] = client.scan_iter()
            assert 50_000 < client.pttl(key) <= 60_000
            assert b"sid-1" not in _everything(shared.server)

    use(redis_store, 2, work)


def test_a_stored_session_is_small(redis_store: RedisServer) -> None:
    """The reference counts with 50 KB; here a usual token takes less than a tenth of that, overhead included."""

    async def work(shared: Shared, one: Instance) -> None:
        session = shared.new_session()
        session.caller = UserCaller(replace(TOKEN, value=make_token(scope=[f"shop!t9.Scope{n}" for n in range(100)])))
        await one.store.add(session)
        (row,) = shared.rows()
        with shared.server.client() as client:
            used = client.memory_usage(row)
        assert used is not None
        assert used < len(session.token.value) < 5000

    use(redis_store, 1, work)


def test_whatever_a_token_looks_like_it_comes_back_as_it_was() -> None:
    header = urlsafe_b64encode(b'{"alg":"RS256"}').decode()
    for value in (make_token(), "opaque", "a.b.c", f"{header}.e30.sig", f"{header.rstrip('=')}.%%.sig", "..", "ä.ö.ü"):
        tokens = [replace(TOKEN, value=value + end) for end in ("", "x", "y")]
        part = values_of(Session(b"k", UserCaller(*tokens), "", 1.0))[b"token"]
        assert unpack(b"token", pack(part)) == part


def test_what_an_earlier_version_has_stored_is_a_session_without_an_access_token() -> None:
    token = [["zone", "acme", "sap.default", "alice"], ["a.Read"], 2**40, ["token-1"]]
    ias_token = [["zone", "acme", "https://ias", "alice"], [], 2**40, ["token-2"]]
    stored = zlib.compress(json.dumps([token, ias_token, ["refresh-1", 1.0, ["aa"], 2.0]]).encode())
    part = unpack(b"token", stored)
    assert isinstance(part, TokenPart)
    assert part.caller.token == TOKEN
    assert part.caller.access_token is None
    assert part.caller.forwarded.value == "token-2"
    assert json.loads(zlib.decompress(pack(part))) == json.loads(zlib.decompress(stored))


def test_one_token_in_two_roles_is_held_once() -> None:
    part = values_of(Session(b"k", UserCaller(TOKEN, TOKEN), "", 1.0))[b"token"]
    loaded = unpack(b"token", pack(part))
    assert isinstance(loaded, TokenPart)
    assert loaded.caller.ias_token is loaded.caller.token


def test_every_attribute_of_a_session_is_either_stored_or_meant_for_one_instance() -> None:
    """Whoever adds an attribute decides which."""
    stored = {"caller", "refresh_token", "created_at", "attention_at", "login_names", "csrf_token", "backend_cookies"}
    stored |= {"apps"}
    of_one_instance = {"key", "last_used", "prepared", "ended", "_watchers", "csrf_exempt"}
    assert {*Session.__slots__, *Visitor.__slots__} == stored | of_one_instance
