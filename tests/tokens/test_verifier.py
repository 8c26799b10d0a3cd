from __future__ import annotations

import asyncio
import hmac
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from joserfc.jwk import RSAKey

from app.bindings.credentials import XsuaaCredentials
from app.clients import PlatformClients
from app.errors import Failure, GatewayError
from app.principal import ServicePrincipal, ServiceToken, Tenant, UserPrincipal, UserToken
from app.tokens.endpoints import zone_keys
from app.tokens.jwks import KeyStore
from app.tokens.verifier import VerifiedToken, Verifier
from tests.tokens.token_server import (
    CLIENT_ID,
    FOREIGN_KEY,
    KEY,
    KID,
    OTHER_ZONE,
    XSAPPNAME,
    ZONE,
    TokenServer,
    claims,
    key_set,
    make_token,
    token_server,
)


@pytest.fixture
def server() -> Iterator[TokenServer]:
    with token_server() as running:
        yield running


def verify(binding: XsuaaCredentials, *tokens: str) -> list[VerifiedToken | Failure]:
    """Verdicts of one verifier on tokens in turn."""

    async def run() -> list[VerifiedToken | Failure]:
        clients = PlatformClients(timeout=2)
        verifier = Verifier(binding, KeyStore(clients, binding.verificationkey))
        verdicts: list[VerifiedToken | Failure] = []
        for token in tokens:
            try:
                verdicts.append(await verifier.verify_again(token))
            except GatewayError as error:
                verdicts.append(error.failure)
        await clients.aclose()
        return verdicts

    return asyncio.run(run())


def token_for(server: TokenServer, key: RSAKey = KEY, header: dict[str, Any] | None = None, **overrides: Any) -> str:
    overrides.setdefault("iss", f"{server.url}/oauth/token")
    return make_token(key, header, **overrides)


def test_a_good_user_token_tells_who_the_user_is(server: TokenServer) -> None:
    (token,) = verify(server.binding(), token_for(server))
    assert isinstance(token, UserToken)
    assert token.principal == UserPrincipal(Tenant(ZONE, "acme"), "sap.default", "alice-id")
    assert token.scopes == {f"{XSAPPNAME}.Read", "openid"}
    assert server.key_requests()[0].path == f"/token_keys?zid={ZONE}"


def test_a_technical_token_has_no_user(server: TokenServer) -> None:
    (token,) = verify(server.binding(), token_for(server, grant_type="client_credentials", user_id=None))
    assert isinstance(token, ServiceToken)
    assert token.principal == ServicePrincipal(Tenant(ZONE, "acme"), CLIENT_ID)


def test_a_good_token_is_remembered_and_keys_are_fetched_once(server: TokenServer) -> None:
    token = token_for(server)
    first, second, other = verify(server.binding(), token, token, token_for(server))
    assert first is second
    assert isinstance(other, UserToken)
    assert len(server.key_requests()) == 1


UNNAMED = {"identityzone": "", "identityzoneid": ""}


def test_an_application_whose_binding_names_no_tenant_has_that_of_its_first_valid_token(server: TokenServer) -> None:
    forged = token_for(server, FOREIGN_KEY, zid=OTHER_ZONE)
    own, foreign = token_for(server), token_for(server, zid=OTHER_ZONE)
    _, first, second, third = verify(server.binding(**UNNAMED), forged, own, foreign, token_for(server, user_id="bob"))
    assert isinstance(first, UserToken)
    assert first.principal.tenant == Tenant(ZONE, "")
    assert second is Failure.TOKEN_REFUSED
    assert isinstance(third, UserToken)
    assert third.principal.tenant == first.principal.tenant


def test_of_two_tenants_that_come_first_at_once_one_is_the_applications(server: TokenServer) -> None:
    async def run() -> list[VerifiedToken | BaseException]:
        clients = PlatformClients(timeout=2)
        verifier = Verifier(server.binding(**UNNAMED), KeyStore(clients))
        tokens = (token_for(server), token_for(server, zid=OTHER_ZONE))
        try:
            return await asyncio.gather(*map(verifier.verify, tokens), return_exceptions=True)
        finally:
            await clients.aclose()

    verdicts = asyncio.run(run())
    refused = [each for each in verdicts if isinstance(each, GatewayError)]
    assert [each.failure for each in refused] == [Failure.TOKEN_REFUSED]
    assert len(verdicts) == 2


