"""XSUAA's token endpoint: client authentication, error shapes, token shape, key rotation."""

from __future__ import annotations

import asyncio
import base64
from dataclasses import replace
from urllib.parse import quote_plus

import httpx
import pytest

from app.landscape.certificates import CertificateAuthority
from app.landscape.tokens import TokenVerifier
from app.landscape.users import ACME, GLOBEX, Tenant
from app.landscape.web_client import WebClient
from app.landscape.xsuaa_client import OAuthClient
from tests.landscape_platform.support import (
    ALL_ZONES,
    APP,
    SERVICE,
    Platform,
    claims_of,
    header_of,
    on_platform,
    platform,
    web,
)

BAD_CREDENTIALS = {"error": "unauthorized", "error_description": "Bad credentials"}


def test_a_user_token_has_the_claims_of_the_platform() -> None:
    async def scenario(platform: Platform) -> None:
        token = await platform.user_token("anna")
        base = platform.xsuaa.tenant_url(ACME)
        header = header_of(token)
        assert (header["alg"], header["typ"], header["kid"]) == ("RS256", "JWT", "default-jwt-key-1")
        assert header["jku"] == f"{base}/token_keys"
        claims = claims_of(token)
        assert claims["iss"] == f"{base}/oauth/token"
        assert claims["zid"] == ACME.zone_id
        assert claims["aud"] == ["openid", "shop!t9", "uaa"]
        assert claims["cid"] == claims["client_id"] == claims["azp"] == "sb-shop!t9"
        assert claims["scope"] == ["openid", "shop!t9.Read", "shop!t9.Write", "uaa.user"]
        assert claims["sub"] == claims["user_id"]
        assert (claims["given_name"], claims["family_name"]) == ("Anna", "Arnold")
        assert claims["email"] == claims["user_name"] == "anna.arnold@acme.example"
        assert claims["ext_attr"] == {
            "enhancer": "XSUAA",
            "subaccountid": ACME.subaccount_id,
            "zdn": "acme",
            "serviceinstanceid": "shop-instance",
        }
        assert claims["xs.user.attributes"] == {"country": ["DE"]}
        assert claims["xs.system.attributes"] == {"xs.saml.groups": [], "xs.rolecollections": ["Editor"]}
        assert claims["exp"] - claims["iat"] == 43200

    on_platform(scenario)


def test_a_technical_token_stands_for_the_client_and_holds_no_user() -> None:
    async def scenario(platform: Platform) -> None:
        answer = await platform.token(
            {"grant_type": "client_credentials", "authorities": '{"az_attr":{"a":"b"}}'}, as_client=SERVICE
        )
        assert (answer.json()["token_type"], answer.json()["expires_in"]) == ("bearer", 43199)
        assert "refresh_token" not in answer.json()
        claims = claims_of(answer.json()["access_token"])
        assert claims["sub"] == claims["cid"] == SERVICE.client_id
        assert (claims["grant_type"], claims["authorities"]) == ("client_credentials", ["uaa.resource"])
        assert claims["az_attr"] == {"a": "b"}
        assert {"user_name", "email", "user_id"}.isdisjoint(claims)

    on_platform(scenario)


def test_the_bare_domain_takes_the_tenant_from_x_zid() -> None:
    async def scenario(platform: Platform) -> None:
        for zone, expected in ((GLOBEX.zone_id, GLOBEX.zone_id), (ACME.zone_id, ACME.zone_id), ("", ACME.zone_id)):
            answer = await platform.client.post(
                f"{platform.xsuaa.url}/oauth/token",
                data={"grant_type": "client_credentials"},
                auth=(APP.client_id, APP.secret),
                headers={"x-zid": zone} if zone else {},
            )
            assert claims_of(answer.json()["access_token"])["zid"] == expected
        refused = await platform.client.get(f"{platform.xsuaa.url}/token_keys", headers={"x-zid": "nowhere"})
        assert refused.status_code == 404

    on_platform(scenario)


