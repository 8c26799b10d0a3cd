from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from urllib.parse import quote, urlsplit

import pytest

from app.answer import Answer
from app.errors import Failure, GatewayError
from app.login.code_flow import LoginOptions, asked_return, identity_provider
from app.login.login_page import LoginPageOptions
from app.login.tenant import TenantOptions
from app.request_head import RequestHead
from app.routing.route import AuthenticationType
from app.sessions.cookie import mark_cookie
from app.sessions.session import Session
from tests.login.gateway_parts import HOST, Browser, Parts, authorize_address, header, query_of, run
from tests.tokens.token_server import CLIENT_ID, OTHER_ZONE, TokenServer, token_server

WITH_FRAGMENT = LoginOptions()
BOTH = (AuthenticationType.XSUAA, AuthenticationType.IAS)


@pytest.fixture
def server() -> Iterator[TokenServer]:
    with token_server() as running:
        yield running


def refused(error: pytest.ExceptionInfo[GatewayError]) -> Failure:
    return error.value.failure


# -- the way to the login


def test_the_authorize_request(server: TokenServer) -> None:
    answer, query = asyncio.run(Parts(server).start(Browser(), "/protected/a?b=c"))
    assert answer.status == 302
    assert urlsplit(header(answer, b"location")).path == "/oauth/authorize"
    assert query["response_type"] == "code"
    assert query["client_id"] == CLIENT_ID
    assert query["redirect_uri"] == f"http://{HOST}/login/callback"
    assert query["code_challenge_method"] == "S256"
    assert len(query["code_challenge"]) == 43
    assert header(answer, b"cache-control") == "no-store"


@pytest.mark.parametrize("options", [LoginOptions(preserve_fragment=False), WITH_FRAGMENT])
def test_behind_a_proxy_with_a_path_of_its_own_the_login_comes_back_through_it(
    server: TokenServer, options: LoginOptions
) -> None:
    async def work(parts: Parts) -> None:
        browser = Browser()
        arrived = browser.head("/protected?a=b", x_forwarded_path="/apps/shop/protected")
        tenant = parts.tenants.tenant(arrived)
        answer = browser.keep(await parts.flow.start(arrived, tenant, AuthenticationType.XSUAA))
        query = query_of(authorize_address(answer))
        assert query["redirect_uri"] == f"http://{HOST}/apps/shop/login/callback"
        back = browser.head(
            f"/login/callback?code=c1&state={query['state']}", x_forwarded_path="/apps/shop/login/callback"
        )
        finished = await parts.callback.answer(back, tenant)
        assert header(finished, b"location") == "/apps/shop/protected?a=b"
        assert server.forms("authorization_code")[0]["redirect_uri"] == query["redirect_uri"]

    run(Parts(server, options), work)


def test_a_script_names_the_address_as_its_page_knows_it(server: TokenServer) -> None:
    async def work(parts: Parts) -> None:
        browser = Browser()
        for asked, location in (("/apps/shop/page%23x", "/apps/shop/page#x"), ("/page", "/apps/shop/page")):
            arrived = browser.head(f"/.gangway/login?return={asked}", x_forwarded_path="/apps/shop/.gangway/login")
            tenant = parts.tenants.tenant(arrived)
            query = query_of(authorize_address(browser.keep(await parts.flow.start_from_script(arrived, tenant))))
            back = browser.head(
                f"/login/callback?code=c1&state={query['state']}", x_forwarded_path="/apps/shop/login/callback"
            )
            assert header(await parts.callback.answer(back, tenant), b"location") == location

    run(Parts(server), work)


def test_the_location_is_remembered_for_the_login_without_page(server: TokenServer) -> None:
    browser = Browser()
    answer, _ = asyncio.run(Parts(server).start(browser, "/protected/a?b=c"))
    assert browser.jar["locationAfterLogin"] == "%2Fprotected%2Fa%3Fb%3Dc"
    assert all(b"HttpOnly" in value for name, value in answer.headers if name == b"set-cookie")