def unsigned(header: dict[str, Any], payload: dict[str, Any]) -> str:
    parts = [urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in (header, payload)]
    return ".".join((*parts, ""))


def hmac_with_public_key() -> str:
    """Signed as one who mistakes the public key for a shared secret would verify it."""
    signed = unsigned({"alg": "HS256", "kid": KID}, claims()).rstrip(".")
    signature = hmac.digest(KEY.as_pem(private=False), signed.encode(), "sha256")
    return f"{signed}.{urlsafe_b64encode(signature).rstrip(b'=').decode()}"


NOW = int(time.time())

CASES_WITHOUT_REQUESTS: dict[str, Callable[[], str]] = {
    "no token": lambda: "junk",
    "empty": lambda: "",
    "not ascii": lambda: "é.é.é",
    "huge": lambda: "a" * 100_000,
    "deeply nested": lambda: (
        urlsafe_b64encode(b"[" * 9000).decode() + "." + urlsafe_b64encode(b"[" * 9000).decode() + "."
    ),
    "alg none": lambda: unsigned({"alg": "none", "kid": KID}, claims()),
    "HS256 with the public key": hmac_with_public_key,
    "RS512": lambda: make_token(header={"alg": "RS512"}),
    "key id is a path": lambda: make_token(header={"kid": "../../etc/passwd"}),
    "no key id": lambda: make_token(header={"kid": None}),
    "critical header": lambda: unsigned({"alg": "RS256", "kid": KID, "crit": ["b64"], "b64": False}, claims()),
    "wrong audience": lambda: make_token(aud=["other!t1"], cid="sb-other!t1"),
    "wrong zone": lambda: make_token(zid=OTHER_ZONE),
    "zone is an address": lambda: make_token(zid="x&zid=y"),
    "no zone": lambda: make_token(zid=None),
    "foreign issuer": lambda: make_token(iss="https://evil.example/oauth/token"),
    "issuer with our domain in front": lambda: make_token(iss="https://127.0.0.1.evil.example/oauth/token"),
    "no client": lambda: make_token(cid=None),
    "no expiry": lambda: make_token(exp=None),
    "expired": lambda: make_token(exp=NOW - 3600),
    "expiry is text": lambda: make_token(exp="never"),
    "expiry is true": lambda: make_token(exp=True),
    "not yet valid": lambda: make_token(nbf=NOW + 3600),
    "issued in the future": lambda: make_token(iat=NOW + 3600),
    "scope is text": lambda: make_token(scope="openid", iss=None),
    "scope holds numbers": lambda: make_token(scope=[1], iss=None),
    "no user": lambda: make_token(user_id=None, iss=None),
    "user is a list": lambda: make_token(user_id=["alice"], iss=None),
}


@pytest.mark.parametrize("name", CASES_WITHOUT_REQUESTS)
def test_attack_55_65_a_bad_token_is_refused_without_any_request(server: TokenServer, name: str) -> None:
    assert verify(server.binding(), CASES_WITHOUT_REQUESTS[name]()) == [Failure.TOKEN_REFUSED]
    assert not server.asked


@pytest.mark.parametrize("member", ["jku", "x5u"])
def test_attack_55_addresses_in_the_header_are_not_followed(server: TokenServer, member: str) -> None:
    with token_server() as evil:
        evil.keys = key_set((KID, FOREIGN_KEY))
        token = token_for(server, FOREIGN_KEY, {member: f"{evil.url}/token_keys"})
        assert verify(server.binding(), token) == [Failure.TOKEN_REFUSED]
        assert not evil.asked


def test_a_forged_signature_is_refused(server: TokenServer) -> None:
    good = token_for(server)
    head, payload, signature = good.split(".")
    other = token_for(server, user_id="bob-id").split(".")[1]
    forged = token_for(server, FOREIGN_KEY)
    verdicts = verify(server.binding(), forged, f"{head}.{other}.{signature}", f"{head}.{payload}.", good)
    assert verdicts[:3] == [Failure.TOKEN_REFUSED] * 3
    assert isinstance(verdicts[3], UserToken)


def test_clocks_may_differ_by_a_minute(server: TokenServer) -> None:
    verdicts = verify(server.binding(), token_for(server, exp=int(time.time()) - 30, nbf=int(time.time()) + 30))
    assert isinstance(verdicts[0], UserToken)


