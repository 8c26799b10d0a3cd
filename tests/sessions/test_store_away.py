"""Attack case 80: the store is away. Requests are refused quickly, by name, and served again by themselves."""

from __future__ import annotations

import asyncio
import errno
import time
from collections.abc import Iterator

import pytest
from redis.exceptions import AuthenticationError
from redis.exceptions import ConnectionError as NoConnection

from app.bindings.redis_credentials import RedisCredentials
from app.errors import Failure, GatewayError
from app.sessions.redis_client import RedisOptions, Trouble, redis_client
from app.sessions.redis_table import RedisSessionTable
from tests.sessions.instances import Instance, Shared, use
from tests.support.ports import free_port
from tests.support.redis_servers import RedisServer, redis_server_with_tls, redis_with_sentinel


@pytest.fixture(autouse=True)
def running_again(redis_store: RedisServer) -> Iterator[None]:
    """Whatever a test does to the server is undone."""
    yield
    if redis_store.process is None:
        redis_store.start()


async def refused(instance: Instance, key: bytes) -> float:
    """The seconds a refusal takes."""
    started = time.monotonic()
    with pytest.raises(GatewayError) as caught:
        await instance.store.load(key)
    assert caught.value.failure is Failure.STORE_UNAVAILABLE
    assert "the-store" in caught.value.detail
    assert "127.0.0.1" not in caught.value.detail
    return time.monotonic() - started


async def served_again(instance: Instance, key: bytes) -> None:
    """Return when the session is there again; the guard is the test's patience."""
    async with asyncio.timeout(20):
        while True:
            try:
                assert await instance.store.load(key) is not None
            except GatewayError:
                await asyncio.sleep(0.05)
            else:
                return


def test_attack_80_a_store_that_is_down_and_back(redis_store: RedisServer) -> None:
    async def work(shared: Shared, one: Instance) -> None:
        await one.store.add(session := shared.new_session())
        await one.loaded(session.key)
        await asyncio.to_thread(shared.server.stop)
        assert await refused(one, session.key) < 10
        assert await refused(one, session.key) < 0.4
        await asyncio.to_thread(shared.server.start)
        await served_again(one, session.key)

    use(redis_store, 1, work)


def test_attack_80_a_store_that_answers_nothing(redis_store: RedisServer) -> None:
    async def work(shared: Shared, one: Instance) -> None:
        await one.store.add(session := shared.new_session())
        await one.loaded(session.key)
        shared.server.freeze()
        await asyncio.gather(*(refused(one, session.key) for _ in range(20)))
        shared.server.thaw()
        await served_again(one, session.key)

    use(redis_store, 1, work)


def test_why_the_store_is_not_to_be_had_is_in_the_log(
    redis_store: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    """By its kind: Redis refuses the password, nobody listens, nothing is answered, its certificate is not trusted."""

    async def reason(credentials: RedisCredentials) -> str:
        caplog.clear()
        trouble = Trouble()
        client = redis_client(credentials, RedisOptions(command_timeout=0.2), trouble)
        table = RedisSessionTable(client, "the-store", "s" * 64, 0.5, trouble)
        with pytest.raises(GatewayError) as caught:
            await table.glance(b"key")
        await table.aclose()
        [record] = [each for each in caplog.records if each.name == "gangway.sessions"]
        assert record.fields["reason"] == caught.value.logged  # type: ignore[attr-defined]
        assert "a redis password" not in str(record.__dict__)
        return caught.value.logged

    async def work(shared: Shared) -> None:
        given = shared.server.credentials
        assert await reason(given(password="another")) == "it refuses user name or password"
        assert await reason(given(password="")) == "it refuses user name or password"
        assert await reason(given(port=free_port())) == "connection refused"
        shared.server.freeze()
        assert await reason(given()) == "no answer in time"
        shared.server.thaw()

    use(redis_store, 0, work)
    with redis_server_with_tls() as secure:
        assert asyncio.run(reason(secure.credentials())).startswith("certificate not trusted: ")


def test_a_trouble_that_is_over_is_not_the_reason_of_the_next(
    redis_store: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    async def work(shared: Shared) -> None:
        trouble = Trouble()
        client = redis_client(shared.server.credentials(), RedisOptions(command_timeout=0.2), trouble)
        table = RedisSessionTable(client, "the-store", "s" * 64, 20, trouble)
        await asyncio.to_thread(shared.server.stop)
        waiting = asyncio.create_task(table.glance(b"key"))
        await asyncio.sleep(0.2)
        await asyncio.to_thread(shared.server.start)
        assert await waiting is None
        shared.server.freeze()
        impatient = RedisSessionTable(client, "the-store", "s" * 64, 0.1, trouble)
        with pytest.raises(GatewayError) as caught:
            await impatient.glance(b"key")
        shared.server.thaw()
        await table.aclose()
        assert caught.value.logged == "no answer in time"

    use(redis_store, 0, work)


def test_the_present_error_is_the_reason_where_it_says_something() -> None:
    trouble = Trouble()
    trouble.met(AuthenticationError())
    error = NoConnection()
    error.__cause__ = ConnectionRefusedError(errno.ECONNREFUSED, "")
    assert trouble.told(error) == "connection refused"
    trouble.met(AuthenticationError())
    assert trouble.told(TimeoutError()) == "it refuses user name or password"
    assert trouble.told(TimeoutError()) == "no answer in time"


def test_a_short_absence_is_waited_out(redis_store: RedisServer) -> None:
    async def work(shared: Shared) -> None:
        one = shared.instance(patience=20)
        await one.store.add(session := shared.new_session())
        await asyncio.to_thread(shared.server.stop)
        loading = asyncio.create_task(one.loaded(session.key))
        await asyncio.to_thread(shared.server.start)
        assert (await loading).key == session.key
        await one.store.aclose()

    use(redis_store, 0, work)


def test_what_could_not_be_stored_is_stored_later(redis_store: RedisServer) -> None:
    async def work(shared: Shared, one: Instance, two: Instance) -> None:
        await one.store.add(session := shared.new_session())
        copy = await one.loaded(session.key)
        await asyncio.to_thread(shared.server.stop)
        token = copy.make_csrf_token()
        with pytest.raises(GatewayError):
            await one.store.update(copy)
        await asyncio.to_thread(shared.server.start)
        await served_again(one, session.key)
        assert (await two.loaded(session.key)).csrf_token == token

    use(redis_store, 2, work)


def test_a_new_master_serves_the_sessions_of_the_old_one() -> None:
    from app.sessions.external_store import ExternalSessionStore
    from app.sessions.redis_client import RedisOptions, redis_client
    from app.sessions.redis_table import RedisSessionTable
    from tests.sessions.store_contract import LIFETIME, Clock, new_session

    with redis_with_sentinel() as watched:

        async def run() -> None:
            clock = Clock()
            table = RedisSessionTable(redis_client(watched.credentials(), RedisOptions()), "the-store", "s" * 64, 5)
            one = Instance(ExternalSessionStore(table, "s" * 64, LIFETIME, clock, touch_every=0), table)
            await one.store.add(session := new_session(clock))
            await asyncio.to_thread(watched.fail_over)
            await served_again(one, session.key)
            await one.store.aclose()

        asyncio.run(run())
