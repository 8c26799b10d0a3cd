"""The platform's router in front of several instances: sticky by `__VCAP_ID__`, as Cloud Foundry's is."""

from __future__ import annotations

import http.client
import itertools
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

STICKY, INSTANCE = "JSESSIONID", "__VCAP_ID__"
TIMEOUT = 30
NOT_COPIED = frozenset({"transfer-encoding", "connection", "content-length"})


class StickyRouter(ThreadingHTTPServer):
    """Instances are named by their place in `ports`. Who has none to return to gets the next one, in turn."""

    daemon_threads = True

    def __init__(self, port: int, ports: Sequence[int]) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.ports = ports
        self.turn = itertools.cycle(range(len(ports)))

    def instance(self, cookies: SimpleCookie) -> int:
        """The instance that a request with these cookies goes to: both are needed to return to one."""
        if STICKY in cookies and INSTANCE in cookies:
            return int(cookies[INSTANCE].value)
        return next(self.turn)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: StickyRouter

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        instance = self.server.instance(SimpleCookie(self.headers.get("cookie", "")))
        connection = http.client.HTTPConnection("127.0.0.1", self.server.ports[instance], timeout=TIMEOUT)
        try:
            connection.request(self.command, self.path, body or None, dict(self.headers.items()))
            self._pass_back(connection.getresponse(), instance)
        finally:
            connection.close()

    do_POST = do_GET

    def _pass_back(self, answer: http.client.HTTPResponse, instance: int) -> None:
        body = answer.read()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in NOT_COPIED:
                self.send_header(name, value)
            if name.lower() == "set-cookie" and value.startswith(f"{STICKY}="):
                self.send_header(name, f"{INSTANCE}={instance}; Path=/; HttpOnly")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


@contextmanager
def sticky_router(port: int, ports: Sequence[int]) -> Iterator[StickyRouter]:
    """A running one, at a port, before instances at others."""
    router = StickyRouter(port, ports)
    threading.Thread(target=router.serve_forever, daemon=True).start()
    try:
        yield router
    finally:
        router.shutdown()
        router.server_close()