def test_a_shared_application_knows_many_tenants(server: TokenServer) -> None:
    token = token_for(server, zid=OTHER_ZONE, ext_attr={"zdn": "globex"})
    (verified,) = verify(server.binding(tenantmode="shared"), token)
    assert isinstance(verified, UserToken)
    assert verified.principal.tenant == Tenant(OTHER_ZONE, "globex")
    assert server.key_requests()[0].path == f"/token_keys?zid={OTHER_ZONE}"


def test_a_subdomain_that_is_no_label_is_not_taken_over(server: TokenServer) -> None:
    token = token_for(server, zid=OTHER_ZONE, ext_attr={"zdn": "evil.example/"})
    (verified,) = verify(server.binding(tenantmode="shared"), token)
    assert isinstance(verified, UserToken)
    assert verified.principal.tenant == Tenant(OTHER_ZONE, "")


def test_forged_key_ids_cause_no_storm_of_requests(server: TokenServer) -> None:
    tokens = [token_for(server, FOREIGN_KEY, {"kid": f"key-{number}"}) for number in range(20)]
    assert verify(server.binding(), *tokens) == [Failure.TOKEN_REFUSED] * 20
    assert len(server.key_requests()) == 1


def test_forged_zones_cause_no_storm_of_requests(server: TokenServer) -> None:
    tokens = [token_for(server, FOREIGN_KEY, zid=f"zone-{number}") for number in range(40)]
    verdicts = verify(server.binding(tenantmode="shared"), *tokens)
    assert verdicts == [Failure.TOKEN_REFUSED] * 20 + [Failure.TOO_MANY_UNKNOWN] * 20
    assert len(server.key_requests()) == 20


def test_when_to_come_back_is_told_where_too_many_zones_were_invented(server: TokenServer) -> None:
    async def run() -> None:
        clock, clients = Clock(), PlatformClients(timeout=2)
        binding = server.binding(tenantmode="shared")
        keys = KeyStore(clients, clock=clock)
        for number in range(20):
            await keys.find(zone_keys(binding, f"zone-{number}"), KID)
        clock.now += 8.5
        with pytest.raises(GatewayError) as caught:
            await keys.find(zone_keys(binding, "another"), KID)
        assert caught.value.headers == ((b"retry-after", b"22"),)
        clock.now += 22
        assert await keys.find(zone_keys(binding, "another"), KID)
        await clients.aclose()

    asyncio.run(run())


def test_many_calls_of_a_new_zone_are_one_request_and_count_as_one(server: TokenServer) -> None:
    async def run() -> None:
        clients = PlatformClients(timeout=2)
        binding = server.binding(tenantmode="shared")
        keys = KeyStore(clients)
        await asyncio.gather(*(keys.find(zone_keys(binding, "subscriber"), KID) for _ in range(30)))
        assert len(server.key_requests()) == 1
        for number in range(19):
            await keys.find(zone_keys(binding, f"zone-{number}"), KID)
        joined = zone_keys(binding, "our-login")
        found = [keys.find(joined, KID, credible) for credible in (True, False, False)]
        assert all(await asyncio.gather(*found))
        with pytest.raises(GatewayError) as caught:
            await keys.find(zone_keys(binding, "another"), KID)
        assert caught.value.failure is Failure.TOO_MANY_UNKNOWN
        await clients.aclose()

    asyncio.run(run())


def test_forged_zones_are_no_hindrance_for_tokens_that_we_fetched(server: TokenServer) -> None:
    async def run() -> None:
        clients = PlatformClients(timeout=2)
        verifier = Verifier(server.binding(tenantmode="shared"), KeyStore(clients))
        for number in range(21):
            with pytest.raises(GatewayError):
                await verifier.verify_again(token_for(server, FOREIGN_KEY, zid=f"zone-{number}"))
        for number in range(30):
            await verifier.verify_user(token_for(server, zid=f"login-{number}"))
            await verifier.verify_again(token_for(server, zid=f"exchange-{number}"), fetched=True)
        await clients.aclose()

    asyncio.run(run())


def test_the_bindings_key_serves_when_the_server_does_not(server: TokenServer) -> None:
    server.script.append((500, b"", {}))
    pem = KEY.as_pem(private=False).decode().replace("\n", "")
    verdicts = verify(server.binding(verificationkey=pem), token_for(server), token_for(server, FOREIGN_KEY))
    assert isinstance(verdicts[0], UserToken)
    assert verdicts[1] is Failure.TOKEN_REFUSED


