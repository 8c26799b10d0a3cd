"""XSUAA towards a browser: login page, codes, single sign-on, logout."""

from __future__ import annotations

import pytest

from app.landscape.faults import Fault
from app.landscape.users import ACME, GLOBEX
from app.landscape.xsuaa_client import matches_redirect
from tests.landscape_platform.support import APP, CALLBACK, Platform, challenge, claims_of, on_platform, query_of


def test_the_login_page_offers_the_users_of_the_tenant_alone() -> None:
    async def scenario(platform: Platform) -> None:
        page = await platform.authorize(ACME)
        assert page.status_code == 200
        assert 'id="login-anna"' in page.text
        assert "gina" not in page.text
        assert 'id="login-gina"' in (await platform.authorize(GLOBEX)).text

    on_platform(scenario)


def test_choosing_a_user_leads_back_with_state_and_a_code_worth_that_users_token() -> None:
    async def scenario(platform: Platform) -> None:
        back = await platform.log_in("bob", state="a b&c")
        assert back.headers["location"].startswith(CALLBACK + "?")
        assert query_of(back)["state"] == "a b&c"
        answer = await platform.redeem(query_of(back)["code"])
        claims = claims_of(answer.json()["access_token"])
        assert claims["user_name"] == "bob.berger@acme.example"
        assert claims["scope"] == ["openid", "shop!t9.Read", "uaa.user"]
        assert answer.json()["refresh_token"]

    on_platform(scenario)


@pytest.mark.parametrize("method", ["S256", "plain"])
def test_a_code_with_a_challenge_needs_its_verifier(method: str) -> None:
    async def scenario(platform: Platform) -> None:
        verifier = "v" * 50
        sent = challenge(verifier) if method == "S256" else verifier
        for given, status in ((verifier, 200), ("w" * 50, 400), ("", 400)):
            back = await platform.log_in("anna", prompt="login", code_challenge=sent, code_challenge_method=method)
            answer = await platform.redeem(query_of(back)["code"], code_verifier=given)
            assert answer.status_code == status

    on_platform(scenario)


def test_a_verifier_without_a_challenge_is_refused() -> None:
    async def scenario(platform: Platform) -> None:
        code = query_of(await platform.log_in("anna"))["code"]
        answer = await platform.redeem(code, code_verifier="v" * 50)
        assert answer.json() == {"error": "invalid_grant", "error_description": "Invalid code verifier"}

    on_platform(scenario)


def test_a_code_is_good_once() -> None:
    async def scenario(platform: Platform) -> None:
        code = query_of(await platform.log_in("anna"))["code"]
        assert (await platform.redeem(code)).status_code == 200
        again = await platform.redeem(code)
        assert again.status_code == 400
        assert again.json()["error"] == "invalid_grant"

    on_platform(scenario)


def test_a_code_is_bound_to_its_redirect_address_and_tenant() -> None:
    async def scenario(platform: Platform) -> None:
        code = query_of(await platform.log_in("anna"))["code"]
        answer = await platform.redeem(code, redirect_uri=CALLBACK + "2")
        assert answer.json()["error_description"] == "Redirect URI mismatch."
        code = query_of(await platform.log_in("anna", prompt="login"))["code"]
        answer = await platform.redeem(code, tenant=GLOBEX)
        assert answer.status_code == 400

    on_platform(scenario)


def test_a_second_login_in_the_same_browser_needs_no_page_until_logout() -> None:
    async def scenario(platform: Platform) -> None:
        assert (await platform.authorize(prompt="none")).headers["location"] == (
            f"{CALLBACK}?error=login_required&state=s1"
        )
        await platform.log_in("anna")
        assert "code" in query_of(await platform.authorize())
        assert (await platform.authorize(prompt="login")).status_code == 200
        out = await platform.client.get(
            f"{platform.xsuaa.tenant_url(ACME)}/logout.do",
            params={"client_id": APP.client_id, "redirect": "http://localhost:5000/bye"},
        )
        assert (out.status_code, out.headers["location"]) == (302, "http://localhost:5000/bye")
        assert (await platform.authorize()).status_code == 200

    on_platform(scenario)


