"""Tokens of the identity service: what is accepted, what is refused, and which keys decide."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from joserfc import jwt

from app.errors import Failure, GatewayError
from app.principal import ServiceToken, Tenant, UserPrincipal, UserToken
from app.tokens.verifier import VerifiedToken
from tests.identity_service.identity_server import APP_TID, CLIENT_ID, KID, OTHER_TID, OWN, IdentityServer
from tests.identity_service.parts import Parts, use
from tests.tokens.token_server import FOREIGN_KEY

NOW = int(time.time())


def verify(server: IdentityServer, *tokens: str, **binding: Any) -> list[VerifiedToken | Failure]:
    """Verdicts of one verifier on tokens in turn."""

    async def work(parts: Parts) -> list[VerifiedToken | Failure]:
        verdicts: list[VerifiedToken | Failure] = []
        for token in tokens:
            try:
                verdicts.append(await parts.verifier.verify(token))
            except GatewayError as error:
                verdicts.append(error.failure)
        return verdicts

    return use(server.credentials(**binding), work)


def test_a_users_token(server: IdentityServer) -> None:
    [token] = verify(server, server.token())
    assert isinstance(token, UserToken)
    assert token.principal == UserPrincipal(OWN, server.issuer, "alice-sub")
    assert token.scopes == frozenset()


@pytest.mark.parametrize("overrides", [{"sap_id_type": "app"}, {"sap_id_type": None, "sub": CLIENT_ID}])
def test_an_applications_token(server: IdentityServer, overrides: dict[str, Any]) -> None:
    [token] = verify(server, server.token(**overrides))
    assert isinstance(token, ServiceToken)
    assert token.principal.client_id == CLIENT_ID


def test_a_subscribers_token_belongs_to_the_subscriber(server: IdentityServer) -> None:
    [token] = verify(server, server.token(app_tid="subscriber-1"))
    assert isinstance(token, UserToken)
    assert token.principal.tenant == Tenant("subscriber-1", "")


@pytest.mark.parametrize("older", [{"app_tid": None, "zone_uuid": APP_TID}, {"aud": ["other", CLIENT_ID]}])
def test_forms_in_use(server: IdentityServer, older: dict[str, Any]) -> None:
    assert isinstance(verify(server, server.token(**older))[0], UserToken)


@pytest.mark.parametrize(
    "overrides",
    [
        {"aud": "other"},
        {"aud": None},
        {"aud": {"odd": 1}},
        {"iss": "https://evil.example"},
        {"iss": "https://evil.example", "ias_iss": "https://evil.example"},
        {"exp": NOW - 61},
        {"exp": None},
        {"exp": "soon"},
        {"iat": NOW + 600},
        {"nbf": NOW + 600},
        {"sub": None},
        {"sub": 7},
        {"app_tid": "a/../b"},
        {"azp": "x\r\ny"},
        {"events": {}},
    ],
)
def test_attack_55_what_is_not_for_us_is_refused_without_asking_anybody(
    server: IdentityServer, overrides: dict[str, Any]
) -> None:
    assert verify(server, server.token(**overrides)) == [Failure.TOKEN_REFUSED]
    assert server.asked_for("/oauth2/certs") == []


def test_attack_55_forged_tokens_are_refused(server: IdentityServer) -> None:
    claims = server.claims()
    foreign = jwt.encode({"alg": "RS256", "kid": KID}, claims, FOREIGN_KEY, algorithms=["RS256"])
    unknown = jwt.encode({"alg": "RS256", "kid": "other"}, claims, FOREIGN_KEY, algorithms=["RS256"])
    tampered = server.token()[:-8] + "AAAAAAAA"
    assert verify(server, foreign, unknown, tampered, "a.b.c", "") == [Failure.TOKEN_REFUSED] * 5


def test_keys_are_asked_for_as_this_client_for_this_tenant(server: IdentityServer) -> None:
    verify(server, server.token(), server.token(azp="other-client"), server.token(app_tid="subscriber-1"))
    headers = [asked.headers for asked in server.asked_for("/oauth2/certs")]
    shown = [tuple(found[name] for name in ("x-client_id", "x-app_tid", "x-azp")) for found in headers]
    assert shown == [
        (CLIENT_ID, APP_TID, CLIENT_ID),
        (CLIENT_ID, APP_TID, "other-client"),
        (CLIENT_ID, "subscriber-1", CLIENT_ID),
    ]


def test_keys_for_one_pair_are_no_keys_for_another(server: IdentityServer) -> None:
    """The service refuses keys for what does not belong together; keys of another pair do not help."""
    good, bad = server.token(), server.token(app_tid=OTHER_TID)
    verdicts = verify(server, good, bad, good)
    assert isinstance(verdicts[0], UserToken)
    assert verdicts[1] is Failure.TOKEN_REFUSED
    assert isinstance(verdicts[2], UserToken)
    assert len(server.asked_for("/oauth2/certs")) == 2


def test_metadata_are_asked_for_with_the_client(server: IdentityServer) -> None:
    """Plain metadata may name an issuer that is no address."""
    verify(server, server.token(), server.token())
    [asked] = server.asked_for("/.well-known/openid-configuration")
    assert asked.path.endswith(f"?client_id={CLIENT_ID}")


@pytest.mark.parametrize("metadata", [{"jwks_uri": None}, {"token_endpoint": "ftp://x"}, {"jwks_uri": 7}])
def test_without_usable_metadata_the_documented_addresses_serve(
    server: IdentityServer, metadata: dict[str, Any]
) -> None:
    server.metadata = metadata
    assert isinstance(verify(server, server.token())[0], UserToken)


def test_a_service_that_is_down_is_not_a_bad_token(server: IdentityServer) -> None:
    token = server.token()
    server.script.extend([(503, {}, {})] * 2)
    assert verify(server, token) == [Failure.IDENTITY_UNAVAILABLE]


def test_a_token_without_tenant_is_our_own_tenants_at_our_own_issuer_only(server: IdentityServer) -> None:
    [token] = verify(server, server.token(app_tid=None))
    assert isinstance(token, UserToken)
    assert token.principal.tenant == OWN
    behind_a_custom_domain = server.token(app_tid=None, iss="https://login.customer.example", ias_iss=server.issuer)
    assert verify(server, behind_a_custom_domain) == [Failure.TOKEN_REFUSED]


def test_another_tenant_of_the_service_cannot_pass_its_users_off_as_ours(server: IdentityServer) -> None:
    """Its keys verify the token, so that `iss` is whatever it says."""
    foreign = f"http://other.localhost:{server.url.rpartition(':')[2]}"
    posing = server.token(app_tid=None, ias_iss=foreign)
    assert verify(server, posing, domains=["localhost"]) == [Failure.TOKEN_REFUSED]
    assert server.asked_for("/oauth2/certs") == []


def test_the_case_of_our_own_issuer_does_not_matter(server: IdentityServer) -> None:
    port = server.url.rpartition(":")[2]
    token = server.token(app_tid=None, iss=f"http://LocalHost:{port}", ias_iss=f"http://localHost:{port}/")
    [verified] = verify(server, token, url=f"http://LOCALHOST:{port}")
    assert isinstance(verified, UserToken)
    assert verified.principal.tenant == OWN


def test_forged_tenants_and_clients_cause_no_storm_and_hinder_no_login(server: IdentityServer) -> None:
    async def work(parts: Parts) -> None:
        for number in range(25):
            with pytest.raises(GatewayError) as caught:
                await parts.verifier.verify_again(tampered(server, app_tid=f"tenant-{number}", azp=f"client-{number}"))
        assert caught.value.failure is Failure.TOO_MANY_UNKNOWN
        assert len(server.asked_for("/oauth2/certs")) == 20
        await parts.verifier.verify_login(server.token(app_tid="subscriber-1"))
        await parts.verifier.verify_user(server.token(app_tid="subscriber-2"))

    use(server.credentials(), work)


def test_forged_issuers_are_not_all_asked_for_their_metadata(server: IdentityServer) -> None:
    """Any label below the service's domains could be an issuer."""
    port = server.url.rpartition(":")[2]

    async def work(parts: Parts) -> None:
        for number in range(25):
            with pytest.raises(GatewayError) as caught:
                await parts.verifier.verify_again(tampered(server, iss=f"http://made-up-{number}.localhost:{port}"))
        assert caught.value.failure is Failure.TOO_MANY_UNKNOWN
        assert len(server.asked_for("/.well-known/openid-configuration")) == 20
        await parts.verifier.verify_login(server.token(iss=f"http://customer.localhost:{port}"))

    use(server.credentials(domains=["localhost"]), work)