def test_client_credentials_may_come_in_the_body_but_must_be_right() -> None:
    async def scenario(platform: Platform) -> None:
        url = f"{platform.xsuaa.tenant_url(ACME)}/oauth/token"
        form = {"grant_type": "client_credentials", "client_id": APP.client_id, "client_secret": APP.secret}
        assert (await platform.client.post(url, data=form)).status_code == 200
        for wrong in ({"client_secret": "guess"}, {"client_secret": ""}, {"client_id": "sb-nobody"}):
            answer = await platform.client.post(url, data={**form, **wrong})
            assert (answer.status_code, answer.json()) == (401, BAD_CREDENTIALS)
        del form["client_secret"]
        assert (await platform.client.post(url, data=form)).json() == BAD_CREDENTIALS
        broken = await platform.client.post(url, data=form, headers={"authorization": "Basic %%%"})
        assert broken.status_code == 401

    on_platform(scenario)


def test_encoded_basic_credentials_are_understood_only_when_announced() -> None:
    async def scenario(platform: Platform) -> None:
        url = f"{platform.xsuaa.tenant_url(ACME)}/oauth/token"
        encoded = base64.b64encode(f"{quote_plus(APP.client_id)}:{APP.secret}".encode()).decode()
        for announced, status in ((True, 200), (False, 401)):
            headers = {"authorization": f"Basic {encoded}"} | (
                {"X-CF-ENCODED-CREDENTIALS": "true"} if announced else {}
            )
            answer = await platform.client.post(url, data={"grant_type": "client_credentials"}, headers=headers)
            assert answer.status_code == status

    on_platform(scenario)


def test_a_client_of_another_tenant_is_unknown() -> None:
    async def scenario(platform: Platform) -> None:
        local = OAuthClient("sb-local", "secret", "local", "local-instance", frozenset({"acme"}))
        platform.xsuaa.add_client(local)
        form = {"grant_type": "client_credentials"}
        assert (await platform.token(form, as_client=local)).status_code == 200
        assert (await platform.token(form, as_client=local, tenant=GLOBEX)).json() == BAD_CREDENTIALS

    on_platform(scenario)


def test_malformed_token_requests_are_explained_as_oauth_does() -> None:
    async def scenario(platform: Platform) -> None:
        unknown = await platform.token({"grant_type": "implicit"})
        assert (unknown.status_code, unknown.json()["error"]) == (400, "unsupported_grant_type")
        missing = await platform.token({"grant_type": "refresh_token"})
        assert (missing.status_code, missing.json()["error"]) == (400, "invalid_request")
        scope = await platform.token({"grant_type": "client_credentials", "scope": "other.Scope"})
        assert (scope.status_code, scope.json()["error"]) == (400, "invalid_scope")
        repeated = await platform.client.post(
            f"{platform.xsuaa.url}/oauth/token",
            content=b"grant_type=password&grant_type=client_credentials",
            auth=(APP.client_id, APP.secret),
        )
        assert repeated.status_code == 400

    on_platform(scenario)


def test_keys_rotate_and_tokens_outlive_one_rotation() -> None:
    async def scenario(platform: Platform) -> None:
        verifier = TokenVerifier(platform.xsuaa.url)
        before = await platform.user_token("anna")
        assert await verifier.verify(before)
        platform.xsuaa.keys.rotate()
        after = await platform.user_token("anna")
        assert header_of(before)["kid"] != header_of(after)["kid"]
        assert (await verifier.verify(before))["user_name"] == (await verifier.verify(after))["user_name"]
        keys = (await platform.client.get(f"{platform.xsuaa.url}/token_keys?zid={ACME.zone_id}")).json()["keys"]
        assert [key["kid"] for key in keys] == ["default-jwt-key-2", "default-jwt-key-1"]
        assert set(keys[0]) == {"kid", "kty", "alg", "use", "n", "e", "value"}

    on_platform(scenario)