def test_logout_ends_the_session_on_the_server_too() -> None:
    async def scenario(platform: Platform) -> None:
        kept = (await platform.log_in("anna")).cookies["UAA-SESSION"]
        await platform.client.get(f"{platform.xsuaa.tenant_url(ACME)}/logout.do")
        platform.client.cookies.clear()
        answer = await platform.client.get(
            f"{platform.xsuaa.tenant_url(ACME)}/oauth/authorize",
            params={"response_type": "code", "client_id": APP.client_id, "redirect_uri": CALLBACK},
            headers={"cookie": f"UAA-SESSION={kept}"},
        )
        assert answer.status_code == 200

    on_platform(scenario)


def test_logout_sends_nobody_to_an_address_that_is_not_registered() -> None:
    async def scenario(platform: Platform) -> None:
        out = await platform.client.get(
            f"{platform.xsuaa.tenant_url(ACME)}/logout.do",
            params={"client_id": APP.client_id, "redirect": "https://evil.example/"},
        )
        assert out.status_code == 200
        assert "location" not in out.headers

    on_platform(scenario)


def test_authorize_never_redirects_to_an_address_or_for_a_client_that_is_not_registered() -> None:
    async def scenario(platform: Platform) -> None:
        foreign = await platform.authorize(redirect_uri="https://evil.example/")
        unknown = await platform.authorize(client_id="sb-other")
        for answer in (foreign, unknown):
            assert answer.status_code == 400
            assert "location" not in answer.headers

    on_platform(scenario)


def test_a_session_of_one_tenant_is_none_in_another() -> None:
    async def scenario(platform: Platform) -> None:
        cookie = (await platform.log_in("anna", ACME)).cookies["UAA-SESSION"]
        platform.client.cookies.clear()
        answer = await platform.client.get(
            f"{platform.xsuaa.tenant_url(GLOBEX)}/oauth/authorize",
            params={"response_type": "code", "client_id": APP.client_id, "redirect_uri": CALLBACK},
            headers={"cookie": f"UAA-SESSION={cookie}"},
        )
        assert answer.status_code == 200

    on_platform(scenario)


def test_a_revoked_user_stays_on_the_login_page() -> None:
    async def scenario(platform: Platform) -> None:
        platform.faults.switch_on(Fault.REVOKED_USER, "bob")
        answer = await platform.log_in("bob")
        assert answer.status_code == 403
        assert "revoked" in answer.text
        assert "code" in query_of(await platform.log_in("anna"))

    on_platform(scenario)


def test_an_unknown_tenant_is_not_found() -> None:
    async def scenario(platform: Platform) -> None:
        answer = await platform.client.get(f"http://nobody.{platform.xsuaa.domain}/token_keys")
        assert answer.status_code == 404

    on_platform(scenario)


@pytest.mark.parametrize(
    ("pattern", "address", "fits"),
    [
        ("http://localhost:*/**", "http://localhost:5000/login/callback", True),
        ("http://localhost:*/**", "http://localhost:5000/a?b=http://c", True),
        ("http://localhost:*/**", "http://localhost:5000@evil.example/", False),
        ("http://localhost:*/**", "http://localhost.evil.example:80/", False),
        ("http://localhost:*/**", "https://localhost:5000/", False),
        ("http://localhost:*/**", "http://localhost:5000\\@evil.example/", False),
        ("https://*.domain.example/callback/**", "https://app.domain.example/callback/x/y", True),
        ("https://*.domain.example/callback/**", "https://evil.example/x.domain.example/callback/", False),
        ("https://*.domain.example/callback/**", "https://app.domain.example/callback/../other", False),
        ("https://app.example/callback/*", "https://app.example/callback/a/b", False),
        ("https://app.example/callback", "https://app.example/callback", True),
        ("https://app.example/callback", "", False),
    ],
)
def test_redirect_patterns_cover_what_they_say_and_nothing_disguised(pattern: str, address: str, fits: bool) -> None:
    assert matches_redirect(pattern, address) is fits