def test_many_calls_with_a_new_issuer_are_one_request_and_count_as_one(server: IdentityServer) -> None:
    issuer = server.url.replace("127.0.0.1", "customer.localhost")

    async def work(parts: Parts) -> None:
        token = server.token(iss=issuer)
        await asyncio.gather(*(parts.verifier.verify_again(token) for _ in range(30)))
        assert len(server.asked_for("/.well-known/openid-configuration")) == 1
        assert len(server.asked_for("/oauth2/certs")) == 1

    use(server.credentials(domains=["localhost"]), work)


def tampered(server: IdentityServer, **overrides: Any) -> str:
    return server.token(**overrides)[:-8] + "AAAAAAAA"


def test_a_login_has_the_nonce_it_began_with(server: IdentityServer) -> None:
    async def work(parts: Parts) -> None:
        login = await parts.verifier.verify_login(server.token(nonce="n-1"), "n-1")
        assert len(login.names) == 2
        for token in (server.token(nonce="n-2"), server.token()):
            with pytest.raises(GatewayError) as caught:
                await parts.verifier.verify_login(token, "n-1")
            assert caught.value.failure is Failure.TOKEN_REFUSED
        with pytest.raises(GatewayError):
            await parts.verifier.verify_login(server.token(sap_id_type="app"))

    use(server.credentials(), work)
