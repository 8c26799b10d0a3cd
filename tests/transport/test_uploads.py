"""The clock of an exchange whose answer begins before its body has been sent."""

from __future__ import annotations

import asyncio
import math

import pytest

from app.errors import GatewayError
from tests.support.raw_backend import Link, answer
from tests.support.running import eventually, run
from tests.transport.test_connection import body, pool_for

UPLOAD = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 8\r\n\r\n"


def test_an_answer_that_began_before_the_body_was_sent_may_not_be_silent_for_longer_than_others() -> None:
    async def test() -> None:
        async def script(link: Link) -> None:
            await link.head()
            await link.send(answer(b"begun")[:-1])
            await link.gone()

        async with pool_for(script, idle=0.05) as (pool, key, _):
            connection = await pool.take(key)
            connection.start(UPLOAD, "POST", 10.0, has_body=True)
            await connection.wait_head()
            await connection.write(b"the body", last=True)
            async with asyncio.timeout(5):
                with pytest.raises(GatewayError) as caught:
                    assert [piece async for piece in body(connection)]
            assert caught.value.detail == "the answer stopped for 50 ms"
            pool.give(connection)

    run(test())


def test_a_backend_that_has_begun_to_answer_has_its_time_with_each_piece_of_the_body() -> None:
    async def test() -> None:
        async def script(link: Link) -> None:
            await link.head()
            await link.send(answer(b"thanks")[:-6])
            assert b"".join([piece async for piece in link.pieces()]) == b"the body"
            await link.send(b"thanks")

        async with pool_for(script, idle=0.3) as (pool, key, _):
            connection = await pool.take(key)
            connection.start(UPLOAD, "POST", 0.05, has_body=True)
            await connection.wait_head()
            for piece in (b"th", b"e ", b"bo", b"dy"):
                await asyncio.sleep(0.15)
                await connection.write(piece, last=piece == b"dy")
            assert await connection.read() == b"thanks"
            pool.give(connection)

    run(test())


def test_the_end_of_a_body_costs_nobody_who_takes_the_answer_slowly() -> None:
    async def test() -> None:
        size = 8_000_000

        async def script(link: Link) -> None:
            await link.head()
            await link.send(answer(b"x" * size))

        async with pool_for(script, idle=0.05) as (pool, key, _):
            connection = await pool.take(key)
            connection.start(UPLOAD, "POST", 0.05, has_body=True)
            await connection.wait_head()
            await eventually(lambda: connection.deadline == math.inf)  # nobody reads: its clock stands still
            await connection.write(b"the body", last=True)
            await asyncio.sleep(0.15)
            assert sum([len(piece) async for piece in body(connection)]) == size
            pool.give(connection)

    run(test())
