"""Backends that authenticate the socket, not the request (Negotiate, NTLM): nobody is served on another's socket."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests

from tests.journeys.gateway import Gateway, running_gateway


class Handler(BaseHTTPRequestHandler):
    """One for each socket; remembers who has shown credentials on it."""

    protocol_version = "HTTP/1.1"
    user = "nobody"

    def do_GET(self) -> None:
        self.user = (self.headers.get("authorization") or self.user).rpartition(" ")[2]
        self.send_response(200)
        self.send_header("content-length", str(len(self.user)))
        self.send_header("x-socket", str(self.client_address[1]))
        self.end_headers()
        self.wfile.write(self.user.encode())

    def log_message(self, format: str, *args: object) -> None:
        """Tests are quiet."""


@contextmanager
def running_backend() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("app")
    route = {"source": "^/(.*)$", "destination": "intranet", "authenticationType": "none"}
    (folder / "xs-app.json").write_text(json.dumps({"authenticationMethod": "none", "routes": [route]}))
    with running_backend() as port:
        destinations = json.dumps([{"name": "intranet", "url": f"http://127.0.0.1:{port}"}])
        with running_gateway(folder, {"destinations": destinations}) as running:
            yield running


@pytest.mark.parametrize("scheme", ["Negotiate", "NTLM", "negotiate", "X-Own"])
def test_a_socket_that_was_authenticated_serves_nobody_else(gateway: Gateway, scheme: str) -> None:
    alice = requests.get(gateway.url, headers={"authorization": f"{scheme} alice"}, timeout=30)
    assert alice.text == "alice"
    assert [requests.get(gateway.url, timeout=30).text for _ in range(3)] == ["nobody"] * 3


@pytest.mark.parametrize("scheme", ["Basic", "bearer"])
def test_credentials_of_a_request_leave_its_socket_to_the_next(gateway: Gateway, scheme: str) -> None:
    first = requests.get(gateway.url, headers={"authorization": f"{scheme} alice"}, timeout=30)
    second = requests.get(gateway.url, headers={"authorization": f"{scheme} bob"}, timeout=30)
    assert second.text == "bob"
    assert first.headers["x-socket"] == second.headers["x-socket"]
