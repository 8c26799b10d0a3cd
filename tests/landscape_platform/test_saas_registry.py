"""The SaaS registry: what it sends, and that it notices an application that does not answer as it should."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from app.landscape.landscape import Landscape
from app.landscape.saas_registry import CallbackFailed, callback_urls
from app.landscape.users import GLOBEX
from app.landscape.web_client import Unreachable

Answers = dict[str, tuple[int, bytes]]
GOOD: Answers = {
    "GET": (200, b'[{"xsappname": "a!b1"}, {"appId": "b!b2", "appName": "b"}]'),
    "PUT": (200, b"https://globex.example"),
    "DELETE": (200, b""),
}


@contextmanager
def application(answers: Answers) -> Iterator[tuple[str, list[tuple[str, str, bytes]]]]:
    """An application that answers by method; its address and what it was sent."""
    seen: list[tuple[str, str, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            seen.append((self.command, self.path, self.rfile.read(int(self.headers.get("content-length") or 0))))
            assert self.headers["authorization"].startswith("Bearer ey")
            status, body = answers[self.command]
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_PUT = do_DELETE = _serve

        def log_message(self, format: str, *args: object) -> None:
            """Tests are quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://localhost:{server.server_address[1]}", seen
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def run(work: Callable[[Landscape], Awaitable[None]]) -> None:
    async def all_of_it() -> None:
        async with Landscape(shared=True) as landscape:
            await work(landscape)

    asyncio.run(all_of_it())


def test_it_calls_at_the_providers_address_with_a_tenant_in_the_path() -> None:
    async def work(landscape: Landscape) -> None:
        with application(GOOD) as (address, seen):
            subscription = await landscape.saas_registry.subscribe(GLOBEX, address)
            await landscape.saas_registry.unsubscribe(GLOBEX, address)
        assert (subscription.url, subscription.dependencies) == ("https://globex.example", ("a!b1", "b!b2"))
        tenant_path = f"/callback/v1.0/tenants/{GLOBEX.zone_id}"
        asked = f"/callback/v1.0/dependencies?tenantId={GLOBEX.zone_id}"
        assert [pair[:2] for pair in seen] == [("GET", asked), ("PUT", tenant_path), ("DELETE", tenant_path)]
        notice = json.loads(seen[1][2])
        assert (notice["subscribedTenantId"], notice["subscribedSubdomain"]) == (GLOBEX.zone_id, "globex")

    run(work)


@pytest.mark.parametrize(
    "wrong",
    [
        {"GET": (403, b"")},
        {"GET": (200, b"{}")},
        {"GET": (200, b"[{}]")},
        {"GET": (200, b'[{"appId": "a!b1"}]')},
        {"GET": (200, b"")},
        {"PUT": (500, b"")},
        {"PUT": (202, b"")},
        {"PUT": (200, b"no address")},
    ],
    ids=["refused", "no list", "no names", "half a name", "empty", "failed", "later", "no address"],
)
def test_an_application_that_answers_wrongly_is_not_subscribed_to(wrong: Answers) -> None:
    async def work(landscape: Landscape) -> None:
        with application(GOOD | wrong) as (address, _), pytest.raises(CallbackFailed):
            await landscape.saas_registry.subscribe(GLOBEX, address)
        assert landscape.saas_registry.subscriptions == {}

    run(work)


def test_an_application_that_is_away_is_noticed() -> None:
    async def work(landscape: Landscape) -> None:
        with application(GOOD) as (address, _):
            pass
        with pytest.raises(Unreachable):
            await landscape.saas_registry.subscribe(GLOBEX, address)

    run(work)


def test_the_binding_names_the_callbacks_where_there_are_several_tenants() -> None:
    async def work(landscape: Landscape) -> None:
        [binding] = landscape.vcap_services("https://shop.example")["saas-registry"]
        assert json.loads(binding["credentials"]["appUrls"]) == callback_urls("https://shop.example")

    run(work)
    assert callback_urls("https://shop.example")["getDependencies"].startswith("https://acme.shop.example/")
