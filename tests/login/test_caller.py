from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator

import pytest

from app.backends.backend import Backend
from app.errors import Failure, GatewayError
from app.login.basic import parse_basic
from app.login.tenant import TenantOptions
from app.principal import Tenant
from app.sessions.backend_cookies import CookieSite
from app.sessions.session import Session
from app.transport.pool_key import DirectKey
from tests.login.gateway_parts import Browser, Parts, run
from tests.tokens.token_server import FOREIGN_KEY, OTHER_ZONE, TokenServer, make_token, token_server

SITE = CookieSite("one", "one.example", "/")
GLOBEX = Tenant("", "globex")


@pytest.fixture
def server() -> Iterator[TokenServer]:
    with token_server() as running:
        yield running


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


async def by_service(parts: Parts, value: str, browser: Browser | None = None) -> Session:
    head = (browser or Browser()).head("/", x_approuter_authorization=value)
    session = await parts.callers.identify(head, parts.tenants.own)
    assert session is not None
    return session


async def by_password(parts: Parts, value: str | None) -> Session | None:
    head = Browser().head("/") if value is None else Browser().head("/", authorization=value)
    return await parts.callers.identify(head, parts.tenants.own, is_basic=True)


def test_a_browser_is_known_by_its_session(server: TokenServer) -> None:
    async def work(parts: Parts) -> None:
        browser = Browser()
        assert await parts.callers.identify(browser.head("/"), parts.tenants.own) is None
        await parts.log_in(browser)
        session = await parts.callers.identify(browser.head("/"), parts.tenants.own)
        assert session is not None
        assert not session.stateless

    run(Parts(server), work)


def test_attack_56_a_session_does_not_serve_at_another_tenants_address(server: TokenServer) -> None:
    async def work(parts: Parts) -> None:
        browser = Browser(host="acme.router.example")
        await parts.log_in(browser)
        assert await parts.callers.identify(browser.head("/"), parts.tenants.own) is not None
        with pytest.raises(GatewayError) as caught:
            await parts.callers.identify(browser.head("/"), GLOBEX)
        assert caught.value.failure is Failure.TENANT_MISMATCH

    options = TenantOptions(host_pattern=r"^(.*)\.router\.example")
    # The authorization server is one address here: its name is not to be built from the tenant's.
    run(Parts(server, tenant_options=options, tenantmode="external"), work)


def test_a_service_proves_itself_with_each_request(server: TokenServer) -> None:
    async def work(parts: Parts) -> None:
        token = make_token(iss=None)
        session = await by_service(parts, f"Bearer {token}")
        assert session.stateless
        assert session.caller.principal.user_id == "alice-id"
        assert len(parts.store) == 0

    run(Parts(server), work)


def test_what_was_prepared_for_a_token_is_found_by_its_next_request(server: TokenServer) -> None:
    async def work(parts: Parts) -> None:
        token, other = make_token(iss=None), make_token(iss=None)
        first = await by_service(parts, f"Bearer {token}")
        first.prepared["one"] = Backend("one", DirectKey("one.example", 443), b"one.example")
        assert (await by_service(parts, f"bearer  {token}")).prepared is first.prepared
        assert (await by_service(parts, f"Bearer {other}")).prepared == {}

    run(Parts(server), work)
    assert len(server.key_requests()) == 1


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Bearer",
        "Bearer junk",
        "Digest x",
        "Bearer " + make_token(FOREIGN_KEY, iss=None),
        "Bearer " + make_token(iss=None, exp=1),
        "Bearer " + make_token(iss=None, zid=OTHER_ZONE),
        "Bearer " + make_token(iss=None, grant_type="client_credentials"),
    ],
    ids=["empty", "no token", "junk", "digest", "forged", "expired", "other tenant", "technical"],
)
def test_a_bad_token_is_refused_even_beside_a_good_session(server: TokenServer, value: str) -> None:
    async def work(parts: Parts) -> None:
        browser = Browser()
        await parts.log_in(browser)
        with pytest.raises(GatewayError) as caught:
            await by_service(parts, value, browser)
        assert caught.value.failure is Failure.TOKEN_REFUSED

    run(Parts(server), work)


def test_services_carry_their_backend_cookies(server: TokenServer) -> None:
    async def work(parts: Parts) -> None:
        browser, token = Browser(), make_token(iss=None)
        session = await by_service(parts, f"Bearer {token}", browser)
        assert session.backend_cookies.absorb(SITE, [b"S=1"], frozenset())
        head = browser.head("/")
        for name, value in await parts.callers.cookies_changed(head, session):
            assert name == b"set-cookie"
            browser.jar["ARBE"] = value.decode().partition(";")[0].removeprefix("ARBE=")
        again = await by_service(parts, f"Bearer {token}", browser)
        assert again.backend_cookies.header(SITE, None) == b"S=1"
        mallory = await by_service(parts, "Bearer " + make_token(iss=None, user_id="mallory"), browser)
        assert mallory.backend_cookies.header(SITE, None) is None

    run(Parts(server), work)


def test_sessions_keep_their_backend_cookies(server: TokenServer) -> None:
    async def work(parts: Parts) -> None:
        browser = Browser()
        await parts.log_in(browser)
        session = await parts.callers.identify(browser.head("/"), parts.tenants.own)
        assert session is not None
        assert await parts.callers.cookies_changed(browser.head("/"), session) == ()

    run(Parts(server), work)


def test_a_password_is_exchanged_once_for_many_requests(server: TokenServer) -> None:
    server.delay = 0.05

    async def work(parts: Parts) -> None:
        sessions = await asyncio.gather(*(by_password(parts, basic("alice", "pw:1")) for _ in range(20)))
        assert {session.caller.principal.user_id for session in sessions if session} == {"alice-id"}
        await by_service(parts, basic("alice", "pw:1"))

    run(Parts(server), work)
    assert [(form["username"], form["password"]) for form in server.forms("password")] == [("alice", "pw:1")]


def test_another_password_is_another_exchange(server: TokenServer) -> None:
    async def work(parts: Parts) -> None:
        await by_password(parts, basic("alice", "right"))
        server.script.append((401, {"error": "unauthorized"}, {}))
        with pytest.raises(GatewayError) as caught:
            await by_password(parts, basic("alice", "wrong"))
        assert caught.value.failure is Failure.BASIC_REQUIRED

    run(Parts(server), work)


@pytest.mark.parametrize("value", [None, "", "Basic", "Basic !!!", "Bearer x", "Basic " + "A" * 5000, "Basic YWxpY2U="])
def test_without_credentials_they_are_asked_for(server: TokenServer, value: str | None) -> None:
    async def work(parts: Parts) -> None:
        with pytest.raises(GatewayError) as caught:
            await by_password(parts, value)
        assert caught.value.failure is Failure.BASIC_REQUIRED
        assert caught.value.headers[0][1].startswith(b"Basic realm=")

    run(Parts(server), work)
    assert not server.asked


def test_our_own_refused_credentials_are_not_the_users_fault(server: TokenServer) -> None:
    async def work(parts: Parts) -> None:
        server.script.append((401, {"error": "invalid_client"}, {}))
        with pytest.raises(GatewayError) as caught:
            await by_password(parts, basic("alice", "pw"))
        assert caught.value.failure is Failure.XSUAA_REFUSED

    run(Parts(server), work)


def test_passwords_never_show() -> None:
    parsed = parse_basic(basic("älice", "sécret"))
    assert parsed is not None
    assert (parsed.user, parsed.password) == ("älice", "sécret")
    assert "sécret" not in repr(parsed)