def test_the_bindings_key_serves_for_an_unknown_key_id(server: TokenServer) -> None:
    server.keys = key_set(("another", FOREIGN_KEY))
    (verdict,) = verify(server.binding(verificationkey=KEY.as_pem(private=False).decode()), token_for(server))
    assert isinstance(verdict, UserToken)


def test_without_any_key_nothing_can_be_told(server: TokenServer) -> None:
    server.script.append((503, b"", {}))
    assert verify(server.binding(), token_for(server)) == [Failure.XSUAA_UNAVAILABLE]


def test_a_zone_the_server_does_not_serve_us_is_refused(server: TokenServer) -> None:
    server.script.append((400, b"", {}))
    assert verify(server.binding(), token_for(server)) == [Failure.TOKEN_REFUSED]


def test_the_bindings_key_does_not_serve_for_a_zone_that_is_refused(server: TokenServer) -> None:
    async def run() -> None:
        clock, clients, binding = Clock(), PlatformClients(timeout=2), server.binding()
        keys, source = KeyStore(clients, KEY.as_pem(private=False).decode(), clock=clock), zone_keys(binding, ZONE)
        assert await keys.find(source, KID)
        assert not keys.refuses(source)
        server.script.extend([(400, b"", {}), (503, b"", {})])
        clock.now += 16 * 60
        for _ in range(2):  # a server that is down now does not take back what it said
            for kid in (KID, "unknown"):
                with pytest.raises(GatewayError) as caught:
                    await keys.find(source, kid)
                assert caught.value.failure is Failure.TOKEN_REFUSED
            assert keys.refuses(source)
            clock.now += 31
        assert await keys.find(source, KID)
        await clients.aclose()

    asyncio.run(run())
    assert len(server.key_requests()) == 4


@pytest.mark.parametrize(
    "document", [b"no json", [], {"keys": 7}, {"keys": [7, {"kty": "EC"}, {"kty": "RSA", "kid": "x"}]}]
)
def test_a_nonsense_key_set_opens_nothing(server: TokenServer, document: object) -> None:
    server.script.append((200, document, {}))
    (verdict,) = verify(server.binding(), token_for(server))
    assert verdict in (Failure.TOKEN_REFUSED, Failure.XSUAA_UNAVAILABLE)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_rotated_keys_are_fetched_and_old_ones_dropped(server: TokenServer) -> None:
    async def run() -> None:
        clock, clients, binding = Clock(), PlatformClients(timeout=2), server.binding()
        keys, source = KeyStore(clients, clock=clock), zone_keys(binding, ZONE)
        await keys.prime(source)
        assert keys.reachable
        server.keys = key_set(("new", FOREIGN_KEY))
        clock.now += 31
        assert await keys.find(source, "new")
        with pytest.raises(GatewayError):
            await keys.find(source, KID)
        await clients.aclose()

    asyncio.run(run())
    assert len(server.key_requests()) == 2


def test_a_key_set_without_keys_is_told_and_reaches_nothing(
    server: TokenServer, caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> None:
        clock, clients = Clock(), PlatformClients(timeout=2)
        keys, source = KeyStore(clients, clock=clock), zone_keys(server.binding(), ZONE)
        server.keys = key_set()
        await keys.prime(source)
        assert not keys.reachable
        assert server.url.partition("//")[2] in caplog.messages[0]
        server.script.append((503, b"", {}))
        clock.now += 31
        await keys.prime(source)
        assert caplog.messages[1].endswith("it answered 503")
        await clients.aclose()

    asyncio.run(run())


def test_known_keys_outlast_an_hour_of_trouble_and_no_more(server: TokenServer) -> None:
    async def run() -> None:
        clock, clients, binding = Clock(), PlatformClients(timeout=2), server.binding()
        keys, source = KeyStore(clients, clock=clock), zone_keys(binding, ZONE)
        known = await keys.find(source, KID)
        server.script.extend([(503, b"", {})] * 9)
        clock.now += 16 * 60
        assert await keys.find(source, KID) is known
        clock.now += 50 * 60
        with pytest.raises(GatewayError) as caught:
            await keys.find(source, KID)
        assert caught.value.failure is Failure.XSUAA_UNAVAILABLE
        await clients.aclose()

    asyncio.run(run())
