"""Fifty users at once, each on a connection of their own, and one client that mixes them."""

from __future__ import annotations

import asyncio
import json
from unittest.mock import patch

from app.landscape.faults import Faults
from app.landscape.journal import Journal
from app.landscape.s4_onpremise import WHO_AM_I, S4OnPremise
from app.landscape.virtual_host import VirtualHost
from tests.landscape_systems import support
from tests.landscape_systems.support import Landscape, landscape, user

USERS = {f"token-{number}": user(f"user{number}@acme.example") for number in range(50)}
ROUNDS = 20


async def _asks(port: int, tokens: list[str]) -> list[tuple[int, str]]:
    """Requests one after the other on one connection: status and the user the backend saw."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answers = []
    for token in tokens:
        head = f"GET http://s4:80{WHO_AM_I} HTTP/1.1\r\nHost: s4\r\nProxy-Authorization: Bearer tech\r\n"
        writer.write(f"{head}SAP-Connectivity-Authentication: Bearer {token}\r\n\r\n".encode())
        received = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(received.partition("content-length: ")[2].partition("\r\n")[0])
        body = await reader.readexactly(length)
        status = int(received.split(" ")[1])
        answers.append((status, json.loads(body)["user"] if status == 200 else ""))
    writer.close()
    return answers


async def _with_system(stations: Landscape) -> S4OnPremise:
    system = S4OnPremise(trusted=stations.certificates.certificate, journal=Journal(), faults=Faults())
    await system.start()
    stations.connector.expose(VirtualHost("s4", 80, "127.0.0.1", system.port))
    return system


def test_every_answer_is_the_right_users_and_mixing_them_is_counted() -> None:
    async def run() -> None:
        async with landscape() as stations:
            system = await _with_system(stations)
            answers = await asyncio.gather(*(_asks(stations.proxy.port, [token] * ROUNDS) for token in USERS))
            expected = [[(200, claims["user_name"])] * ROUNDS for claims in USERS.values()]
            assert answers == expected
            assert stations.proxy.violations == []
            assert stations.proxy.requests_per_connection == [ROUNDS] * len(USERS)
            mixed = await _asks(stations.proxy.port, list(USERS))
            assert [status for status, _ in mixed] == [200] + [403] * (len(USERS) - 1)
            assert len(stations.proxy.violations) == len(USERS) - 1
            await system.stop()

    with patch.object(support, "TOKENS", {**support.TOKENS, **USERS}):
        asyncio.run(run())
