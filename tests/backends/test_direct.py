"""Backends without a Cloud Connector."""

from __future__ import annotations

import math
import time
from dataclasses import replace

import pytest

from app.answer import Headers
from app.backends.direct import direct_backend
from app.destination_url import parse_url
from app.destinations.authentication import Authentication
from app.destinations.destination import Destination, ProxyType
from app.principal import Caller
from app.transport.pool_key import ClientCertificate, DirectKey, Proxy, TlsIdentity
from tests.destinations.platform_stub import ANYBODY, claims_of, user, user_of_identity_service

ALICE = user("alice")
CAROL = user_of_identity_service("carol")
BEARER = ((b"authorization", b"Bearer t"),)
OWN_CERTIFICATE = ClientCertificate("chain", "key")


def destination(url: str = "http://backend.example:81/root", /, **changes: object) -> Destination:
    return replace(Destination("erp", parse_url(url)), **changes)  # type: ignore[arg-type]


def test_a_plain_backend() -> None:
    backend = direct_backend(destination(), ANYBODY, math.inf)
    assert backend.key == DirectKey("backend.example", 81)
    assert (backend.authority, backend.base, backend.query) == (b"backend.example:81", b"/root", b"")
    assert (backend.credentials, backend.defaults, backend.expires_at) == ((), (), math.inf)


def test_what_the_destination_says_about_the_request_is_taken_over() -> None:
    found = destination(
        "http://backend.example/root?a=1",
        defaults=((b"sap-client", b"100"),),
        queries=(("b c", "d&e"),),
        timeout=0.7,
        preserve_host=True,
        forwarded_headers=False,
    )
    backend = direct_backend(found, ANYBODY, 5.0)
    assert backend.query == b"a=1&b+c=d%26e"
    assert backend.defaults == ((b"sap-client", b"100"),)
    assert (backend.timeout, backend.preserve_host, backend.forwarded_headers) == (0.7, True, False)
    assert backend.expires_at == 5.0


@pytest.mark.parametrize("proxy_type", [ProxyType.INTERNET, ProxyType.PRIVATE_LINK])
def test_https_has_the_tls_identity_in_its_key(proxy_type: ProxyType) -> None:
    tls = TlsIdentity(trusted_pem="pem", client=ClientCertificate("c", "k"))
    backend = direct_backend(destination("https://b.example", tls=tls, proxy_type=proxy_type), ANYBODY, math.inf)
    assert backend.key == DirectKey("b.example", 443, tls)
    assert backend.authority == b"b.example"


def test_destinations_that_trust_otherwise_do_not_share_sockets() -> None:
    strict, loose = (
        direct_backend(destination("https://b.example", tls=TlsIdentity(trust_all=value)), ANYBODY, math.inf)
        for value in (False, True)
    )
    assert strict.key != loose.key


def test_a_forward_proxy_gets_the_absolute_form_of_http_and_a_tunnel_for_https() -> None:
    proxy = Proxy("proxy", 8080)
    plain = direct_backend(destination("http://v.example:8080/p", proxy=proxy), ANYBODY, math.inf)
    assert (plain.key, plain.base) == (DirectKey("v.example", 8080, None, proxy), b"http://v.example:8080/p")
    secure = direct_backend(destination("https://v.example/p", proxy=proxy), ANYBODY, math.inf)
    assert (secure.key, secure.base) == (DirectKey("v.example", 443, TlsIdentity(), proxy), b"/p")


@pytest.mark.parametrize(
    ("changes", "caller", "credentials"),
    [
        ({}, ALICE, ()),
        ({"credentials": BEARER}, ALICE, BEARER),
        ({"credentials": BEARER}, ANYBODY, BEARER),
        ({"forward_auth_token": True}, ALICE, ((b"authorization", b"Bearer " + ALICE.token.value.encode()),)),
        ({"forward_auth_token": True}, ANYBODY, ()),
        (
            {"credentials": BEARER, "forward_auth_token": True},
            ALICE,
            ((b"authorization", b"Bearer " + ALICE.token.value.encode()),),
        ),
        (
            {"credentials": ((b"authorization", b"SAML2.0 x"),), "authentication": Authentication.SAML_ASSERTION},
            ALICE,
            ((b"authorization", b"SAML2.0 x"), (b"x-sap-security-session", b"create")),
        ),
        (
            {"credentials": ((b"cookie", b"sso=1"),), "authentication": Authentication.SAP_ASSERTION_SSO},
            ALICE,
            ((b"cookie", b"sso=1"),),
        ),
    ],
)
def test_who_the_backend_sees(changes: dict[str, object], caller: Caller, credentials: Headers) -> None:
    backend = direct_backend(destination(**changes), caller, math.inf)
    assert backend.credentials == credentials
    assert backend.replaced == {name for name, _ in credentials}


def test_a_forwarded_token_ends_the_backend() -> None:
    caller = user("alice", seconds=100)
    backend = direct_backend(destination(forward_auth_token=True), caller, math.inf)
    assert 90 < backend.expires_at - time.monotonic() < 101
    assert direct_backend(destination(), caller, math.inf).expires_at == math.inf
    carol = user_of_identity_service("carol", access_seconds=50)
    backend = direct_backend(destination(forward_auth_token=True), carol, math.inf)
    assert 40 < backend.expires_at - time.monotonic() < 51


@pytest.mark.parametrize(("caller", "kind"), [(CAROL, "access"), (replace(CAROL, access_token=None), "id")])
def test_who_logged_in_with_the_identity_service_forwards_a_token_of_it(caller: Caller, kind: str) -> None:
    backend = direct_backend(destination(forward_auth_token=True), caller, math.inf)
    assert claims_of(dict(backend.credentials)[b"authorization"].decode())["kind"] == kind


def test_default_headers_stand_back_behind_the_credentials() -> None:
    found = destination(credentials=BEARER, defaults=((b"authorization", b"Basic x"), (b"apikey", b"k")))
    assert direct_backend(found, ANYBODY, math.inf).defaults == ((b"apikey", b"k"),)


def test_the_own_certificate_is_shown_where_the_destination_asks_for_it() -> None:
    found = destination("https://b.example", forward_auth_certificates=True)
    key = direct_backend(found, ANYBODY, math.inf, OWN_CERTIFICATE).key
    assert key == DirectKey("b.example", 443, TlsIdentity(client=OWN_CERTIFICATE))
    plain = direct_backend(destination("https://b.example"), ANYBODY, math.inf, OWN_CERTIFICATE).key
    assert plain == DirectKey("b.example", 443, TlsIdentity())
    assert direct_backend(found, ANYBODY, math.inf).key == plain


def test_the_destinations_own_certificate_comes_first() -> None:
    tls = TlsIdentity(client=ClientCertificate("c", "k"))
    found = destination("https://b.example", forward_auth_certificates=True, tls=tls)
    assert direct_backend(found, ANYBODY, math.inf, OWN_CERTIFICATE).key == DirectKey("b.example", 443, tls)


def test_no_secret_shows() -> None:
    found = destination(credentials=((b"authorization", b"Bearer t0psecret"),), defaults=((b"k", b"t0psecret"),))
    assert "t0psecret" not in repr(direct_backend(found, ANYBODY, math.inf))
