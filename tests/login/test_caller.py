from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator
from typing import Any

import pytest

from app.backends.backend import Backend
from app.errors import Failure, GatewayError
from app.identity_service.xsuaa_bridge import XsuaaBridge
from app.login.basic import parse_basic
from app.login.shown_tokens import ShownTokens
from app.login.tenant import TenantOptions
from app.principal import ServiceCaller, ServicePrincipal, Tenant, UserCaller, UserPrincipal
from app.request_head import RequestHead
from app.routing.reference import DestinationReference
from app.routing.route import AuthenticationType
from app.sessions.backend_cookies import CookieSite
from app.sessions.cookie import OwnCookies
from app.sessions.session import Session
from app.sessions.visitor import Visitor
from app.tokens.grants import JWT_BEARER, Grants
from app.tokens.jwks import KeyStore
from app.tokens.token_cache import TokenCache
from app.tokens.verifier import Verifier
from app.transport.pool_key import DirectKey
from tests.identity_service.identity_server import identity_server
from tests.identity_service.parts import Parts as IdentityParts
from tests.login.gateway_parts import Browser, Parts, run
from tests.tokens.token_server import FOREIGN_KEY, OTHER_ZONE, XSAPPNAME, ZONE, TokenServer, make_token, token_server

SITE = CookieSite("one", "one.example", "/")
GLOBEX = Tenant("", "globex")


@pytest.fixture
def server() -> Iterator[TokenServer]:
    with token_server() as running:
        yield running


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


async def by_service(parts: Parts, value: str, browser: Browser | None = None) -> Visitor:
    head = (browser or Browser()).head("/", x_approuter_authorization=value)
    visitor = await parts.callers.identify(head, parts.tenants.own)
    assert visitor is not None
    return visitor


async def by_weak_token(parts: Parts, value: str) -> Visitor:
    visitor = await parts.callers.identify(Browser().head("/", x_approuter_access_token=value), parts.tenants.own)
    assert visitor is not None
    return visitor


async def by_password(parts: Parts, value: str | None) -> Visitor | None:
    head = Browser().head("/") if value is None else Browser().head("/", authorization=value)
    return await parts.callers.identify(head, parts.tenants.own, AuthenticationType.BASIC)


def user_of(visitor: Visitor) -> UserPrincipal:
    assert isinstance(visitor.caller, UserCaller)
    return visitor.caller.principal


def test_a_browser_is_known_by_its_session(server: TokenServer) -> None:
    async def work(parts: Parts) -> None:
        browser = Browser()
        assert await parts.callers.identify(browser.head("/"), parts.tenants.own) is None
        await parts.log_in(browser)
        session = await parts.callers.identify(browser.head("/"), parts.tenants.own)
        assert isinstance(session, Session)
        assert not session.csrf_exempt

    run(Parts(server), work)


def test_on_a_public_route_a_session_counts_where_it_can(server: TokenServer) -> None:
    async def work(parts: Parts) -> None:
        browser, own = Browser(), parts.tenants.own
        assert await parts.callers.recognize(browser.head("/"), own) is None
        await parts.log_in(browser)
        assert isinstance(await parts.callers.recognize(browser.head("/"), own), Session)
        assert await parts.callers.recognize(browser.head("/"), GLOBEX) is None
        parts.store.load = store_away  # type: ignore[method-assign, assignment]
        assert await parts.callers.recognize(browser.head("/"), own) is None
        with pytest.raises(GatewayError):
            await parts.callers.identify(browser.head("/"), own)

    run(Parts(server), work)


async def store_away(_: bytes) -> Session | None:
    raise GatewayError(Failure.STORE_UNAVAILABLE)


@pytest.mark.parametrize(
    ("method", "site", "known"),
    [
        ("POST", "cross-site", False),
        ("DELETE", "cross-site", False),
        ("GET", "cross-site", True),
        ("POST", "same-site", False),
        ("POST", "same-origin", True),
        ("POST", "none", True),
    ],
)
def test_attack_63_other_sites_change_nothing_in_a_users_name_on_public_routes(
    server: TokenServer, method: str, site: str, known: bool
) -> None:
    async def work(parts: Parts) -> None:
        browser = Browser()
        await parts.log_in(browser)
        sent = browser.head("/", sec_fetch_site=site)
        head = RequestHead(method, sent.target, sent.headers)
        assert (await parts.callers.recognize(head, parts.tenants.own) is not None) is known

    run(Parts(server), work)


def test_services_are_known_on_public_routes_and_refused_like_anywhere(server: TokenServer) -> None:
    async def work(parts: Parts) -> None:
        good, bad = make_token(iss=None), make_token(FOREIGN_KEY, iss=None)
        heads = [Browser().head("/", x_approuter_authorization=f"Bearer {token}") for token in (good, bad)]
        visitor = await parts.callers.recognize(heads[0], parts.tenants.own)
        assert visitor is not None
        assert user_of(visitor).user_id == "alice-id"
        with pytest.raises(GatewayError) as caught:
            await parts.callers.recognize(heads[1], parts.tenants.own)
        assert caught.value.failure is Failure.TOKEN_REFUSED

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
    server.url = server.url.replace("127.0.0.1", "acme.localhost")
    domain = server.url.partition("//acme.")[2]
    run(Parts(server, tenant_options=options, tenantmode="shared", uaadomain=domain), work)


