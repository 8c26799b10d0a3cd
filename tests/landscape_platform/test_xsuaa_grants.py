"""XSUAA's grants for users: who gets a token of whom, and who does not."""

from __future__ import annotations

import base64

import httpx
import pytest

from app.landscape.faults import Fault
from app.landscape.keys import SigningKey
from app.landscape.saml import Assertion, sign_assertion
from app.landscape.tokens import TokenRefused, TokenVerifier
from app.landscape.users import ACME, GLOBEX
from app.landscape.xsuaa_client import OAuthClient
from app.landscape.xsuaa_grants import JWT_BEARER, SAML2_BEARER, entity_id
from tests.landscape_platform.support import (
    ALL_ZONES,
    SERVICE,
    Platform,
    claims_of,
    on_platform,
    query_of,
)

BAD_CREDENTIALS = {"error": "unauthorized", "error_description": "Bad credentials"}


def test_the_password_grant_wants_the_password() -> None:
    async def scenario(platform: Platform) -> None:
        form = {"grant_type": "password", "username": "anna", "password": "guess"}
        assert (await platform.token(form)).json() == BAD_CREDENTIALS
        assert (await platform.token({**form, "username": "nobody", "password": "Welcome1"})).status_code == 401

    on_platform(scenario)


def test_a_refresh_token_gives_new_tokens_to_its_own_client_and_tenant() -> None:
    async def scenario(platform: Platform) -> None:
        first = (await platform.redeem(query_of(await platform.log_in("anna"))["code"])).json()
        form = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
        second = (await platform.token(form)).json()
        assert second["jti"] != first["jti"]
        assert claims_of(second["access_token"])["grant_type"] == "refresh_token"
        for answer in (await platform.token(form, as_client=SERVICE), await platform.token(form, tenant=GLOBEX)):
            assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")

    on_platform(scenario)


def test_an_expired_refresh_token_is_refused() -> None:
    async def scenario(platform: Platform) -> None:
        short = OAuthClient("sb-short", "secret", "short", "i", ALL_ZONES, refresh_validity=0)
        platform.xsuaa.add_client(short)
        form = {"grant_type": "password", "username": "anna", "password": "Welcome1"}
        token = (await platform.token(form, as_client=short)).json()["refresh_token"]
        answer = await platform.token({"grant_type": "refresh_token", "refresh_token": token}, as_client=short)
        assert answer.status_code == 401

    on_platform(scenario)


def test_an_exchange_keeps_the_user_and_changes_the_client() -> None:
    async def scenario(platform: Platform) -> None:
        form = {"grant_type": JWT_BEARER, "assertion": await platform.user_token("bob")}
        claims = claims_of((await platform.token(form, as_client=SERVICE)).json()["access_token"])
        assert (claims["user_name"], claims["cid"]) == ("bob.berger@acme.example", SERVICE.client_id)
        assert claims["grant_type"] == JWT_BEARER

    on_platform(scenario)


def test_an_exchange_needs_scope_uaa_user_the_same_tenant_and_a_genuine_token() -> None:
    async def scenario(platform: Platform) -> None:
        without_role = {"grant_type": JWT_BEARER, "assertion": await platform.user_token("carla")}
        refused = await platform.token(without_role, as_client=SERVICE)
        assert (refused.status_code, refused.json()["error"]) == (403, "insufficient_scope")
        foreign = {"grant_type": JWT_BEARER, "assertion": await platform.user_token("anna", GLOBEX)}
        assert (await platform.token(foreign, as_client=SERVICE)).status_code == 401
        technical = (await platform.token({"grant_type": "client_credentials"})).json()["access_token"]
        for assertion in (technical, "a.b.c", (await platform.user_token("anna"))[:-6] + "AAAAAA"):
            answer = await platform.token({"grant_type": JWT_BEARER, "assertion": assertion}, as_client=SERVICE)
            assert answer.status_code == 401

    on_platform(scenario)


def test_the_legacy_user_token_grant_gives_a_refresh_token_for_the_target_client() -> None:
    async def scenario(platform: Platform) -> None:
        answer = await platform.client.post(
            f"{platform.xsuaa.tenant_url(ACME)}/oauth/token",
            data={"grant_type": "user_token", "client_id": SERVICE.client_id},
            headers={"authorization": f"Bearer {await platform.user_token('anna')}"},
        )
        assert "access_token" not in answer.json()
        form = {"grant_type": "refresh_token", "refresh_token": answer.json()["refresh_token"]}
        assert (await platform.token(form)).status_code == 401
        claims = claims_of((await platform.token(form, as_client=SERVICE)).json()["access_token"])
        assert claims["user_name"] == "anna.arnold@acme.example"

    on_platform(scenario)


def test_a_saml_assertion_of_a_trusted_issuer_becomes_the_users_token() -> None:
    async def scenario(platform: Platform) -> None:
        key = SigningKey("issuer")
        platform.xsuaa.grants.trust("issuer", key.private.public_key())
        good = Assertion("issuer", "bob.berger@acme.example", entity_id(ACME), "https://somewhere/oauth/token")

        async def redeem(xml: bytes) -> httpx.Response:
            assertion = base64.urlsafe_b64encode(xml).rstrip(b"=").decode()
            return await platform.token({"grant_type": SAML2_BEARER, "assertion": assertion}, as_client=SERVICE)

        signed = sign_assertion(good, key.private)
        claims = claims_of((await redeem(signed)).json()["access_token"])
        assert (claims["user_name"], claims["origin"]) == ("bob.berger@acme.example", "issuer")
        elsewhere = Assertion("issuer", good.subject, entity_id(GLOBEX), good.recipient)
        untrusted = Assertion("other", good.subject, good.audience, good.recipient)
        for bad in (
            signed.replace(b"bob.berger", b"anna.arnold"),
            sign_assertion(elsewhere, key.private),
            sign_assertion(untrusted, key.private),
            sign_assertion(good, SigningKey("attacker").private),
            b"<!DOCTYPE a [<!ENTITY b 'c'>]><a/>",
            b"no xml",
        ):
            answer = await redeem(bad)
            assert (answer.status_code, answer.json()["error"]) == (401, "invalid_grant")

    on_platform(scenario)


def test_a_revoked_user_gets_nothing_more() -> None:
    async def scenario(platform: Platform) -> None:
        token = await platform.user_token("anna")
        code = query_of(await platform.log_in("anna"))["code"]
        refresh = (await platform.token({"grant_type": JWT_BEARER, "assertion": token})).json()["refresh_token"]
        platform.faults.switch_on(Fault.REVOKED_USER, "anna.arnold@acme.example")
        for answer in (
            await platform.redeem(code),
            await platform.token({"grant_type": "refresh_token", "refresh_token": refresh}),
            await platform.token({"grant_type": JWT_BEARER, "assertion": token}),
        ):
            assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")

    on_platform(scenario)


def test_the_expired_token_fault_issues_tokens_nobody_accepts() -> None:
    async def scenario(platform: Platform) -> None:
        verifier = TokenVerifier(platform.xsuaa.url)
        platform.faults.switch_on(Fault.EXPIRED_TOKEN, "acme")
        with pytest.raises(TokenRefused, match="expired"):
            await verifier.verify(await platform.user_token("anna"))
        assert await verifier.verify(await platform.user_token("gina", GLOBEX))

    on_platform(scenario)
