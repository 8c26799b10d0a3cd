"""10,000 interleaved requests of 50 users over the strict Cloud Connector: nobody is ever taken for somebody else."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter

from tests.journeys.conftest import Site

USERS = 50
REQUESTS = 10_000
CONNECTIONS = 20
BROKEN_OFF_EVERY = 97
WHO_AM_I = "/onpremise/sap/bc/rest/whoami"
SECONDS = 120


class Caller:
    """A connection to the gateway that carries requests of any user, as the platform's router does."""

    def __init__(self, port: int, cookies: dict[str, str]) -> None:
        self._port = port
        self._cookies = cookies

    async def work(self, share: list[str]) -> Counter[tuple[str, str]]:
        """Call as each of the users in turn; counts pairs of who asked and who was seen by the system."""
        seen: Counter[tuple[str, str]] = Counter()
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        for number, user in enumerate(share, 1):
            request = (
                f"GET {WHO_AM_I} HTTP/1.1\r\nHost: localhost:{self._port}\r\nCookie: {self._cookies[user]}\r\n\r\n"
            )
            writer.write(request.encode())
            if number % BROKEN_OFF_EVERY == 0:
                writer.close()  # left before the answer: the socket behind must not go to anybody else
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
                continue
            seen[user, await answered(reader)] += 1
        writer.close()
        return seen


async def answered(reader: asyncio.StreamReader) -> str:
    """The user the system saw, by the next answer."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    assert head.startswith("http/1.1 200 "), head
    length = int(head.partition("content-length:")[2].partition("\r\n")[0])
    return str(json.loads(await reader.readexactly(length))["user"])


def test_nobody_is_taken_for_somebody_else(site: Site) -> None:
    users = {f"crowd-{number}": f"crowd-{number}@acme.example" for number in range(1, USERS + 1)}
    cookies = {email: f"JSESSIONID={site.person(login).cookies['JSESSIONID']}" for login, email in users.items()}
    chance = random.Random(1)
    order = [chance.choice(list(cookies)) for _ in range(REQUESTS)]
    shares = [order[start::CONNECTIONS] for start in range(CONNECTIONS)]

    async def run() -> Counter[tuple[str, str]]:
        async with asyncio.timeout(SECONDS):
            counters = await asyncio.gather(*(Caller(site.gateway.port, cookies).work(share) for share in shares))
        return sum(counters, Counter())

    seen = asyncio.run(run())
    proxy = site.landscape.proxy
    broken_off = sum(len(share) // BROKEN_OFF_EVERY for share in shares)
    assert {(asked, found) for asked, found in seen if asked != found} == set()
    assert seen.total() == REQUESTS - broken_off
    assert proxy.violations == []
    assert {asked for asked, _ in seen} == set(users.values())
    # the connections of a user are used again, and those that were left in the middle are not
    assert proxy.connections_opened < REQUESTS / 20
    assert max(proxy.requests_per_connection) > 20