def test_the_public_address_of_the_tenant_is_the_redirect_uri(server: TokenServer) -> None:
    tenants = TenantOptions(host_pattern=r"^(.*)\.router\.example")
    parts = Parts(server, tenant_options=tenants, tenantmode="shared", uaadomain="auth.example")
    browser = Browser(host="globex.router.example", headers=((b"x-forwarded-proto", b"https"),))
    answer, query = asyncio.run(parts.start(browser))
    assert urlsplit(authorize_address(answer)).hostname == "globex.auth.example"
    assert query["redirect_uri"] == "https://globex.router.example/login/callback"


def test_pkce_can_be_switched_off(server: TokenServer) -> None:
    _, query = asyncio.run(Parts(server, LoginOptions(pkce=False)).start(Browser()))
    assert "code_challenge" not in query


@pytest.mark.parametrize(
    ("target", "configured", "dynamic", "expected"),
    [
        ("/a", "", False, ""),
        ("/a", "own", False, "own"),
        ("/a?sap_idp=other", "own", False, "own"),
        ("/a?sap_idp=other", "own", True, "other"),
        ("/a?x=1&sap_idp=a%2Cb", "", True, "a,b"),
        ("/a?sap_idp=", "own", True, "own"),
        ("/a?xsap_idp=other", "own", True, "own"),
    ],
)
def test_the_identity_provider(target: str, configured: str, dynamic: bool, expected: str) -> None:
    assert identity_provider(RequestHead("GET", target, []), configured, dynamic) == expected


def test_the_identity_provider_is_passed_on_and_not_returned_to(server: TokenServer) -> None:
    parts, browser = Parts(server), Browser()

    async def work(parts: Parts) -> None:
        _, query = await parts.start(browser, "/a?sap_idp=other&b=1", "other")
        assert query["idp"] == "other"
        answer = await parts.finish(browser, f"code=c&state={query['state']}")
        assert header(answer, b"location") == "/a?b=1"

    run(parts, work)


# -- the page that keeps the fragment


def page(server: TokenServer, **options: bool) -> Answer:
    parts = Parts(server, LoginOptions(page=LoginPageOptions(**options)))
    return asyncio.run(parts.start(Browser(), "/protected?x=%3C/script%3E"))[0]


def test_the_page_runs_only_its_own_script(server: TokenServer) -> None:
    answer = page(server)
    policy = header(answer, b"content-security-policy")
    nonce = re.search(r"script-src 'nonce-([A-Za-z0-9_-]{22})'", policy)
    assert nonce
    assert f'<script nonce="{nonce[1]}">' in answer.body.decode()
    assert "default-src 'none'" in policy
    assert header(answer, b"cache-control") == "no-store"
    assert answer.body.decode().count("</script>") == 1


def test_the_policy_can_be_extended_or_left_out(server: TokenServer) -> None:
    assert "img-src 'self' data:" in header(page(server, extended_csp=True), b"content-security-policy")
    assert header(page(server, omit_csp=True), b"content-security-policy") == ""


def test_the_fragment_survives_for_its_own_login_only(server: TokenServer) -> None:
    async def work(parts: Parts) -> None:
        browser = Browser()
        page, query = await parts.start(browser, "/deep")
        key = re.search(r'"fragmentAfterLogin=([^"]+)"', page.body.decode())
        assert key
        browser.jar["fragmentAfterLogin"] = key[1] + quote("#/view/1", safe="")
        answer = await parts.finish(browser, f"code=c1&state={query['state']}")
        assert header(answer, b"location") == "/deep#/view/1"
        assert "fragmentAfterLogin" not in browser.jar

        other = Browser(jar={"fragmentAfterLogin": key[1] + "%23evil"})
        _, query = await parts.start(other, "/deep")
        answer = await parts.finish(other, f"code=c2&state={query['state']}")
        assert header(answer, b"location") == "/deep"

    run(Parts(server, WITH_FRAGMENT), work)


