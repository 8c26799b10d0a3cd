"""A client of redis-py for what a binding describes: one server, a cluster, or a master that sentinels know."""

from __future__ import annotations

import logging
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Self, TypeVar

from redis.asyncio import Redis, RedisCluster, Sentinel
from redis.asyncio.retry import Retry
from redis.backoff import AbstractBackoff
from redis.exceptions import AuthenticationError, ReadOnlyError, RedisError
from redis.exceptions import ConnectionError as NoConnection
from redis.exceptions import TimeoutError as NoAnswer

from app.bindings.redis_credentials import DEFAULT_PORT, RedisCredentials
from app.transport.connect_reason import connect_reason

log = logging.getLogger("gangway.sessions")

T = TypeVar("T")

LONGEST_PAUSE = 1.0
LONGEST_KEEP_ALIVE = 32_767  # seconds; Linux takes no more
MANY_CONNECTIONS = 10_000  # the table limits how many commands are under way


@dataclass(frozen=True, slots=True)
class RedisOptions:
    """How to connect, from `EXT_SESSION_MGT`; times in seconds. `keep_alive` 0: no TCP probes."""

    pause: float = 0.05
    connect_timeout: float = 10.0
    command_timeout: float = 5.0
    keep_alive: float = 30.0
    verify: bool = True
    check_hostname: bool = True


class GrowingPause(AbstractBackoff):
    """The pause before a repetition: a bit longer each time, at most a second."""

    def __init__(self, step: float) -> None:
        self._step = step

    def compute(self, failures: int) -> float:
        """Seconds before the repetition after this many failures."""
        return min(failures * self._step, LONGEST_PAUSE)


class Trouble:
    """Why the store was not to be had lately: repetitions hide it from those who ask."""

    def __init__(self) -> None:
        self._last: RedisError | None = None

    def __deepcopy__(self, memo: object) -> Self:
        return self  # redis-py copies a connection's retries; what they meet is told in one place

    def met(self, error: RedisError) -> None:
        """Keep an error that is about to be followed by a repetition."""
        self._last = error

    def over(self) -> None:
        """The store has answered: what was kept explains nothing that comes later."""
        self._last = None

    def told(self, error: Exception) -> str:
        """What to say of an operation that ended with `error`, by itself, or by what was kept; that is told once."""
        kept, self._last = self._last, None
        for each in (error, kept):
            if isinstance(each, AuthenticationError):
                return "it refuses user name or password"
            if each is not None and (reason := connect_reason(each)) is not None:
                return reason.text
        return "no answer in time" if isinstance(error, NoAnswer | TimeoutError) else type(error).__name__


class TellingRetry(Retry):
    """Repetitions that tell what they were for."""

    def __init__(self, backoff: AbstractBackoff, retries: int, trouble: Trouble) -> None:
        super().__init__(backoff, retries)
        self._trouble = trouble

    async def call_with_retry(
        self, do: Callable[[], Awaitable[T]], fail: Any, is_retryable: Any = None, with_failure_count: bool = False
    ) -> T:
        """See `Retry`."""

        async def told() -> T:
            try:
                result = await do()
            except RedisError as error:
                self._trouble.met(error)
                raise
            self._trouble.over()
            return result

        return await super().call_with_retry(told, fail, is_retryable, with_failure_count)


def redis_client(credentials: RedisCredentials, options: RedisOptions, trouble: Trouble | None = None) -> Any:
    """The client; it connects when first used. Repetitions do not end by themselves: the caller's patience does it, and
    `trouble` says why there were any.
    """
    trouble = trouble or Trouble()
    common: dict[str, Any] = {**_connection(options), **_tls(credentials, options)}
    login: dict[str, Any] = {"username": credentials.username or None, "password": credentials.password or None}
    retry = TellingRetry(GrowingPause(options.pause), -1, trouble)
    if credentials.cluster_mode:
        return RedisCluster(
            host=credentials.hostname,
            port=credentials.port or DEFAULT_PORT,
            retry=TellingRetry(GrowingPause(options.pause), 3, trouble),
            max_connections=MANY_CONNECTIONS,
            **common,
            **login,
        )
    repeated: dict[str, Any] = {"retry": retry, "retry_on_error": [NoConnection, NoAnswer, ReadOnlyError]}
    if credentials.sentinel_nodes:
        nodes = [(node.hostname, node.port) for node in credentials.sentinel_nodes]
        everywhere: dict[str, Any] = {**common, **login, "max_connections": MANY_CONNECTIONS}
        sentinel = Sentinel(nodes, sentinel_kwargs=common, **everywhere)  # type: ignore[no-untyped-call]
        return sentinel.master_for(credentials.master, **repeated)
    port = credentials.port or DEFAULT_PORT
    return Redis(host=credentials.hostname, port=port, max_connections=MANY_CONNECTIONS, **common, **login, **repeated)


def _connection(options: RedisOptions) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "socket_connect_timeout": options.connect_timeout,
        "socket_timeout": options.command_timeout,
        "socket_keepalive": options.keep_alive > 0,
    }
    if options.keep_alive > 0 and hasattr(socket, "TCP_KEEPIDLE"):
        seconds = min(max(int(options.keep_alive), 1), LONGEST_KEEP_ALIVE)
        settings["socket_keepalive_options"] = {socket.TCP_KEEPIDLE: seconds, socket.TCP_KEEPINTVL: seconds}
    return settings


def _tls(credentials: RedisCredentials, options: RedisOptions) -> dict[str, Any]:
    if not credentials.tls:
        return {}
    if not options.verify:
        log.warning("rejectUnauthorized is false: the certificate of the session store is not verified")
    return {
        "ssl": True,
        "ssl_cert_reqs": "required" if options.verify else "none",
        "ssl_check_hostname": options.verify and options.check_hostname,
        **({"ssl_ca_data": credentials.authorities} if credentials.authorities else {}),
    }
