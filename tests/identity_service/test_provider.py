"""Login with the identity service: what a browser is sent with, what is exchanged, what is made of it."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from app.errors import Failure, GatewayError
from app.principal import Tenant, UserCaller, UserPrincipal
from app.tokens.identity_provider import Login, LoginRequest, ReportAddress
from app.tokens.token_response import TokenRefused
from tests.identity_service.identity_server import APP_TID, CLIENT_ID, OTHER_TID, OWN, IdentityServer
from tests.identity_service.parts import Parts, use

LOGIN = LoginRequest(OWN, "https://app.example/login/callback?authType=ias", "verifier", "nonce-1", "corporate")
PAGE = "https://app.example/logged-out.html"


def query_of(address: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


def authorize(server: IdentityServer, login: LoginRequest = LOGIN, **binding: Any) -> dict[str, str]:
    async def work(parts: Parts) -> str:
        return await parts.provider.authorize_url(login, "state-1")

    address = use(server.credentials(**binding), work)
    assert address.startswith(f"{server.url}/oauth2/authorize?")
    return query_of(address)


def redeem(server: IdentityServer, **binding: Any) -> Login:
    server.overrides.setdefault("nonce", "nonce-1")
    return use(server.credentials(**binding), lambda parts: parts.provider.redeem(LOGIN, "code-1"))


def test_the_authorize_request(server: IdentityServer) -> None:
    query = authorize(server)
    assert len(query.pop("code_challenge")) == 43
    assert query == {
        "response_type": "code",
        "client_id": CLIENT_ID,
        "redirect_uri": "https://app.example/login/callback?authType=ias",
        "scope": "openid email profile groups offline_access",
        "state": "state-1",
        "nonce": "nonce-1",
        "code_challenge_method": "S256",
        "idp": "corporate",
        "app_tid": APP_TID,
    }


def test_only_known_scopes_are_asked_for(server: IdentityServer) -> None:
    server.metadata["scopes_supported"] = ["openid", "groups"]
    assert authorize(server)["scope"] == "openid groups"


def test_an_application_with_one_tenant_names_none(server: IdentityServer) -> None:
    assert "app_tid" not in authorize(server, app_tid=None)


def test_the_code_is_redeemed_for_the_id_token(server: IdentityServer) -> None:
    login = redeem(server)
    assert login.caller.ias_token is login.caller.token
    assert login.caller.principal == UserPrincipal(OWN, server.issuer, "alice-sub")
    assert login.refresh_token == "refresh-2"
    assert len(login.names) == 2
    [form] = server.forms("authorization_code")
    assert form == {
        "grant_type": "authorization_code",
        "code": "code-1",
        "redirect_uri": LOGIN.redirect_uri,
        "code_verifier": "verifier",
        "client_id": CLIENT_ID,
        "token_format": "jwt",
        "app_tid": APP_TID,
    }


def test_without_an_id_token_the_access_token_serves_unless_it_is_opaque(server: IdentityServer) -> None:
    server.reply = {"id_token": None, "access_token": server.token(nonce="nonce-1")}
    assert redeem(server).caller.token.value == server.reply["access_token"]
    server.reply = {"id_token": None}
    with pytest.raises(TokenRefused) as caught:
        redeem(server)
    assert (caught.value.error, caught.value.failure) == ("opaque_token", Failure.IDENTITY_REFUSED)


def test_backends_see_the_access_token_beside_the_id_token(server: IdentityServer) -> None:
    value = server.token(exp=int(time.time()) + 900)
    server.reply = {"access_token": value}
    caller = redeem(server).caller
    assert caller.forwarded.value == value
    assert caller.ias_token is caller.token
    assert caller.token.value != value
    assert caller.expires_at == caller.forwarded.expires_at < caller.token.expires_at


def test_id_tokens_may_name_the_user_in_another_way(server: IdentityServer) -> None:
    server.overrides["user_uuid"] = "alice-uuid"
    server.reply = {"access_token": server.token(sub="another name", user_uuid="alice-uuid")}
    assert redeem(server).caller.forwarded.value == server.reply["access_token"]


BAD_ACCESS_TOKENS: list[dict[str, Any]] = [
    {"aud": "another-client"},
    {"iss": "https://evil.example"},
    {"app_tid": OTHER_TID},
    {"sub": "bob-sub", "user_uuid": "bob-uuid"},
    {"sub": "bob-sub"},
    {"sap_id_type": "app"},
    {"exp": 1},
    {"events": {}},
]


@pytest.mark.parametrize("claims", BAD_ACCESS_TOKENS, ids=[",".join(each) for each in BAD_ACCESS_TOKENS])
def test_what_is_no_access_token_of_this_user_for_us_is_shown_to_nobody(
    server: IdentityServer, claims: dict[str, Any]
) -> None:
    server.overrides["user_uuid"] = "alice-uuid"
    server.reply = {"access_token": server.token(**claims)}
    caller = redeem(server).caller
    assert caller.access_token is None
    assert caller.forwarded is caller.ias_token


def test_an_access_token_signed_by_somebody_else_is_shown_to_nobody(server: IdentityServer) -> None:
    header, payload, signature = server.token().split(".")
    server.reply = {"access_token": f"{header}.{payload}.{signature[::-1]}"}
    assert redeem(server).caller.access_token is None


def test_without_an_access_token_to_be_shown_the_id_token_is(server: IdentityServer) -> None:
    """An opaque one is shown to nobody."""
    assert redeem(server).caller.access_token is None
    server.reply = {"id_token": None, "access_token": server.token(nonce="nonce-1")}
    caller = redeem(server).caller
    assert caller.access_token is None
    assert caller.forwarded.value == server.reply["access_token"]


def test_the_service_is_told_where_to_report_the_end_of_the_login(server: IdentityServer) -> None:
    server.overrides["nonce"] = "nonce-1"

    def asked(reports: ReportAddress | None) -> dict[str, str]:
        login = replace(LOGIN, reports=reports)
        use(server.credentials(), lambda parts: parts.provider.redeem(login, "code-1"))
        return query_of(server.asked_for("/oauth2/token")[-1].path)

    address = "https://app.example/bye?a=b"
    assert asked(ReportAddress(address, "__VCAP_ID__=a;JSESSIONID=login")) == {
        "s3bcl_header_name": "cookie",
        "s3bcl_header_value": "__VCAP_ID__=a;JSESSIONID=login",
        "s3bcl_logout_uri": address,
    }
    assert asked(ReportAddress(address, "")) == {"s3bcl_logout_uri": address}
    assert asked(None) == {}


def test_a_token_of_another_login_is_refused(server: IdentityServer) -> None:
    server.overrides["nonce"] = "another"
    with pytest.raises(GatewayError) as caught:
        redeem(server)
    assert caught.value.failure is Failure.TOKEN_REFUSED


def test_tokens_are_renewed_in_the_users_tenant(server: IdentityServer) -> None:
    async def work(parts: Parts) -> Login:
        server.overrides["nonce"] = "nonce-1"
        login = await parts.provider.redeem(LOGIN, "code-1")
        server.overrides.pop("nonce")
        return await parts.provider.renew(login.caller, login.refresh_token)

    server.reply = {"access_token": server.token()}
    renewed = use(server.credentials(), work)
    assert renewed.caller.principal.user_id == "alice-sub"
    assert renewed.caller.forwarded.value == server.reply["access_token"]
    assert query_of(server.asked_for("/oauth2/token")[-1].path) == {}
    [form] = server.forms("refresh_token")
    assert (form["refresh_token"], form["token_format"], form["app_tid"]) == ("refresh-2", "jwt", APP_TID)


def logout_url(server: IdentityServer, page: str, caller: UserCaller | None, token_hint: bool = False) -> str:
    async def work(parts: Parts) -> str:
        return await parts.provider.logout_url(OWN, page, caller)

    return use(server.credentials(), work, token_hint)


def test_the_logout_names_the_tenant_and_where_to_return(server: IdentityServer) -> None:
    caller = redeem(server).caller
    address = logout_url(server, PAGE, caller)
    assert address.startswith(f"{server.url}/oauth2/logout?")
    expected = {"client_id": CLIENT_ID, "post_logout_redirect_uri": PAGE, "app_tid": APP_TID}
    assert query_of(address) == expected
    assert query_of(logout_url(server, PAGE, None)) == expected
    assert "post_logout_redirect_uri" not in query_of(logout_url(server, "", caller))


def test_the_logout_shows_the_token_where_that_is_wanted(server: IdentityServer) -> None:
    caller = redeem(server).caller
    query = query_of(logout_url(server, PAGE, caller, token_hint=True))
    assert query["id_token_hint"] == caller.token.value
    assert "app_tid" not in query
    assert "id_token_hint" not in query_of(logout_url(server, PAGE, None, token_hint=True))


def test_ready_means_that_keys_could_be_had(server: IdentityServer) -> None:
    assert use(server.credentials(), lambda parts: parts.provider.prime())
    server.script.extend([(503, {}, {})] * 2)
    assert not use(server.credentials(), lambda parts: parts.provider.prime())


def test_a_tenant_nobody_knows_the_id_of_is_not_named(server: IdentityServer) -> None:
    """Without an XSUAA to ask; a token of that login would not be accepted at the tenant's address."""
    assert "app_tid" not in authorize(server, LoginRequest(Tenant("", "globex"), "https://globex.app.example/cb"))