# -- the way back


def test_a_login_opens_a_session_and_returns(server: TokenServer) -> None:
    async def work(parts: Parts) -> None:
        browser = Browser()
        answer = await parts.log_in(browser, "/protected/a?b=c")
        assert (answer.status, header(answer, b"location")) == (302, "/protected/a?b=c")
        assert set(browser.jar) == {"JSESSIONID"}
        session = await parts.sessions.current(browser.head("/"))
        assert session is not None
        assert session.caller.principal.user_id == "alice-id"

    run(Parts(server), work)
    form = server.forms("authorization_code")[0]
    assert form["redirect_uri"] == f"http://{HOST}/login/callback"
    assert len(form["code_verifier"]) == 43


def test_attack_79_nothing_is_kept_for_those_who_only_knock(server: TokenServer) -> None:
    parts = Parts(server)
    for _ in range(50):
        asyncio.run(parts.start(Browser()))
    assert len(parts.store) == 0
    assert not server.asked


@pytest.mark.parametrize(
    "query",
    [
        "",
        "code=c1",
        "code=c1&state=",
        "code=c1&state=forged",
        "code=c1&state=" + "A" * 200,
        "code=c1&state=" + "A" * 20_000,
        "state=%ff&code=%00",
        "&".join(f"a{n}=1" for n in range(99)) + "&code=c1",
    ],
)
def test_attack_52_a_callback_nobody_asked_for_is_refused(server: TokenServer, query: str) -> None:
    async def work(parts: Parts) -> None:
        browser = Browser()
        await parts.start(browser)
        with pytest.raises(GatewayError) as caught:
            await parts.finish(browser, query)
        assert refused(caught) is Failure.LOGIN_FAILED
        assert len(parts.store) == 0

    run(Parts(server), work)
    assert not server.asked


def test_attack_52_a_login_of_another_browser_is_refused(server: TokenServer) -> None:
    async def work(parts: Parts) -> None:
        attacker, victim = Browser(), Browser()
        _, query = await parts.start(attacker)
        await parts.start(victim)
        for browser in (victim, Browser()):
            with pytest.raises(GatewayError) as caught:
                await parts.finish(browser, f"code=c1&state={query['state']}")
            assert refused(caught) is Failure.LOGIN_FAILED

    run(Parts(server), work)
    assert not server.asked


def test_attack_52_a_replayed_callback_opens_nothing(server: TokenServer) -> None:
    async def work(parts: Parts) -> None:
        browser = Browser()
        _, query = await parts.start(browser)
        callback = f"code=c1&state={query['state']}"
        await parts.finish(browser, callback)
        session = browser.jar["JSESSIONID"]
        await parts.finish(browser, callback)
        assert browser.jar["JSESSIONID"] == session
        assert len(parts.store) == 1
        del browser.jar["JSESSIONID"]
        with pytest.raises(GatewayError) as caught:
            await parts.finish(browser, callback)
        assert refused(caught) is Failure.LOGIN_FAILED

    run(Parts(server), work)
    assert len(server.forms("authorization_code")) == 1


def test_a_login_that_took_too_long_begins_again(server: TokenServer) -> None:
    async def work(parts: Parts) -> None:
        browser = Browser()
        _, query = await parts.start(browser, "/protected/a")
        parts.clock.now += 61
        answer = await parts.finish(browser, f"code=c1&state={query['state']}")
        assert (answer.status, header(answer, b"location")) == (302, "/protected/a")
        assert "JSESSIONID" not in browser.jar or browser.jar["JSESSIONID"] == "login"
        with pytest.raises(GatewayError) as caught:
            await parts.finish(Browser(), f"code=c1&state={query['state']}")
        assert refused(caught) is Failure.LOGIN_FAILED

    run(Parts(server), work)
    assert not server.asked