def test_a_service_proves_itself_with_each_request(server: TokenServer) -> None:
    async def work(parts: Parts) -> None:
        token = make_token(iss=None)
        session = await by_service(parts, f"Bearer {token}")
        assert user_of(session).user_id == "alice-id"
        assert session.csrf_exempt
        assert not isinstance(session, Session)
        assert len(parts.store) == 0

    run(Parts(server), work)


def test_what_was_prepared_for_a_token_is_found_by_its_next_request(server: TokenServer) -> None:
    async def work(parts: Parts) -> None:
        token, other = make_token(iss=None), make_token(iss=None)
        first = await by_service(parts, f"Bearer {token}")
        first.prepared[DestinationReference("one")] = Backend("one", DirectKey("one.example", 443), b"one.example")
        assert (await by_service(parts, f"bearer  {token}")).prepared is first.prepared
        assert (await by_service(parts, f"Bearer {other}")).prepared == {}

    run(Parts(server), work)
    assert len(server.key_requests()) == 1


def test_what_was_prepared_for_both_tokens_of_a_user_is_not_for_who_shows_one_of_them(server: TokenServer) -> None:
    """With the identity service beside an XSUAA, backends are prepared with the user's tokens of both."""

    async def work(parts: Parts) -> None:
        with identity_server() as identity:
            identity_parts = IdentityParts(identity.credentials(app_tid=ZONE), own=parts.tenants.own)
            binding, grants = server.binding(), Grants(parts.clients)
            verifier = Verifier(binding, KeyStore(parts.clients))
            bridge = XsuaaBridge(binding, grants, TokenCache(grants), verifier)
            parts.callers._shown = ShownTokens(verifier, identity_parts.verifier, bridge.exchange_again)
            token = identity.token(app_tid=ZONE)
            both = await by_service(parts, f"Bearer {token}")
            both.prepared[DestinationReference("one")] = Backend("one", DirectKey("one.example", 443), b"one.example")
            assert (await by_service(parts, f"Bearer {token}")).prepared is both.prepared
            assert (await by_service(parts, f"Bearer {both.token.value}")).prepared == {}
            await identity_parts.clients.aclose()

    run(Parts(server), work)


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
    ],
    ids=["empty", "no token", "junk", "digest", "forged", "expired", "other tenant"],
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
        assert session.backend_cookies.absorb(SITE, [b"S=1"], OwnCookies().is_own)
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
        visitors = await asyncio.gather(*(by_password(parts, basic("alice", "pw:1")) for _ in range(20)))
        assert {user_of(visitor).user_id for visitor in visitors if visitor} == {"alice-id"}

    run(Parts(server), work)
    assert [(form["username"], form["password"]) for form in server.forms("password")] == [("alice", "pw:1")]


def test_what_a_basic_route_cached_serves_no_service(server: TokenServer) -> None:
    async def work(parts: Parts) -> None:
        for _ in range(2):
            await by_password(parts, basic("alice", "pw"))
            assert (await by_service(parts, basic("alice", "pw"))).csrf_exempt

    run(Parts(server), work)
    assert len(server.forms("password")) == 2


def test_attack_63_a_password_caller_has_a_csrf_token_of_its_own(server: TokenServer) -> None:
    """Attack 63: a browser sends Basic credentials by itself, so the token is what a foreign page cannot know."""

    async def work(parts: Parts) -> None:
        alice = await by_password(parts, basic("alice", "pw"))
        again = await by_password(parts, basic("alice", "other password"))
        server.overrides = {"user_id": "mallory"}
        mallory = await by_password(parts, basic("mallory", "pw"))
        assert alice is not None
        assert again is not None
        assert mallory is not None
        assert len(alice.csrf_token) >= 43
        assert alice.csrf_token == again.csrf_token
        assert alice.csrf_token != mallory.csrf_token
        assert not alice.csrf_exempt

    run(Parts(server), work)


def test_an_application_calls_for_itself_with_a_technical_token(server: TokenServer) -> None:
    async def work(parts: Parts) -> None:
        token = make_token(iss=None, grant_type="client_credentials", user_id=None, cid="sb-other!t1")
        visitor = await by_service(parts, f"Bearer {token}")
        assert isinstance(visitor.caller, ServiceCaller)
        assert visitor.caller.principal == ServicePrincipal(Tenant(ZONE, "acme"), "sb-other!t1")
        assert visitor.token.scopes == {f"{XSAPPNAME}.Read", "openid"}
        assert token not in repr(visitor.caller)
        assert visitor.csrf_exempt

    run(Parts(server), work)


