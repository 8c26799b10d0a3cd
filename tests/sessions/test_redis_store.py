"""The external store over every kind of Redis server, against the contract of all stores."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from secrets import token_hex
from typing import ClassVar

import pytest

from app.bindings.redis_credentials import RedisCredentials
from app.sessions.external_store import ExternalSessionStore
from app.sessions.redis_client import RedisOptions, redis_client
from app.sessions.redis_table import RedisSessionTable
from app.sessions.store import SessionStore
from tests.sessions.store_contract import LIFETIME, Clock, StoreContract
from tests.support.redis_servers import (
    authority_of,
    redis_cluster,
    redis_server,
    redis_server_with_tls,
    redis_with_sentinel,
)


class RedisContract(StoreContract):
    """The contract for a server that a fixture has started."""

    credentials: ClassVar[RedisCredentials]
    options: ClassVar[RedisOptions] = RedisOptions()

    def make(self, clock: Clock) -> SessionStore:
        secret = token_hex(32)  # applications with different secrets share a store without seeing each other
        table = RedisSessionTable(redis_client(self.credentials, self.options), "store", secret, patience=5)
        return ExternalSessionStore(table, secret, LIFETIME, clock, touch_every=0)


class TestOneServer(RedisContract):
    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def server(cls) -> Iterator[None]:
        with redis_server() as server:
            cls.credentials = server.credentials()
            yield


class TestServerWithTls(RedisContract):
    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def server(cls) -> Iterator[None]:
        with redis_server_with_tls() as server:
            cls.credentials = server.credentials(ca_base64=authority_of(server))
            yield


class TestServerWithTlsUnverified(RedisContract):
    options = RedisOptions(verify=False, check_hostname=False)

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def server(cls) -> Iterator[None]:
        with redis_server_with_tls() as server:
            cls.credentials = server.credentials()
            yield


class TestCluster(RedisContract):
    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def server(cls) -> Iterator[None]:
        with redis_cluster() as nodes:
            cls.credentials = nodes[0].credentials(cluster_mode=True)
            yield


class TestSentinel(RedisContract):
    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def server(cls) -> Iterator[None]:
        with redis_with_sentinel() as watched:
            cls.credentials = watched.credentials()
            yield


def test_a_time_between_probes_that_no_socket_takes_keeps_nobody_from_the_store() -> None:
    async def ping(credentials: RedisCredentials) -> bool:
        client = redis_client(credentials, RedisOptions(keep_alive=1e6))
        try:
            return bool(await client.ping())
        finally:
            await client.aclose()

    with redis_server() as server:
        assert asyncio.run(asyncio.wait_for(ping(server.credentials()), 10))