@pytest.mark.parametrize("kind", BOTH)
def test_with_two_servers_bound_the_callback_names_the_one_it_comes_from(
    server: TokenServer, kind: AuthenticationType
) -> None:
    callback = f"http://{HOST}/login/callback?authType={kind}"

    async def work(parts: Parts) -> None:
        for query in (f"authType={kind}&", ""):
            browser = Browser()
            _, asked = await parts.start(browser, kind=kind)
            assert asked["redirect_uri"] == callback
            assert (await parts.finish(browser, f"{query}code=c1&state={asked['state']}")).status == 302
        (other,) = set(BOTH) - {kind}
        for named in (other, "none"):
            browser = Browser()
            _, asked = await parts.start(browser, kind=kind)
            with pytest.raises(GatewayError) as caught:
                await parts.finish(browser, f"authType={named}&code=c1&state={asked['state']}")
            assert refused(caught) is Failure.LOGIN_FAILED

    run(Parts(server, kinds=BOTH), work)
    assert [form["redirect_uri"] for form in server.forms("authorization_code")] == [callback] * 2


@pytest.mark.parametrize("kind", BOTH)
def test_a_server_alone_is_not_named_but_may_be(server: TokenServer, kind: AuthenticationType) -> None:
    async def work(parts: Parts) -> None:
        for query in ("", f"authType={kind}&"):
            browser = Browser()
            _, asked = await parts.start(browser, kind=kind)
            assert asked["redirect_uri"] == f"http://{HOST}/login/callback"
            assert (await parts.finish(browser, f"{query}code=c1&state={asked['state']}")).status == 302

    run(Parts(server, kinds=(kind,)), work)
    assert {form["redirect_uri"] for form in server.forms("authorization_code")} == {f"http://{HOST}/login/callback"}


def test_a_login_begun_elsewhere_is_of_the_preferred_server_unless_it_says_otherwise(server: TokenServer) -> None:
    async def work(parts: Parts) -> None:
        for query in ("code=c1", "authType=xsuaa&code=c1"):
            await parts.finish(Browser(), query)
        with pytest.raises(GatewayError) as caught:
            await parts.finish(Browser(), "authType=basic&code=c1")
        assert refused(caught) is Failure.LOGIN_FAILED

    run(Parts(server, LoginOptions(pkce=False, state_protection=False), kinds=BOTH), work)
    addresses = [form["redirect_uri"].partition("?")[2] for form in server.forms("authorization_code")]
    assert addresses == ["authType=ias", "authType=xsuaa"]


def test_without_state_protection_a_login_may_begin_elsewhere(server: TokenServer) -> None:
    async def work(parts: Parts) -> None:
        browser = Browser()
        answer = await parts.finish(browser, "code=c1")
        assert (answer.status, header(answer, b"location")) == (302, "/")
        assert await parts.sessions.current(browser.head("/")) is not None
        other = Browser()
        _, query = await parts.start(other, "/protected/a")
        answer = await parts.finish(Browser(), f"code=c1&state={query['state']}")
        assert header(answer, b"location") == "/protected/a"

    run(Parts(server, LoginOptions(preserve_fragment=False, pkce=False, state_protection=False)), work)
    assert all("code_verifier" not in form for form in server.forms("authorization_code"))


def test_instances_with_one_secret_take_each_others_callbacks(server: TokenServer) -> None:
    browser = Browser()
    _, query = asyncio.run(Parts(server, state_secret="s" * 40).start(browser))

    async def accepted(parts: Parts) -> None:
        assert (await parts.finish(browser, f"code=c1&state={query['state']}")).status == 302

    async def rejected(parts: Parts) -> None:
        with pytest.raises(GatewayError):
            await parts.finish(browser, f"code=c1&state={query['state']}")

    run(Parts(server, state_secret="t" * 40), rejected)
    run(Parts(server), rejected)
    run(Parts(server, state_secret="s" * 40), accepted)


