"""Find results become destinations."""

from __future__ import annotations

import math
from typing import Any

import pytest

from app.answer import Headers
from app.destination_url import DestinationUrl
from app.destinations.authentication import Authentication
from app.destinations.destination import Destination, ProxyType, Traits
from app.destinations.find_answer import FindAnswer
from app.destinations.from_find import build_destination, read_traits, token_lifetime
from app.errors import Failure, GatewayError
from app.transport.pool_key import TlsIdentity
from tests.destinations.platform_stub import PROVIDER, auth_token, find_result
from tests.destinations.stores import certificate, p12, pem, stored

USER_TYPES = [
    "OAuth2UserTokenExchange",
    "OAuth2JWTBearer",
    "OAuth2SAMLBearerAssertion",
    "OAuth2TokenExchange",
    "SAMLAssertion",
    "SAPAssertionSSO",
]
TECHNICAL_TYPES = ["OAuth2ClientCredentials", "OAuth2Password"]
CLIENT = certificate("client")


def answer(tokens: list[dict[str, Any]] | None = None, /, **properties: str) -> FindAnswer:
    return FindAnswer.model_validate(find_result("erp", tokens, **properties))


def build(tokens: list[dict[str, Any]] | None = None, /, **properties: str) -> Destination:
    return build_destination("erp", PROVIDER, answer(tokens, **properties))


def with_stores(*stores: dict[str, str], **properties: str) -> Destination:
    found = find_result("erp", None, **properties) | {"certificates": list(stores)}
    return build_destination("erp", PROVIDER, FindAnswer.model_validate(found))


def test_a_plain_destination_has_the_documented_defaults() -> None:
    assert build() == Destination("erp", DestinationUrl(False, "backend.example", 80), PROVIDER)


def test_all_properties_of_the_reference_are_read() -> None:
    found = build(
        **{
            "HTML5.Timeout": "700",
            "HTML5.PreserveHostHeader": "true",
            "HTML5.DynamicDestination": "true",
            "HTML5.SetXForwardedHeaders": "false",
            "HTML5.ForwardAuthToken": "true",
            "HTML5.ForwardAuthCertificates": "true",
            "HTML5.StrictConnectionMode": "true",
            "sap-client": "100",
            "URL.headers.apikey": "k1",
            "URL.queries.q": "1",
            "TrustAll": "true",
        }
    )
    assert found.timeout == 0.7
    assert found.preserve_host
    assert found.dynamic
    assert not found.forwarded_headers
    assert found.forward_auth_token
    assert found.forward_auth_certificates
    assert found.strict_connections
    assert (found.fixed, found.defaults) == (((b"sap-client", b"100"),), ((b"apikey", b"k1"),))
    assert found.queries == (("q", "1"),)
    assert found.tls.trust_all


@pytest.mark.parametrize("kind", [*USER_TYPES, *TECHNICAL_TYPES])
def test_the_returned_header_is_taken_verbatim(kind: str) -> None:
    found = build([auth_token("abc", key="Cookie", kind="SAML2.0")], Authentication=kind)
    assert found.credentials == ((b"cookie", b"SAML2.0 abc"),)
    assert found.traits.of_user is (kind in USER_TYPES)


@pytest.mark.parametrize("kind", [*USER_TYPES, *TECHNICAL_TYPES])
def test_without_a_token_the_destination_has_failed(kind: str) -> None:
    with pytest.raises(GatewayError) as caught:
        build(Authentication=kind)
    assert caught.value.failure is Failure.DESTINATION_TOKEN_FAILED


def test_a_token_error_names_destination_and_message() -> None:
    error = f"bad\x1b assertion {'x' * 60}"
    with pytest.raises(GatewayError) as caught:
        build([{"type": "", "value": "", "error": error}], Authentication="OAuth2JWTBearer")
    assert caught.value.failure is Failure.DESTINATION_TOKEN_FAILED
    assert caught.value.detail == "Destination 'erp': bad? assertion ..."


def test_a_saml_bearer_with_system_user_is_shared() -> None:
    found = build([auth_token("t")], Authentication="OAuth2SAMLBearerAssertion", SystemUser="batch")
    assert found.traits == Traits()


@pytest.mark.parametrize(
    ("tokens", "properties", "credentials"),
    [
        (None, {"User": "u", "Password": "p"}, ((b"authorization", b"Basic dTpw"),)),
        (None, {"User": "ü", "Password": ""}, ((b"authorization", b"Basic w7w6"),)),
        ([auth_token("eDp5", kind="Basic")], {"User": "u"}, ((b"authorization", b"Basic eDp5"),)),
    ],
)
def test_basic_is_what_the_service_says_or_built_here(
    tokens: list[dict[str, Any]] | None, properties: dict[str, str], credentials: Headers
) -> None:
    assert build(tokens, Authentication="BasicAuthentication", **properties).credentials == credentials


