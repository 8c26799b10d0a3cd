from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import Failure, GatewayError
from app.principal import Tenant
from app.tokens.endpoints import base_url, browser_base_url, is_label, token_url, zone_keys
from app.tokens.key_source import KeySource
from tests.tokens.token_server import ZONE, credentials

OWN = Tenant(ZONE, "acme")
GLOBEX = Tenant("", "globex")
BINDING = credentials("https://acme.auth.example/", uaadomain="auth.example")
X509 = credentials(
    "https://acme.auth.example",
    clientsecret="",
    certificate="c",
    key="k",
    certurl="https://acme.auth.cert.example",
    uaadomain="auth.example",
)


def test_the_provider_is_at_the_bindings_address() -> None:
    assert token_url(BINDING, OWN) == "https://acme.auth.example/oauth/token"


def test_a_subscriber_is_a_sibling() -> None:
    assert base_url(BINDING, GLOBEX) == "https://globex.auth.example"


def test_an_address_without_subdomain_gets_the_tenant_before_the_domain() -> None:
    binding = credentials("https://localhost:7000", uaadomain="localhost:7000")
    assert base_url(binding, GLOBEX) == "https://globex.localhost:7000"
    assert base_url(binding, OWN) == "https://localhost:7000"


def test_a_shared_application_always_names_the_tenant() -> None:
    binding = credentials("https://localhost:7000", uaadomain="localhost", tenantmode="shared")
    assert base_url(binding, OWN) == "https://acme.localhost"


def test_our_calls_use_mutual_tls_and_browsers_do_not() -> None:
    assert token_url(X509, GLOBEX) == "https://globex.auth.cert.example/oauth/token"
    assert browser_base_url(X509, GLOBEX) == "https://globex.auth.example"


def test_keys_are_below_the_domain() -> None:
    source = zone_keys(BINDING, "a-1")
    assert source.url == "https://auth.example/token_keys?zid=a-1"
    assert source.headers == (("x-zid", "a-1"),)
    assert zone_keys(BINDING, "") == KeySource("https://auth.example/token_keys")


@given(subdomain=st.text(min_size=1, max_size=80))
def test_a_tenant_is_one_label_or_refused(subdomain: str) -> None:
    tenant = Tenant("", subdomain)
    if is_label(subdomain):
        assert base_url(BINDING, tenant) == f"https://{subdomain}.auth.example"
    else:
        with pytest.raises(GatewayError) as caught:
            base_url(BINDING, tenant)
        assert caught.value.failure is Failure.BAD_REQUEST


@pytest.mark.parametrize("text", ["", "-a", "a-", "a.b", "a/b", "a@b", "a:1", "ä", "a" * 64, "a\n"])
def test_what_is_no_label(text: str) -> None:
    assert not is_label(text)
