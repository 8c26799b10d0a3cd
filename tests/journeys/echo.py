"""A backend of the test's own that remembers what it was asked."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Request:
    """What came in; header names as they were sent."""

    method: str
    target: str
    headers: list[tuple[str, str]]

    def values(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name]


@dataclass
class Echo:
    """Answers every request with `answer` (status, headers), once `gate` is open."""

    port: int = 0
    seen: list[Request] = field(default_factory=list)
    answer: tuple[int, dict[str, str]] = (200, {})
    gate: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def last(self, name: str) -> list[str]:
        """The values of a header in the last request."""
        return self.seen[-1].values(name)

    def reset(self) -> None:
        self.seen.clear()
        self.answer = (200, {})
        self.gate.set()


@contextmanager
def running_echo() -> Iterator[Echo]:
    """The backend on a free port."""
    backend = Echo()
    backend.reset()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            self.rfile.read(int(self.headers.get("content-length") or 0))
            backend.seen.append(Request(self.command, self.path, self.headers.items()))
            backend.gate.wait()
            status, headers = backend.answer
            self.send_response(status)
            for name, value in {**headers, "content-length": "2"}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(b"ok")

        do_GET = do_POST = _serve

        def log_message(self, format: str, *args: object) -> None:
            """Tests are quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    backend.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield backend
    finally:
        backend.gate.set()
        server.shutdown()
        server.server_close()
        thread.join()