def test_tabs_log_in_one_after_the_other(server: TokenServer) -> None:
    async def work(parts: Parts) -> None:
        browser = Browser()
        _, first = await parts.start(browser, "/one")
        _, second = await parts.start(browser, "/two")
        for query, path in ((second, "/two"), (first, "/one")):
            answer = await parts.finish(browser, f"code=c&state={query['state']}")
            assert header(answer, b"location") == path
        assert len(parts.store) == 1

    run(Parts(server), work)


def test_tabs_opened_together_log_in_whatever_the_order(server: TokenServer) -> None:
    async def work(parts: Parts) -> None:
        browser = Browser()
        heads = [browser.head(path) for path in ("/one", "/two", "/three")]  # sent before any answer came
        kind = AuthenticationType.XSUAA
        answers = [browser.keep(await parts.flow.start(head, parts.tenants.own, kind)) for head in heads]
        states = [query_of(authorize_address(answer))["state"] for answer in answers]
        for state, path in zip(states, ("/one", "/two", "/three"), strict=True):
            answer = await parts.finish(browser, f"code=c&state={state}")
            assert header(answer, b"location") == path

    run(Parts(server), work)


def test_attack_53_a_login_gives_a_new_id_and_the_old_session_dies(server: TokenServer) -> None:
    async def work(parts: Parts) -> None:
        browser = Browser(jar={"JSESSIONID": "A" * 43})
        await parts.log_in(browser)
        first = browser.jar["JSESSIONID"]
        assert first != "A" * 43
        old = browser.head("/")
        _, query = await parts.start(browser)
        browser.jar["JSESSIONID"] = first  # the browser still has its session when the callback comes
        await parts.finish(browser, f"code=c&state={query['state']}")
        assert browser.jar["JSESSIONID"] != first
        assert await parts.sessions.current(old) is None
        assert len(parts.store) == 1

    run(Parts(server), work)


@pytest.mark.parametrize("evil", ["https://evil.example/", "//evil.example/", "/\\evil.example/"])
def test_attack_54_a_forged_location_cookie_leads_nowhere_else(server: TokenServer, evil: str) -> None:
    async def work(parts: Parts) -> None:
        browser = Browser()
        for target, expected in (("/protected", "/protected"), ("/" + "a" * 2000, "/")):
            _, query = await parts.start(browser, target)
            browser.jar["locationAfterLogin"] = quote(evil, safe="")
            answer = await parts.finish(browser, f"code=c&state={query['state']}")
            assert header(answer, b"location") == expected
            browser.jar.clear()

    run(Parts(server), work)


@pytest.mark.parametrize(
    ("asked", "place"),
    [
        ("/app/index.html?a=b#/orders/7", "/app/index.html?a=b#/orders/7"),
        ("/app/", "/app/"),
        ("", "/"),
        ("app", "/"),
        ("//evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example", "/"),
        ("/%2fevil.example", "/"),
        ("/a#b\\c", "/a"),
        ("/a\r\nset-cookie: x", "/"),
    ],
)
def test_attack_54_a_script_leads_to_the_login_and_back_to_this_host(
    server: TokenServer, asked: str, place: str
) -> None:
    """Attack 54: whatever `return` asks for, it is a path of this host."""

    async def work(parts: Parts) -> None:
        browser = Browser()
        head = browser.head(f"/.gangway/login?x=y&return={quote(asked, safe='')}")
        assert asked_return(head) == place
        answer = browser.keep(await parts.flow.start_from_script(head, parts.tenants.own))
        state = query_of(authorize_address(answer))["state"]
        back = await parts.finish(browser, f"code=c1&state={state}")
        assert header(back, b"location") == place

    run(Parts(server), work)


def test_a_long_location_travels_in_its_cookie(server: TokenServer) -> None:
    async def work(parts: Parts) -> None:
        target = "/protected?x=" + "a" * 2000
        assert header(await parts.log_in(Browser(), target), b"location") == target

    run(Parts(server), work)