def test_an_older_service_leaves_the_header_to_us() -> None:
    found = build([{"type": "Bearer", "value": "abc"}], Authentication="OAuth2ClientCredentials")
    assert found.credentials == ((b"authorization", b"Bearer abc"),)


def test_on_premise_has_its_location_and_propagates_without_any_token() -> None:
    found = build(ProxyType="OnPremise", Authentication="PrincipalPropagation", CloudConnectorLocationId="LOC1")
    assert (found.proxy_type, found.location_id) == (ProxyType.ON_PREMISE, "LOC1")
    assert found.traits == Traits(propagates=True)


def test_a_corporate_token_found_with_principal_propagation_belongs_to_its_user() -> None:
    found = build([auth_token("corporate")], ProxyType="OnPremise", Authentication="PrincipalPropagation")
    assert found.traits.of_user


@pytest.mark.parametrize(
    ("properties", "named"),
    [
        ({"Type": "RFC"}, "Type"),
        ({"URL": ""}, "URL"),
        ({"URL": "http://user:pw@host"}, "URL"),
        ({"Authentication": "BasicAuthentication"}, "User"),
        ({"Authentication": "BasicAuthentication", "User": "a:b"}, "User"),
        ({"Authentication": "PrincipalPropagation"}, "ProxyType"),
        ({"Authentication": "OAuth2TechnicalUserPropagation"}, "ProxyType"),
        ({"Authentication": "ClientCertificateAuthentication"}, "KeyStoreLocation"),
        ({"ProxyType": "Carrier Pigeon"}, "ProxyType"),
        ({"ProxyType": "OnPremise", "URL": "https://erp:443"}, "URL"),
        ({"CloudConnectorLocationId": "a\r\nb"}, "CloudConnectorLocationId"),
        ({"HTML5.Timeout": "never"}, "HTML5.Timeout"),
        ({"HTML5.DynamicDestination": "perhaps"}, "HTML5.DynamicDestination"),
        ({"URL.headers.Host": "evil"}, "URL.headers.Host"),
        ({"sap-client": "1\r\n2"}, "sap-client"),
        ({"TrustStoreLocation": "ca.pem"}, "TrustStoreLocation"),
        ({"Authentication": "ClientCertificateAuthentication", "KeyStoreLocation": "k.p12"}, "KeyStoreLocation"),
    ],
)
def test_what_cannot_be_used_is_refused_naming_the_property(properties: dict[str, str], named: str) -> None:
    with pytest.raises(GatewayError) as caught:
        build(**properties)
    assert caught.value.failure is Failure.DESTINATION_UNUSABLE
    assert f"'{named}'" in caught.value.detail
    assert "pw" not in caught.value.detail


def test_a_token_header_that_would_break_the_request_is_refused() -> None:
    with pytest.raises(GatewayError, match="header of its token"):
        build([auth_token("a\r\nx: y")], Authentication="OAuth2ClientCredentials")


def test_stores_become_the_tls_identity() -> None:
    properties = {
        "Authentication": "ClientCertificateAuthentication",
        "KeyStoreLocation": "k.p12",
        "KeyStorePassword": "geheim",
        "TrustStoreLocation": "ca.pem",
    }
    lower_case = {name.lower(): value for name, value in stored("ca.pem", pem(CLIENT)).items()}
    tls = with_stores(stored("k.p12", p12(CLIENT, "geheim")), lower_case, **properties).tls
    assert tls.client is not None
    assert tls.client.certificate.encode() == pem(CLIENT)
    assert tls.trusted_pem.encode() == pem(CLIENT)
    assert not tls.trust_all


def test_a_type_that_nobody_knew_is_what_the_service_has_a_token_for() -> None:
    found = build([auth_token("new")], Authentication="OAuth3Magic")
    assert found.credentials == ((b"authorization", b"Bearer new"),)
    assert found.traits.of_user
    with pytest.raises(GatewayError) as caught:
        build(Authentication="OAuth3Magic")
    assert caught.value.failure is Failure.DESTINATION_TOKEN_FAILED


