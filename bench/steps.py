"""What each step of the proxied path costs on one core, in microseconds; the budget is in the README's architecture.

Figures are the best of several rounds: they compare steps with each other and a change with its base on one machine.
The whole way, beside the reference router and nginx, is measured by `make bench`.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from app.composition.application import compose
from app.configuration import Configuration, load_configuration
from app.forwarding.outbound_request import build_head
from app.inbound.request_check import check_headers, origin_form
from app.observability.correlation import correlation_id
from app.passing import Passing
from app.principal import AnonymousCaller, Tenant
from app.request_head import RequestHead
from app.routing.path_safety import refuse_unsafe_path
from app.transport.response_parser import ResponseParser
from app.visit import Visit

ROUNDS, CALLS = 7, 4000
DESCRIPTOR = (
    '{"authenticationMethod": "none", "routes": [{"source": "^/a/(.*)$", "target": "$1", "destination": "one"}]}'
)
ENVIRONMENT = {"destinations": '[{"name": "one", "url": "http://127.0.0.1:9"}]'}
REQUEST = [
    (b"host", b"shop.example"),
    (
        b"user-agent",
        b"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36",
    ),
    (b"accept", b"application/json"),
    (b"accept-language", b"en"),
    (b"accept-encoding", b"gzip, br"),
    (b"cookie", b"theme=dark; lang=en"),
]
ANSWER = [
    (b"server", b"nginx"),
    (b"date", b"Mon, 23 Nov 2026 06:52:33 GMT"),
    (b"content-type", b"application/json"),
    (b"content-length", b"700"),
    (b"etag", b'"652"'),
    (b"connection", b"keep-alive"),
]


def timed(name: str, step: Callable[[], object]) -> None:
    """Print the best time of a step."""
    best = float("inf")
    for _ in range(ROUNDS):
        started = time.perf_counter()
        for _ in range(CALLS):
            step()
        best = min(best, (time.perf_counter() - started) / CALLS)
    print(f"{best * 1e6:8.2f}  {name}")


def configured() -> Configuration:
    """One public route to one destination."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "resources").mkdir()
        Path(folder, "xs-app.json").write_text(DESCRIPTOR)
        return load_configuration(Path(folder), ENVIRONMENT)


async def main(configuration: Configuration) -> None:
    """Compose a gateway and time its steps."""
    running = compose(configuration)
    gateway = running.gateway
    routes, forwarder = gateway._routes, gateway._forwarder
    scope = {
        "method": "GET",
        "raw_path": b"/a/small.json",
        "query_string": b"",
        "headers": REQUEST,
        "client": ("127.0.0.1", 1),
        "scheme": "http",
    }
    head = RequestHead.from_scope(scope)
    match = routes.match(head.method, head.target)
    caller = AnonymousCaller(Tenant("", ""))
    reference = match.route.reference
    assert reference is not None
    backend = await forwarder._backends.resolve(reference, caller)
    passing = Passing(forwarder._sign_in, forwarder._policy, match, backend, head, caller.tenant, None, (), Visit("id"))
    outbound = passing.outbound(False)
    parser = ResponseParser()
    answer = b"HTTP/1.1 200 OK\r\n" + b"".join(b"%b: %b\r\n" % pair for pair in ANSWER) + b"\r\n" + b"x" * 700

    def parse() -> None:
        parser.expect("GET")
        parser.feed(answer)

    def shape() -> None:
        try:
            passing.shape(200, ANSWER).send(None)
        except StopIteration:
            return

    print("      us  step")
    timed("check the request's head", lambda: (check_headers(b"GET", "1.1", REQUEST), origin_form(b"/a/x", REQUEST)))
    timed("view of the request", lambda: RequestHead.from_scope(scope))
    timed("correlation id", lambda: correlation_id(REQUEST))
    timed("path safety", lambda: refuse_unsafe_path(head.path))
    timed("match the route", lambda: routes.match(head.method, head.target))
    timed("prepared backend", lambda: forwarder._backends.ready(reference, AnonymousCaller(caller.tenant)))
    timed("gate", lambda: running.engine.gate.leave(running.engine.gate.enter(backend.lane, 1.0), None, 1.0))
    timed("outgoing head", lambda: build_head(head, match.target, backend, outbound))
    timed("parse the answer", parse)
    timed("shape the answer", shape)
    await running.aclose()


if __name__ == "__main__":
    asyncio.run(main(configured()))
