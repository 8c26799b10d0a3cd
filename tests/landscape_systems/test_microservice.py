"""The microservice over real sockets: tokens, streams, web socket."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from app.landscape.faults import Faults
from app.landscape.journal import Journal, Station
from app.landscape.microservice import Microservice
from tests.landscape_systems.support import beside, validate

ALICE = {"Authorization": "Bearer alice"}


async def with_audience(token: str) -> dict[str, Any]:
    """Tokens of the tests with an audience: alice's is for the shop, the others are for somebody else."""
    audience = ["shop!t1", "openid"] if token == "alice" else ["other!t1"]
    return {**await validate(token), "cid": "sb-web!t1", "aud": audience}


@pytest.fixture
def journal() -> Journal:
    return Journal()


@pytest.fixture
def port(journal: Journal) -> Iterator[int]:
    service = Microservice(
        validate=with_audience, client_id="sb-shop!t1", app_name="shop!t1", journal=journal, faults=Faults()
    )
    with beside(service):
        yield service.port


def client(port: int, headers: dict[str, str] | None = None) -> httpx.Client:
    chosen = ALICE if headers is None else headers
    return httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=chosen, trust_env=False, timeout=10)


def test_answers_who_is_seen(port: int, journal: Journal) -> None:
    with client(port) as web:
        assert web.get("/whoami").json()["user"] == "alice@acme.example"
        assert web.get("/slow?seconds=0.01").json()["zid"] == "acme"
        assert web.get("/nothing").status_code == 404
    assert journal.entries(station=Station.MICROSERVICE)[0].principal == "alice@acme.example"


@pytest.mark.parametrize("value", ["", "Bearer forged", "Bearer bob", "Basic YTpi", "Bearer"])
def test_token_that_is_missing_forged_or_for_another_audience_is_refused(port: int, value: str) -> None:
    with client(port, {"Authorization": value} if value else {}) as web:
        answer = web.get("/whoami")
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


def test_streams(port: int) -> None:
    with client(port) as web:
        sent = b"x" * 200_000
        assert web.post("/echo", content=sent, headers={"content-type": "text/plain"}).content == sent
        assert len(web.get("/download?size=300000").content) == 300_000
        assert web.get("/events?count=3&interval=0").text.count("data: ") == 3
        assert web.get("/slow?seconds=nan", timeout=10).status_code == 200


def test_web_socket_echoes_for_those_with_a_token(port: int) -> None:
    with connect(f"ws://127.0.0.1:{port}/ws", additional_headers=ALICE, subprotocols=["v1"]) as socket:  # type: ignore[list-item]
        assert socket.subprotocol == "v1"
        assert json.loads(socket.recv())["user"] == "alice@acme.example"
        socket.send("hello")
        assert socket.recv() == "hello"
        socket.send(b"\x00" * 70_000)
        assert socket.recv() == b"\x00" * 70_000
        socket.send("bye")
        assert list(socket) == []
        assert (socket.close_code, socket.close_reason) == (1000, "bye")
    with pytest.raises(InvalidStatus):
        connect(f"ws://127.0.0.1:{port}/ws")
