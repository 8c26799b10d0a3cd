"""Which issuers are believed (protocols 3.3, rule 1)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.bindings.credentials import IdentityCredentials
from app.errors import Failure, GatewayError
from app.identity_service.issuer import own_issuer, trusted_issuer

BINDING = IdentityCredentials(
    client_id="c", secret="s", url="https://acme.accounts.example", domains=("accounts.example", "cloud.example")
)


@pytest.mark.parametrize(
    ("issuer", "trusted"),
    [
        ("https://acme.accounts.example", "https://acme.accounts.example"),
        ("https://acme.accounts.example/", "https://acme.accounts.example"),
        ("acme.accounts.example", "https://acme.accounts.example"),  # configured without a scheme
        ("https://Other.Accounts.Example", "https://other.accounts.example"),
        ("https://accounts.example", "https://accounts.example"),
        ("https://t-1.cloud.example", "https://t-1.cloud.example"),
    ],
)
def test_tenants_of_the_service_are_believed(issuer: str, trusted: str) -> None:
    assert trusted_issuer({"iss": issuer}, BINDING) == trusted


@pytest.mark.parametrize(
    "issuer",
    [
        "http://acme.accounts.example",
        "https://a.b.accounts.example",
        "https://evilaccounts.example",
        "https://accounts.example.evil",
        "https://.accounts.example",
        "https://a_b.accounts.example",
        "https://acme.accounts.example:8443",
        "https://acme.accounts.example/path",
        "https://acme.accounts.example?x=.accounts.example",
        "https://acme.accounts.example#x",
        "https://evil.example%2f.accounts.example",
        "https://evil.example\\.accounts.example",
        "https://evil.example@acme.accounts.example",
        "https://acme.accounts.example\n",
        "https://acme.accounts.example:x",
        "https://acme.accounts.example:",
        "https://[acme.accounts.example",
        "https://äcme.accounts.example",
        "ftp://acme.accounts.example",
        "https://",
        "",
    ],
)
def test_attack_55_other_issuers_are_not(issuer: str) -> None:
    with pytest.raises(GatewayError) as caught:
        trusted_issuer({"iss": issuer}, BINDING)
    assert caught.value.failure is Failure.TOKEN_REFUSED


def test_behind_a_custom_domain_the_services_own_issuer_counts() -> None:
    claims = {"iss": "https://login.customer.example", "ias_iss": "https://acme.accounts.example"}
    assert trusted_issuer(claims, BINDING) == "https://acme.accounts.example"
    with pytest.raises(GatewayError):
        trusted_issuer({**claims, "ias_iss": "https://evil.example"}, BINDING)


def test_a_binding_without_domains_believes_its_own_server_alone() -> None:
    binding = BINDING.model_copy(update={"domains": ()})
    assert trusted_issuer({"iss": "https://acme.accounts.example"}, binding)
    with pytest.raises(GatewayError):
        trusted_issuer({"iss": "https://other.accounts.example"}, binding)


def test_the_bindings_address_may_lack_its_scheme() -> None:
    binding = BINDING.model_copy(update={"url": "acme.accounts.example"})
    assert own_issuer(binding) == "https://acme.accounts.example"


@given(st.text(max_size=80))
def test_whatever_is_believed_is_a_host_of_the_service(text: str) -> None:
    for issuer in (text, f"https://{text}.accounts.example", f"https://acme.accounts.example{text}"):
        try:
            trusted = trusted_issuer({"iss": issuer}, BINDING)
        except GatewayError:
            continue
        host = trusted.removeprefix("https://")
        assert host in ("accounts.example", "cloud.example") or host.split(".", 1)[1] in BINDING.domains
        assert all(c.isalnum() or c in "-." for c in host)


@pytest.mark.parametrize(
    ("given_names", "domains", "app_tid"),
    [
        ({"domain": "accounts.example", "zone_uuid": "t"}, ("accounts.example",), "t"),
        ({"domains": ["a.example"], "domain": "b.example", "app_tid": "t", "zone_uuid": "u"}, ("a.example",), "t"),
        ({}, (), ""),
    ],
)
def test_bindings_of_older_instances(given_names: dict[str, object], domains: tuple[str, ...], app_tid: str) -> None:
    found = {"clientid": "c", "clientsecret": "s", "url": "https://acme.accounts.example", **given_names}
    binding = IdentityCredentials.model_validate(found)
    assert (binding.domains, binding.app_tid) == (domains, app_tid)
    assert binding.tenant.id == (app_tid or "acme.accounts.example")