def test_user_info_tells_of_the_tokens_user_in_the_tokens_tenant() -> None:
    async def scenario(platform: Platform) -> None:
        async def ask(token: str, tenant: Tenant = ACME) -> httpx.Response:
            headers = {"authorization": f"Bearer {token}"}
            return await platform.client.get(f"{platform.xsuaa.tenant_url(tenant)}/userinfo", headers=headers)

        token = await platform.user_token("anna")
        told = (await ask(token)).json()
        assert (told["user_name"], told["user_id"]) == ("anna.arnold@acme.example", claims_of(token)["user_id"])
        assert "user_attributes" not in told
        platform.xsuaa.add_client(replace(APP, sees_attributes=True))
        assert (await ask(await platform.user_token("anna"))).json()["user_attributes"] == {"country": ["DE"]}
        technical = (await platform.token({"grant_type": "client_credentials"})).json()["access_token"]
        for refused, tenant in ((token, GLOBEX), (technical, ACME), ("junk", ACME)):
            assert (await ask(refused, tenant)).status_code == 401
        form = {"grant_type": "password", "username": "anna", "password": "Welcome1", "scope": "uaa.user"}
        without_openid = (await platform.token(form)).json()["access_token"]
        assert (await ask(without_openid)).status_code == 403

    on_platform(scenario)


def test_token_keys_of_an_unknown_zone_are_a_bad_request() -> None:
    async def scenario(platform: Platform) -> None:
        answer = await platform.client.get(f"{platform.xsuaa.url}/token_keys", params={"zid": "nowhere"})
        assert answer.status_code == 400

    on_platform(scenario)


def test_discovery_names_the_endpoints_of_the_tenant() -> None:
    async def scenario(platform: Platform) -> None:
        base = platform.xsuaa.tenant_url(GLOBEX)
        found = (await platform.client.get(f"{base}/.well-known/openid-configuration")).json()
        assert found["token_endpoint"] == f"{base}/oauth/token"
        assert found["mtls_endpoint_aliases"]["token_endpoint"].startswith("http://globex.cert.localhost:")

    on_platform(scenario)


def test_a_client_may_prove_itself_by_its_certificate_over_tls() -> None:
    async def run() -> None:
        async with platform(tls=True) as running:
            pair, other = (running.authority.client_pair(name) for name in ("app", "somebody else"))
            with_certificate = OAuthClient("sb-x509", "", "x509", "i", ALL_ZONES, certificate=pair.certificate)
            running.xsuaa.add_client(with_certificate)
            url = f"{running.xsuaa.certificate_url(ACME)}/oauth/token"
            assert url.startswith("https://acme.cert.localhost:")
            form = {"grant_type": "client_credentials", "client_id": "sb-x509"}
            for shown, status in ((pair, 200), (other, 401), (None, 401)):
                async with web(running.authority.client_context(shown)) as client:
                    assert (await client.post(url, data=form)).status_code == status
            answer = await WebClient(running.authority.client_context(pair)).post_form(url, form)
            assert answer.status == 200

    asyncio.run(run())


def test_a_certificate_of_another_authority_is_refused_in_the_handshake() -> None:
    async def run() -> None:
        async with platform(tls=True) as running:
            foreign = CertificateAuthority("Somebody else's CA").client_pair("app")
            context = running.authority.client_context(foreign)
            async with web(context) as client:
                with pytest.raises(httpx.TransportError):
                    await client.get(f"{running.xsuaa.url}/token_keys")

    asyncio.run(run())


def test_the_journal_says_who_got_which_token_and_holds_none() -> None:
    async def scenario(platform: Platform) -> None:
        token = await platform.user_token("anna")
        entry = platform.journal.entries()[-1]
        assert (entry.station, entry.kind, entry.principal) == ("xsuaa", "token", "anna.arnold@acme.example")
        assert (entry.detail["grant_type"], entry.detail["tenant"]) == ("password", "acme")
        assert token not in str(platform.journal.entries())
        assert APP.secret not in str(platform.journal.entries())

    on_platform(scenario)