def test_a_weak_token_is_exchanged_once_for_many_requests(server: TokenServer) -> None:
    async def work(parts: Parts) -> None:
        weak = make_token(iss=None)
        first = await by_weak_token(parts, weak)
        second = await by_weak_token(parts, f"Bearer {weak}")
        assert first.token.value == second.token.value != weak
        assert first.csrf_exempt

    run(Parts(server), work)
    assert len(server.forms(JWT_BEARER)) == 1


@pytest.mark.parametrize(
    "weak",
    [
        "junk",
        make_token(iss=None, jti=None),
        make_token(FOREIGN_KEY, iss=None),
        make_token(iss=None, exp=1),
        make_token(iss=None, grant_type="client_credentials", user_id=None),
    ],
    ids=["junk", "without id", "forged", "expired", "without user"],
)
def test_attack_55_a_bad_weak_token_is_refused_before_it_is_exchanged(server: TokenServer, weak: str) -> None:
    """Attack 55: nothing that is not signed for us makes us ask for anything."""

    async def work(parts: Parts) -> None:
        with pytest.raises(GatewayError) as caught:
            await by_weak_token(parts, weak)
        assert caught.value.failure is Failure.TOKEN_REFUSED

    run(Parts(server), work)
    assert not server.forms(JWT_BEARER)


def test_a_weak_token_that_the_server_does_not_exchange_is_refused(server: TokenServer) -> None:
    async def work(parts: Parts) -> None:
        await by_service(parts, "Bearer " + make_token(iss=None))  # the keys are there
        server.script.append((400, {"error": "invalid_grant"}, {}))
        with pytest.raises(GatewayError) as caught:
            await by_weak_token(parts, make_token(iss=None))
        assert caught.value.failure is Failure.TOKEN_REFUSED
        server.overrides = {"user_id": "mallory"}
        with pytest.raises(GatewayError) as caught:
            await by_weak_token(parts, make_token(iss=None))
        assert caught.value.failure is Failure.TOKEN_REFUSED

    run(Parts(server), work)


@pytest.mark.parametrize(
    "extra",
    [(b"x-approuter-access-token", b"x"), (b"x-approuter-authorization", b"Bearer y")],
    ids=["weak token beside it", "twice"],
)
def test_two_service_headers_are_refused(server: TokenServer, extra: tuple[bytes, bytes]) -> None:
    async def work(parts: Parts) -> None:
        browser = Browser(headers=(extra,))
        with pytest.raises(GatewayError) as caught:
            await by_service(parts, "Bearer " + make_token(iss=None), browser)
        assert caught.value.failure is Failure.BAD_REQUEST

    run(Parts(server), work)
    assert not server.asked


@pytest.mark.parametrize("more", [{}, {"grant_type": "client_credentials", "user_id": None}], ids=["user", "service"])
def test_attack_56_a_services_token_of_another_tenant_is_refused(server: TokenServer, more: dict[str, Any]) -> None:
    """Attack 56: token of tenant A on the host of tenant B."""

    async def work(parts: Parts) -> None:
        token = make_token(iss=None, zid=OTHER_ZONE, ext_attr={"zdn": "globex"}, **more)
        with pytest.raises(GatewayError) as caught:
            await by_service(parts, f"Bearer {token}")
        assert caught.value.failure is Failure.TENANT_MISMATCH

    run(Parts(server, tenantmode="shared"), work)


def test_attack_56_a_weak_token_of_another_tenant_is_refused(server: TokenServer) -> None:
    """Attack 56: neither as it is nor by what it is exchanged for."""

    async def work(parts: Parts) -> None:
        server.overrides = {"zid": OTHER_ZONE, "ext_attr": {"zdn": "globex"}}
        with pytest.raises(GatewayError) as caught:
            await by_weak_token(parts, make_token(iss=None, **server.overrides))
        assert caught.value.failure is Failure.TENANT_MISMATCH
        with pytest.raises(GatewayError) as caught:
            await by_weak_token(parts, make_token(iss=None))
        assert caught.value.failure is Failure.TOKEN_REFUSED

    server.url = server.url.replace("127.0.0.1", "acme.localhost")
    domain = server.url.partition("//acme.")[2]
    run(Parts(server, tenantmode="shared", uaadomain=domain), work)


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


@pytest.mark.parametrize(("status", "body"), [(401, {"error": "invalid_client"}), (200, b"<html>maintenance</html>")])
def test_what_the_application_or_the_server_did_wrong_is_not_the_users_fault(
    server: TokenServer, status: int, body: object
) -> None:
    async def work(parts: Parts) -> None:
        server.script.append((status, body, {}))
        with pytest.raises(GatewayError) as caught:
            await by_password(parts, basic("alice", "pw"))
        assert caught.value.failure is Failure.XSUAA_REFUSED

    run(Parts(server), work)


def test_passwords_never_show() -> None:
    parsed = parse_basic(basic("älice", "sécret"))
    assert parsed is not None
    assert (parsed.user, parsed.password) == ("älice", "sécret")
    assert "sécret" not in repr(parsed)
