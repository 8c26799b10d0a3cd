"""The table of sessions in Redis or Valkey: one hash for each session, a lock beside it, and an order of their ends.

Every command and script touches one key only, so that all of it works in a cluster. `version` and `ends` are members
of the hash; all others are sealed parts. What cannot be read is absent: a key of another kind, and a row with a
`version` or an end that we would not write.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from hashlib import sha256
from typing import Any, TypeVar

from redis.exceptions import RedisError, ResponseError

from app.errors import Failure, GatewayError
from app.sessions.redis_batch import GlanceBatch
from app.sessions.redis_client import Trouble
from app.sessions.session_table import Glimpse, Row

log = logging.getLogger("gangway.sessions")

T = TypeVar("T")

REST_SECONDS = 0.5
PROBE_SECONDS = 1.0
QUIET_SECONDS = 60.0
MOST_AT_ONCE = 32
ENDS_AT_ONCE = 100
VERSION, ENDS = b"version", b"ends"
MOST_DIGITS = 15
_WRONG_KIND = "WRONGTYPE"

_CREATE = """
if redis.call('TYPE', KEYS[1]).ok ~= 'hash' then redis.call('DEL', KEYS[1]) end
redis.call('HSET', KEYS[1], 'version', 1, unpack(ARGV, 2))
redis.call('PEXPIRE', KEYS[1], ARGV[1])
"""
# Arguments: how many are removed, how many are written once, then their names, names and values, and all others.
_WRITE = """
local version = redis.call('HGET', KEYS[1], 'version')
if not version or #version > 15 or not string.find(version, '^%d+$') then return 0 end
local at = 3
for _ = 1, ARGV[1] do redis.call('HDEL', KEYS[1], ARGV[at]) at = at + 1 end
for _ = 1, ARGV[2] do redis.call('HSETNX', KEYS[1], ARGV[at], ARGV[at + 1]) at = at + 2 end
while at < #ARGV do redis.call('HSET', KEYS[1], ARGV[at], ARGV[at + 1]) at = at + 2 end
return redis.call('HINCRBY', KEYS[1], 'version', 1)
"""
_PROLONG = """
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('HSET', KEYS[1], 'ends', ARGV[1])
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
"""
_TAKE_ENDED = """
local keys = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[2])
if #keys > 0 then redis.call('ZREM', KEYS[1], unpack(keys)) end
return keys
"""
_NAME = """
redis.call('SADD', KEYS[1], ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
"""
_CLAIM = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""
_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end"


class RedisSessionTable:
    """A `SessionTable`. `client` is a client of `redis.asyncio`, whatever the kind of server.

    `name`: the store's name in messages. `secret`: applications with other secrets have other keys. `patience`:
    seconds an operation may take, with the client's repetitions. When the store did not answer, requests are refused
    for half a second, and then ask again, with little patience. `trouble` is what the client has told.
    """

    def __init__(self, client: Any, name: str, secret: str, patience: float, trouble: Trouble | None = None) -> None:
        self._client = client
        self._trouble = trouble or Trouble()
        self._reason = ""
        self._name = name
        self._prefix = b"gangway:" + sha256(b"namespace " + secret.encode()).hexdigest()[:8].encode() + b":"
        self._ends = self._prefix + b"ends"
        self._patience = patience
        self._rests_until = 0.0
        self._quiet_until = 0.0
        self._answers = True
        self._places = asyncio.Semaphore(MOST_AT_ONCE)
        self._glances = GlanceBatch(self._glance_all)

    async def glance(self, key: bytes) -> Glimpse | None:
        """See `SessionTable`."""
        return _glimpse(*await self._glances.get(key))

    async def _glance_all(self, keys: list[bytes]) -> list[list[bytes | None]]:
        async def ask() -> list[list[bytes | None]] | None:
            pipeline = self._client.pipeline(transaction=False)
            for key in keys:
                pipeline.hmget(self._row(key), [VERSION, ENDS])
            found: list[list[bytes | None]] = await pipeline.execute()
            return found

        found = await self._ask(ask, None)
        if found is None and len(keys) > 1:  # one of them cannot be read, which is no matter of the others
            alone = await asyncio.gather(*(self._glance_all([key]) for key in keys))
            return [row for rows in alone for row in rows]
        return [[None, None]] if found is None else found

    async def read(self, key: bytes) -> Row | None:
        """See `SessionTable`."""
        found: dict[bytes, bytes] = dict(await self._ask(lambda: self._client.hgetall(self._row(key)), {}))
        glimpse = _glimpse(found.pop(VERSION, None), found.pop(ENDS, None))
        return Row(glimpse.version, glimpse.ends_at, found) if glimpse is not None else None

    async def create(self, key: bytes, parts: Mapping[bytes, bytes], ends_at: float, keep: float) -> None:
        """See `SessionTable`."""
        await self._run(_CREATE, self._row(key), _milliseconds(keep), ENDS, repr(ends_at), *_flat(parts))
        if ends_at != math.inf:
            await self._ask(lambda: self._client.zadd(self._ends, {key: ends_at}), 0)

    async def name(self, name: bytes, key: bytes, keep: float) -> None:
        """See `SessionTable`."""
        await self._run(_NAME, self._names(name), key, _milliseconds(keep))

    async def named(self, name: bytes) -> list[bytes]:
        """See `SessionTable`."""
        return list(await self._ask(lambda: self._client.smembers(self._names(name)), ()))

    async def write(
        self, key: bytes, changed: Mapping[bytes, bytes], once: Mapping[bytes, bytes], removed: Collection[bytes]
    ) -> int:
        """See `SessionTable`."""
        counts = (len(removed), len(once))
        return int(await self._run(_WRITE, self._row(key), *counts, *removed, *_flat(once), *_flat(changed)) or 0)

    async def prolong(self, key: bytes, ends_at: float, keep: float) -> None:
        """See `SessionTable`."""
        if await self._run(_PROLONG, self._row(key), repr(ends_at), _milliseconds(keep)):
            await self._ask(lambda: self._client.zadd(self._ends, {key: ends_at}), 0)

    async def delete(self, key: bytes) -> None:
        """See `SessionTable`."""
        await self._ask(lambda: self._client.delete(self._row(key)), 0)
        await self._ask(lambda: self._client.zrem(self._ends, key), 0)

    async def take_ended(self, now: float) -> list[bytes]:
        """See `SessionTable`."""
        return list(await self._run(_TAKE_ENDED, self._ends, repr(now), ENDS_AT_ONCE) or ())

    async def claim(self, key: bytes, holder: bytes, seconds: float) -> bool:
        """See `SessionTable`."""
        return bool(await self._run(_CLAIM, self._lock(key), holder, _milliseconds(seconds)))

    async def release(self, key: bytes, holder: bytes) -> None:
        """See `SessionTable`."""
        await self._run(_RELEASE, self._lock(key), holder)

    async def aclose(self) -> None:
        """See `SessionTable`."""
        await self._client.aclose()

    def _row(self, key: bytes) -> bytes:
        return self._prefix + key.hex().encode()

    def _lock(self, key: bytes) -> bytes:
        return self._prefix + b"lock:" + key.hex().encode()

    def _names(self, name: bytes) -> bytes:
        return self._prefix + b"name:" + name.hex().encode()

    async def _run(self, script: str, key: bytes, *arguments: bytes | str | int) -> Any:
        """The script's result; None where the key is of another kind than the script works on."""
        return await self._ask(lambda: self._client.eval(script, 1, key, *arguments), None)

    async def _ask(self, operation: Callable[[], Awaitable[T]], unreadable: T) -> T:
        """The operation's result, `unreadable` where a key is of another kind, or `STORE_UNAVAILABLE`. Nothing that
        Redis says reaches a client.
        """
        if time.monotonic() < self._rests_until:
            raise self._unavailable()
        try:
            async with asyncio.timeout(self._patience if self._answers else PROBE_SECONDS), self._places:
                result = await operation()
        except (RedisError, OSError, TimeoutError) as error:
            if isinstance(error, ResponseError) and _WRONG_KIND in str(error):
                self._report_wrong_kind()
                return unreadable
            self._rests_until = time.monotonic() + REST_SECONDS
            self._reason = self._trouble.told(error)
            self._report(False, self._reason)
            raise self._unavailable() from None
        self._report(True)
        return result

    def _report_wrong_kind(self) -> None:
        """Once in a while: such a key is met with every request that names it."""
        if (now := time.monotonic()) >= self._quiet_until:
            self._quiet_until = now + QUIET_SECONDS
            log.warning("a key of the session store is of another kind: it does not count", extra=self._fields())

    def _report(self, answers: bool, reason: str = "") -> None:
        if answers != self._answers:
            self._answers = answers
            fields = self._fields(**({"reason": reason} if reason else {}))
            log.warning("session store %s", "answers again" if answers else "does not answer", extra=fields)

    def _fields(self, **more: str) -> dict[str, dict[str, str]]:
        return {"fields": {"store": self._name, **more}}

    def _unavailable(self) -> GatewayError:
        detail = f"the session store {self._name} (Redis) does not answer"
        return GatewayError(Failure.STORE_UNAVAILABLE, detail, logged=self._reason)


def _glimpse(version: bytes | None, ends: bytes | None) -> Glimpse | None:
    """What a row says of itself; None where there is none, or where it says what we do not write."""
    if version is None or ends is None or not version.isdigit() or len(version) > MOST_DIGITS:
        return None
    try:
        ends_at = float(ends)
    except ValueError:
        return None
    return None if math.isnan(ends_at) else Glimpse(int(version), ends_at)


def _milliseconds(seconds: float) -> int:
    return max(int(seconds * 1000), 1)


def _flat(parts: Mapping[bytes, bytes]) -> list[bytes]:
    return [text for pair in parts.items() for text in pair]