def test_a_login_is_logged_with_its_tenant_and_the_request_that_ended_it(
    server: TokenServer, caplog: pytest.LogCaptureFixture
) -> None:
    async def work(parts: Parts) -> None:
        browser = Browser()
        _, query = await parts.start(browser)
        head = browser.head(f"/login/callback?code=c&state={query['state']}", x_correlationid="login-1")
        tenant = parts.tenants.tenant(head)
        caplog.set_level("INFO", "gangway.login")
        await parts.callback.answer(head, tenant)
        [record] = [each for each in caplog.records if each.getMessage() == "logged in"]
        assert record.fields == {  # type: ignore[attr-defined]
            "tenant_id": tenant.id, "tenant_subdomain": tenant.subdomain, "correlation_id": "login-1"
        }  # fmt: skip

    run(Parts(server), work)


def test_a_refused_code_is_a_failed_login(server: TokenServer) -> None:
    async def work(parts: Parts) -> None:
        server.script.append((400, {"error": "invalid_grant"}, {}))
        with pytest.raises(GatewayError) as caught:
            await parts.log_in(Browser())
        assert refused(caught) is Failure.LOGIN_FAILED
        server.script.append((401, {"error": "invalid_client"}, {}))
        with pytest.raises(GatewayError) as caught:
            await parts.log_in(Browser())
        assert refused(caught) is Failure.XSUAA_REFUSED
        assert len(parts.store) == 0

    run(Parts(server), work)


@pytest.mark.parametrize(
    ("status", "body"), [(401, {"error": "unauthorized", "error_description": "Bad credentials"}), (200, b"<html>")]
)
def test_what_the_application_or_the_server_did_wrong_is_no_failed_login(
    server: TokenServer, status: int, body: object
) -> None:
    """Who is told to log in again does so for ever."""

    async def work(parts: Parts) -> None:
        server.script.append((status, body, {}))
        with pytest.raises(GatewayError) as caught:
            await parts.log_in(Browser())
        assert refused(caught) is Failure.XSUAA_REFUSED

    run(Parts(server), work)


@pytest.mark.parametrize("fault", [Failure.LOGIN_FAILED, Failure.STORE_UNAVAILABLE])
def test_a_login_that_fails_leaves_the_session_there_was(
    server: TokenServer, fault: Failure, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def is_away(session: Session) -> None:
        raise GatewayError(Failure.STORE_UNAVAILABLE)

    async def work(parts: Parts) -> None:
        browser = Browser()
        _, query = await parts.start(browser)
        other_tab = Browser()
        await parts.log_in(other_tab)
        browser.jar["JSESSIONID"] = other_tab.jar["JSESSIONID"]
        if fault is Failure.LOGIN_FAILED:
            server.script.append((400, {"error": "invalid_grant"}, {}))
        else:
            monkeypatch.setattr(parts.store, "add", is_away)
        with pytest.raises(GatewayError) as caught:
            await parts.finish(browser, f"code=c&state={query['state']}")
        assert refused(caught) is fault
        assert await parts.sessions.current(browser.head("/")) is not None

    run(Parts(server), work)


def test_an_error_of_the_authorization_server_is_named(server: TokenServer) -> None:
    async def work(parts: Parts) -> None:
        browser = Browser()
        _, query = await parts.start(browser)
        with pytest.raises(GatewayError) as caught:
            await parts.finish(browser, f"error=access_denied&state={query['state']}")
        assert caught.value.detail == "access_denied"

    run(Parts(server), work)


def test_attack_56_a_token_of_another_tenant_opens_no_session(server: TokenServer) -> None:
    server.overrides.update(zid=OTHER_ZONE, ext_attr={"zdn": "globex"})

    async def work(parts: Parts) -> None:
        with pytest.raises(GatewayError) as caught:
            await parts.log_in(Browser())
        assert refused(caught) is Failure.TOKEN_REFUSED

    run(Parts(server), work)


def test_marks_are_found_under_their_own_names() -> None:
    assert mark_cookie("abcdefghijk") == "gangwayLogin-abcdefgh"
