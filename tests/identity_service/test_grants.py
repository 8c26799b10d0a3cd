"""Token requests to the identity service, and its traps."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import replace
from pathlib import Path

import pytest

from app.errors import Failure, GatewayError
from app.identity_service.client_lock import PAUSE, ClientLock
from app.identity_service.grants import IdentityGrants
from app.principal import Tenant, UserPrincipal, UserToken
from app.tokens.grants import JWT_BEARER
from app.tokens.token_response import TokenRefused, TokenResponse
from app.transport.pool_key import ClientCertificate
from tests.identity_service.identity_server import APP_TID, CLIENT_ID, OWN, IdentityServer
from tests.identity_service.parts import Parts, use
from tests.tokens.certificates import Authority
from tests.tokens.token_server import serving

ALICE = UserToken(UserPrincipal(OWN, "issuer", "alice"), "a.b.c", frozenset(), 2**40)
REFUSED = {"error": "invalid_client", "error_description": "locked"}


def test_a_dependency_is_a_resource(server: IdentityServer) -> None:
    async def work(parts: Parts) -> list[str]:
        both = await asyncio.gather(*(parts.exchange.token(ALICE, "shop") for _ in range(5)))
        parts.exchange.forget(ALICE, "shop")
        return [*both, await parts.exchange.token(ALICE, "shop")]

    server.reply = {"access_token": "x.y.z"}
    assert use(server.credentials(), work) == ["x.y.z"] * 6
    forms = server.forms(JWT_BEARER)
    assert len(forms) == 2
    assert forms[0] == {
        "grant_type": JWT_BEARER,
        "assertion": "a.b.c",
        "resource": "urn:sap:identity:application:provider:name:shop",
        "client_id": CLIENT_ID,
        "token_format": "jwt",
        "app_tid": APP_TID,
    }


def test_attack_69_exchanged_tokens_are_nobody_elses(server: IdentityServer) -> None:
    bob = replace(ALICE, principal=replace(ALICE.principal, user_id="bob"))
    renewed = replace(ALICE, value="d.e.f")

    async def work(parts: Parts) -> None:
        for token in (ALICE, bob, renewed):
            for dependency in ("shop", "other"):
                await parts.exchange.token(token, dependency)

    server.reply = {"access_token": "x.y.z"}
    use(server.credentials(), work)
    assert len(server.forms(JWT_BEARER)) == 6


def test_a_weak_token_is_exchanged_without_a_resource(server: IdentityServer) -> None:
    server.reply = {"access_token": "x.y.z"}
    use(server.credentials(), lambda parts: parts.exchange.token(ALICE))
    assert "resource" not in server.forms(JWT_BEARER)[0]


def test_refused_credentials_are_not_tried_again_and_again(server: IdentityServer) -> None:
    """Five failures would lock the client for an hour."""

    async def work(parts: Parts) -> list[str]:
        errors = []
        for _ in range(10):
            with pytest.raises(TokenRefused) as caught:
                await parts.grants.refresh_token(APP_TID, "refresh-1")
            assert caught.value.failure is Failure.IDENTITY_REFUSED
            assert caught.value.is_about_us
            errors.append(caught.value.error)
        return errors

    server.refusal = (401, REFUSED, {})
    assert use(server.credentials(), work) == ["invalid_client"] * 10
    assert len(server.asked_for("/oauth2/token")) == 1


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


async def outcome(grants: IdentityGrants, tenant: str) -> str:
    """The error of a token request, empty when it is answered."""
    try:
        await grants.refresh_token(tenant, "refresh-1")
    except TokenRefused as refusal:
        return refusal.error
    return ""


def test_credentials_refused_for_one_tenant_serve_the_others(server: IdentityServer) -> None:
    async def work(parts: Parts) -> None:
        assert await outcome(parts.grants, "good") == ""
        for _ in range(5):
            server.refusal = (401, REFUSED, {})
            assert await outcome(parts.grants, "bad") == "invalid_client"
            server.refusal = None
            assert await outcome(parts.grants, "good") == ""

    use(server.credentials(), work)
    assert [asked.form["app_tid"] for asked in server.asked_for("/oauth2/token")].count("bad") == 1


def test_credentials_refused_for_several_tenants_are_shown_less_often_than_would_lock_them(
    server: IdentityServer,
) -> None:
    async def work(parts: Parts) -> None:
        clock = Clock()
        grants = IdentityGrants(parts.clients, server.credentials(), parts.discovery, clock)
        server.refusal = (401, REFUSED, {})
        for minute in range(59):
            assert await outcome(grants, f"tenant-{minute}") == "invalid_client"
            assert await outcome(grants, f"tenant-{minute % 7}") == "invalid_client"
            clock.now += 60
        assert len(server.asked_for("/oauth2/token")) == 4
        server.refusal = None
        clock.now += PAUSE
        assert [await outcome(grants, f"tenant-{number}") for number in range(3)] == [""] * 3

    use(server.credentials(), work)


def test_one_broken_tenant_stops_nobody_else_however_long_it_is_alone(server: IdentityServer) -> None:
    async def work(parts: Parts) -> None:
        clock = Clock()
        grants = IdentityGrants(parts.clients, server.credentials(), parts.discovery, clock)
        for _ in range(5):
            server.refusal = (401, REFUSED, {})
            assert await outcome(grants, "bad") == "invalid_client"
            clock.now += PAUSE
        assert await outcome(grants, "bad") == "invalid_client"
        server.refusal = None
        assert await outcome(grants, "good") == ""

    use(server.credentials(), work)


def test_a_refusal_of_the_users_shows_that_our_credentials_are_good(server: IdentityServer) -> None:
    async def work(parts: Parts) -> None:
        for tenant, error in (("bad", "invalid_client"), ("good", "invalid_grant"), ("worse", "invalid_client")):
            server.refusal = (400, {"error": error}, {})
            assert await outcome(parts.grants, tenant) == error
        server.refusal = None
        assert await outcome(parts.grants, "good") == ""

    use(server.credentials(), work)


@pytest.mark.parametrize("tenants", [1, 30])
def test_wrong_credentials_are_shown_by_one_at_a_time(server: IdentityServer, tenants: int) -> None:
    """At the start, and at the end of a pause of all, however many wait for it."""

    async def burst(grants: IdentityGrants) -> int:
        before = len(server.asked_for("/oauth2/token"))
        names = [f"tenant-{number % tenants}" for number in range(30)]
        assert set(await asyncio.gather(*(outcome(grants, name) for name in names))) == {"invalid_client"}
        return len(server.asked_for("/oauth2/token")) - before

    async def work(parts: Parts) -> None:
        clock = Clock()
        grants = IdentityGrants(parts.clients, server.credentials(), parts.discovery, clock)
        server.refusal = (401, REFUSED, {})
        assert await burst(grants) == min(tenants, 2)
        clock.now += PAUSE
        assert await burst(grants) == 1

    server.delay = 0.02
    use(server.credentials(), work)


def test_good_credentials_are_shown_by_many_at_a_time() -> None:
    async def test() -> None:
        lock, together, response = ClientLock(), asyncio.Barrier(5), TokenResponse("token", 60)

        async def first() -> TokenResponse:
            return response

        async def others() -> TokenResponse:
            await together.wait()  # until all are under way
            return response

        await lock.ask(Tenant("0", "first"), first)
        await asyncio.gather(*(lock.ask(Tenant(str(number), "other"), others) for number in range(5)))

    asyncio.run(asyncio.wait_for(test(), 20))


def test_who_waits_for_a_service_that_is_away_waits_once(server: IdentityServer) -> None:
    async def failure(parts: Parts) -> Failure:
        with pytest.raises(GatewayError) as caught:
            await parts.grants.refresh_token(APP_TID, "refresh-1")
        return caught.value.failure

    async def work(parts: Parts) -> None:
        assert set(await asyncio.gather(*(failure(parts) for _ in range(10)))) == {Failure.IDENTITY_UNAVAILABLE}
        assert len(server.asked_for("/oauth2/token")) == 1
        server.refusal = None
        assert await outcome(parts.grants, "tenant") == ""

    server.refusal, server.delay = (500, {}, {}), 0.05
    use(server.credentials(), work)


def test_a_login_that_is_broken_off_does_not_hold_up_the_next(server: IdentityServer) -> None:
    async def work(parts: Parts) -> None:
        first = asyncio.create_task(outcome(parts.grants, "first"))
        second = asyncio.create_task(outcome(parts.grants, "second"))
        await asyncio.sleep(server.delay / 2)
        first.cancel()
        assert await second == ""

    server.delay = 0.2
    use(server.credentials(), work)


def test_a_new_certificate_is_tried_at_once(server: IdentityServer) -> None:
    authority = Authority()
    old, new = authority.issue("client"), authority.issue("client")
    binding = server.credentials(clientsecret=None, certificate=old.certificate, key=old.key)

    async def work(parts: Parts) -> None:
        server.refusal = (401, REFUSED, {})
        for tenant in ("a", "b", "c"):
            assert await outcome(parts.grants, tenant) == "invalid_client"
        server.refusal = None
        assert await outcome(parts.grants, "c") == "invalid_client"
        pairs = [ClientCertificate(each.certificate, each.key) for each in (old, new)]
        parts.clients.replace(*pairs)
        assert [await outcome(parts.grants, tenant) for tenant in ("a", "b", "c")] == [""] * 3

    use(binding, work)


def test_a_refusal_of_the_users_is_no_reason_to_pause(server: IdentityServer) -> None:
    async def work(parts: Parts) -> None:
        server.refusal = (400, {"error": "invalid_grant"}, {})
        with pytest.raises(TokenRefused) as caught:
            await parts.grants.refresh_token(APP_TID, "refresh-1")
        assert not caught.value.is_about_us
        server.refusal = None
        assert (await parts.grants.refresh_token(APP_TID, "refresh-2")).refresh_token == "refresh-2"

    use(server.credentials(), work)


def test_what_is_good_for_one_use_is_not_sent_twice(server: IdentityServer) -> None:
    async def work(parts: Parts) -> None:
        server.refusal = (500, {}, {})
        with pytest.raises(GatewayError) as caught:
            await parts.grants.authorization_code(APP_TID, "code", "https://app.example/cb")
        assert caught.value.failure is Failure.IDENTITY_UNAVAILABLE

    use(server.credentials(), work)
    assert len(server.forms("authorization_code")) == 1


def test_x509_clients_show_their_certificate_and_no_secret(tmp_path: Path) -> None:
    authority = Authority()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.issue("acme.localhost").write(tmp_path, "server"))
    context.load_verify_locations(cadata=authority.pem)
    context.verify_mode = ssl.CERT_OPTIONAL
    trusted = tmp_path / "authority.pem"
    trusted.write_text(authority.pem)
    pair = authority.issue("client")

    async def work(parts: Parts) -> str:
        return (await parts.grants.refresh_token(APP_TID, "refresh-1")).refresh_token

    with serving(IdentityServer(), context) as server:
        binding = server.credentials(clientsecret=None, certificate=pair.certificate, key=pair.key)
        assert use(binding, work, ca_files=(str(trusted),)) == "refresh-2"
        [asked] = server.asked_for("/oauth2/token")
    assert asked.peer_certificate
    assert "authorization" not in asked.headers
    assert asked.form["client_id"] == CLIENT_ID
