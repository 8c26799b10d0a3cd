"""Who may frame a tenant's pages is asked once in a while, and never guessed in anybody's favour."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.clients import PlatformClients
from app.principal import Tenant
from app.trusted_domains import (
    MAX_CHARACTERS,
    MAX_TENANTS,
    MAX_UNANSWERED,
    NOBODY_ELSE,
    PATH,
    PAUSE_SECONDS,
    REVALIDATE_SECONDS,
    STALE_SECONDS,
    UNKNOWN_PER_PAUSE,
    TrustedDomains,
    Unknown,
    directive_of,
)
from tests.support.raw_backend import Link, answer, raw_backend
from tests.support.running import eventually, run

ACME, GLOBEX, NAMELESS = Tenant("zone-acme", "acme"), Tenant("", "globex"), Tenant("zone", "")
FRESH = 300.0
LISTED = b"frame-ancestors https://portal.example https://*.shop.example"
SETTINGS = json.dumps({"iframeDomains": "https://portal.example  https://*.shop.example", "other": 1}).encode()
EMPTY = b'{"iframeDomains": ""}'


@dataclass
class Server:
    """An XSUAA that says what a test wants, and a clock."""

    status: int = 200
    body: bytes = SETTINGS
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    asked: list[str] = field(default_factory=list)
    now: float = 1000.0

    async def script(self, link: Link) -> None:
        while True:
            received = await link.request()
            assert received.values(b"authorization") == []
            self.asked.append(received.target.decode())
            await self.gate.wait()
            await link.send(answer(self.body, self.status))


@asynccontextmanager
async def serving() -> AsyncIterator[tuple[Server, TrustedDomains]]:
    server, clients = Server(), PlatformClients()
    server.gate.set()
    async with raw_backend(server.script) as backend:
        apiurl = f"http://127.0.0.1:{backend.port}/"
        domains = TrustedDomains(clients, apiurl, "own", FRESH, lambda: server.now)
        try:
            yield server, domains
        finally:
            server.gate.set()
            await domains.aclose()
            await clients.aclose()


def scenario(test: Callable[[Server, TrustedDomains], Awaitable[None]]) -> None:
    async def serve() -> None:
        async with serving() as (server, domains):
            await test(server, domains)

    run(serve())


def test_each_tenant_has_the_domains_of_its_own_subaccount() -> None:
    async def test(server: Server, domains: TrustedDomains) -> None:
        assert await domains.frame_ancestors(ACME) == LISTED
        server.body = EMPTY
        assert await domains.frame_ancestors(GLOBEX) == b""
        assert await domains.frame_ancestors(NAMELESS) == b""
        assert await domains.frame_ancestors(ACME) == LISTED
        assert server.asked == [f"{PATH}?subdomain={name}" for name in ("acme", "globex", "own")]

    scenario(test)


def test_invented_tenants_cause_no_storm_of_requests_and_displace_nobody() -> None:
    async def test(server: Server, domains: TrustedDomains) -> None:
        assert await domains.frame_ancestors(ACME) == LISTED
        for number in range(MAX_TENANTS):
            await domains.frame_ancestors(Tenant("", f"made-up-{number}"))
        assert len(server.asked) == UNKNOWN_PER_PAUSE
        assert await domains.frame_ancestors(ACME) == LISTED
        assert await domains.frame_ancestors(GLOBEX) == NOBODY_ELSE
        assert await domains.frame_ancestors(Tenant("zone-own", "own")) == LISTED
        server.now += PAUSE_SECONDS
        assert await domains.frame_ancestors(GLOBEX) == LISTED
        server.body = EMPTY
        server.now += FRESH
        assert await domains.frame_ancestors(ACME) == LISTED
        await eventually(lambda: domains._flight._running == {})
        assert await domains.frame_ancestors(ACME) == b""

    scenario(test)


def test_tenants_that_xsuaa_does_not_know_displace_none_that_it_does() -> None:
    async def test(server: Server, domains: TrustedDomains) -> None:
        assert await domains.frame_ancestors(ACME) == LISTED
        server.status = 404
        for number in range(MAX_TENANTS + 1):
            if number % UNKNOWN_PER_PAUSE == 0:
                server.now += PAUSE_SECONDS
            assert await domains.frame_ancestors(Tenant("", f"made-up-{number}")) == NOBODY_ELSE
        assert len(server.asked) == 1 + MAX_TENANTS + 1
        assert len(domains._known) == 1
        assert len(domains._unanswered) == MAX_UNANSWERED
        assert await domains.frame_ancestors(ACME) == LISTED

    scenario(test)


def test_a_tenant_that_xsuaa_comes_to_know_is_one_of_the_known() -> None:
    async def test(server: Server, domains: TrustedDomains) -> None:
        server.status = 404
        assert await domains.frame_ancestors(ACME) == NOBODY_ELSE
        server.status = 200
        server.now += PAUSE_SECONDS + REVALIDATE_SECONDS
        assert await domains.frame_ancestors(ACME) == LISTED
        assert (len(domains._known), len(domains._unanswered)) == (1, 0)

    scenario(test)


def test_many_requests_ask_once() -> None:
    async def test(server: Server, domains: TrustedDomains) -> None:
        server.gate.clear()
        waiting = [asyncio.ensure_future(domains.frame_ancestors(ACME)) for _ in range(50)]
        await eventually(lambda: len(server.asked) == 1)
        server.gate.set()
        assert set(await asyncio.gather(*waiting)) == {LISTED}
        assert len(server.asked) == 1

    scenario(test)


def test_a_list_is_kept_for_its_time_then_renewed_without_anybody_waiting() -> None:
    async def test(server: Server, domains: TrustedDomains) -> None:
        await domains.frame_ancestors(ACME)
        server.body = EMPTY
        server.now += FRESH - 1
        assert await domains.frame_ancestors(ACME) == LISTED
        assert len(server.asked) == 1
        server.now += 1
        server.gate.clear()
        assert await domains.frame_ancestors(ACME) == LISTED
        await eventually(lambda: len(server.asked) == 2)
        server.gate.set()
        await eventually(lambda: domains._flight._running == {})
        assert await domains.frame_ancestors(ACME) == b""
        assert len(server.asked) == 2

    scenario(test)


def test_a_list_that_is_much_too_old_is_not_used() -> None:
    async def test(server: Server, domains: TrustedDomains) -> None:
        await domains.frame_ancestors(ACME)
        server.body = EMPTY
        server.now += FRESH + REVALIDATE_SECONDS
        assert await domains.frame_ancestors(ACME) == b""

    scenario(test)


@pytest.mark.parametrize(
    ("status", "body"),
    [(503, SETTINGS), (404, b"{}"), (302, b""), (200, b"<html>"), (200, b"[]"), (200, b'{"iframeDomains": ["x"]}')],
)
def test_without_an_answer_the_last_list_holds_for_a_while_and_is_asked_for_again(status: int, body: bytes) -> None:
    async def test(server: Server, domains: TrustedDomains) -> None:
        await domains.frame_ancestors(ACME)
        server.status, server.body = status, body
        server.now += FRESH + REVALIDATE_SECONDS
        for _ in range(3):
            assert await domains.frame_ancestors(ACME) == LISTED
        assert len(server.asked) == 2
        server.status, server.body = 200, EMPTY
        server.now += PAUSE_SECONDS + REVALIDATE_SECONDS
        assert await domains.frame_ancestors(ACME) == b""

    scenario(test)


def test_without_any_answer_nobody_else_may_frame() -> None:
    async def test(server: Server, domains: TrustedDomains) -> None:
        server.status = 500
        for _ in range(3):
            assert await domains.frame_ancestors(ACME) == NOBODY_ELSE
        assert len(server.asked) == 1
        server.status = 200
        server.now += PAUSE_SECONDS + REVALIDATE_SECONDS
        assert await domains.frame_ancestors(ACME) == LISTED
        server.status = 500
        server.now += STALE_SECONDS
        assert await domains.frame_ancestors(ACME) == NOBODY_ELSE

    scenario(test)


def test_a_server_that_cannot_be_reached_is_no_answer() -> None:
    async def test() -> None:
        clients = PlatformClients()
        domains = TrustedDomains(clients, "http://127.0.0.1:9", "own", FRESH)
        assert await domains.frame_ancestors(ACME) == NOBODY_ELSE
        assert await TrustedDomains(clients, "http://[", "own", FRESH).frame_ancestors(ACME) == NOBODY_ELSE
        await clients.aclose()

    run(test())


@pytest.mark.parametrize(
    "domains",
    [
        "https://a.example; script-src *",
        "https://a.example, default-src *",
        "a\x00",
        "https://gr\u00fc\u00df.example",
        "{",
    ],
)
def test_no_other_directive_can_come_in(domains: str) -> None:
    with pytest.raises(Unknown):
        directive_of({"iframeDomains": domains})


def test_a_list_beyond_all_bounds_is_refused() -> None:
    with pytest.raises(Unknown):
        directive_of({"iframeDomains": "a " * MAX_CHARACTERS})


@pytest.mark.parametrize("settings", [{}, {"iframeDomains": None}, {"iframeDomains": " \t\r\n"}, {"other": 1}])
def test_a_subaccount_that_trusts_nobody_has_no_directive(settings: object) -> None:
    assert directive_of(settings) == b""


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda inner: st.lists(inner)) | st.text())
def test_whatever_is_sent_the_directive_is_one_clean_directive(domains: object) -> None:
    try:
        directive = directive_of({"iframeDomains": domains})
    except Unknown:
        return
    text = directive.decode("ascii")
    assert text.isprintable()
    assert not set(text) & set(';,"<>')
    assert text == "" or text.startswith("frame-ancestors ")