@pytest.mark.parametrize(
    ("name", "value", "attribute", "expected"),
    [
        ("Timeout", "700", "timeout", 0.7), ("PreserveHostHeader", "true", "preserve_host", True),
        ("SetXForwardedHeaders", "false", "forwarded_headers", False), ("DynamicDestination", "true", "dynamic", True),
        ("ForwardAuthToken", "true", "forward_auth_token", True), ("IASDependencyName", "dep", "ias_dependency", "dep"),
        ("ForwardAuthCertificates", "true", "forward_auth_certificates", True),
        ("StrictConnectionMode", "true", "strict_connections", True),
    ],
)  # fmt: skip
def test_properties_of_the_router_are_read_with_their_prefix_and_without(
    name: str, value: str, attribute: str, expected: object
) -> None:
    for given in (name, f"HTML5.{name}"):
        assert getattr(build(**{given: value}), attribute) == expected
    both = build(**{name: {"true": "false", "false": "true"}.get(value, "9"), f"HTML5.{name}": value})
    assert getattr(both, attribute) == expected


@pytest.mark.parametrize("name", ["KeyStoreLocation", "TrustStoreLocation"])
def test_an_unreadable_store_is_refused(name: str) -> None:
    by_certificate = {"Authentication": "ClientCertificateAuthentication"} if name == "KeyStoreLocation" else {}
    for content in (stored("x.p12", b"junk"), {"Name": "x.p12", "Content": "!"}):
        with pytest.raises(GatewayError, match=f"'{name}'"):
            with_stores(content, **{name: "x.p12", **by_certificate})


@pytest.mark.parametrize(
    ("kind", "properties", "forwarded"),
    [
        ("NoAuthentication", {"HTML5.ForwardAuthToken": "true"}, True),
        ("NoAuthentication", {"forwardAuthToken": "true"}, True),
        ("NoAuthentication", {}, False),
        ("BasicAuthentication", {"HTML5.ForwardAuthToken": "true"}, False),
        ("BasicAuthentication", {"forwardAuthToken": "true"}, True),
        ("TokenForwarding", {}, True),
        ("PrincipalPropagation", {"forwardAuthToken": "true"}, False),
    ],
)
def test_whose_token_is_sent(kind: str, properties: dict[str, str], forwarded: bool) -> None:
    found = build(Authentication=kind, ProxyType="OnPremise", User="u", Password="p", **properties)
    assert found.forward_auth_token is forwarded


@pytest.mark.parametrize(
    ("tokens", "seconds"),
    [
        (None, math.inf),
        ([auth_token("a")], math.inf),
        ([auth_token("a", expires_in="3600"), auth_token("b", expires_in="60")], 60),
        ([auth_token("a", expires_in="soon")], 0),
        ([auth_token("a", expires_in="-1")], 0),
        ([auth_token("a", expires_in="nan")], 0),
    ],
)
def test_the_shortest_token_life_counts(tokens: list[dict[str, Any]] | None, seconds: float) -> None:
    assert token_lifetime(answer(tokens)) == seconds


def test_numbers_and_flags_that_are_no_strings_are_understood() -> None:
    found = find_result("erp", [{**auth_token("a"), "expires_in": 3600}])
    found["destinationConfiguration"] |= {"HTML5.Timeout": 700, "TrustAll": True, "Description": None}
    parsed = FindAnswer.model_validate(found)
    assert build_destination("erp", PROVIDER, parsed).tls == TlsIdentity(trust_all=True)
    assert token_lifetime(parsed) == 3600


def test_common_token_urls_and_subject_tokens_are_known_from_the_configuration() -> None:
    common = answer(Authentication="OAuth2ClientCredentials", tokenServiceURLType="Common")
    assert read_traits("erp", common) == Traits(common_token_url=True)
    exchange = answer(Authentication="OAuth2TokenExchange")
    assert read_traits("erp", exchange) == Traits(of_user=True, subject_token=True)


def test_no_secret_shows() -> None:
    found = find_result("erp", [auth_token("t0psecret")], Authentication="OAuth2Password", Password="t0psecret")
    parsed = FindAnswer.model_validate(found)
    assert "t0psecret" not in repr(parsed)
    assert "t0psecret" not in repr(build_destination("erp", PROVIDER, parsed))


@pytest.mark.parametrize("kind", list(Authentication))
def test_every_type_is_built_and_shows_a_certificate_only_where_it_authenticates_by_it(kind: Authentication) -> None:
    stores = {"KeyStoreLocation": "k.p12", "User": "u", "ProxyType": "OnPremise", "Authentication": kind.value}
    found = find_result("erp", [auth_token("t")], **stores) | {"certificates": [stored("k.p12", p12(CLIENT))]}
    parsed = FindAnswer.model_validate(found)
    built = build_destination("erp", PROVIDER, parsed)
    assert built.authentication is kind
    assert (built.tls.client is not None) is (kind is Authentication.CLIENT_CERTIFICATE)
