"""What does not come in one piece: large bodies both ways, events, web sockets, as the user who asked."""

from __future__ import annotations

import hashlib
import json
import random

import pytest
from websockets.exceptions import ConnectionClosedOK, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.journeys.conftest import Site
from tests.journeys.person import Person

ANNA = "anna.arnold@acme.example"
MEGABYTE = 1 << 20


def socket_of(site: Site, person: Person) -> ClientConnection:
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in person.cookies)
    headers = {"cookie": cookies, "origin": site.gateway.url}
    return connect(f"ws://localhost:{site.gateway.port}/service/ws", additional_headers=headers, proxy=None)


def test_a_large_download_arrives_whole(site: Site) -> None:
    answer = site.person("anna").get("/service/download", params={"size": 10 * MEGABYTE}, stream=True)
    received = sum(len(piece) for piece in answer.iter_content(65536))
    assert (answer.status_code, received) == (200, 10 * MEGABYTE)


def test_a_large_upload_arrives_whole_and_in_order(site: Site) -> None:
    anna = site.person("anna")
    token = anna.get("/service/whoami", headers={"x-csrf-token": "fetch"}).headers["x-csrf-token"]
    body = random.Random(1).randbytes(3 * MEGABYTE)
    answer = anna.post("/service/echo", data=body, headers={"x-csrf-token": token, "content-type": "image/x-test"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/x-test")
    assert hashlib.sha256(answer.content).digest() == hashlib.sha256(body).digest()


def test_an_event_is_passed_on_while_the_next_is_not_there_yet(site: Site) -> None:
    answer = site.person("anna").get("/service/events", params={"count": 2, "interval": 3600}, stream=True)
    first = next(answer.iter_lines())
    answer.close()
    assert first == b"id: 0"


def test_a_web_socket_is_opened_as_the_user_and_carries_everything(site: Site) -> None:
    with socket_of(site, site.person("anna")) as socket:
        assert ANNA in json.loads(socket.recv())["user"]
        for message in ("hello", b"\x00\xff", "ä" * 70_000):
            socket.send(message)
            assert socket.recv() == message
        socket.send("bye")
        with pytest.raises(ConnectionClosedOK) as closed:
            socket.recv()
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1000, "bye")


def test_a_web_socket_needs_a_session(site: Site) -> None:
    with pytest.raises(InvalidStatus) as refused:
        socket_of(site, site.person())
    assert refused.value.response.status_code == 401
