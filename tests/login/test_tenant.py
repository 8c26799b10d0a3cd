from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.bindings.credentials import DestinationCredentials
from app.errors import Failure, GatewayError
from app.login.tenant import TenantOptions, TenantResolver, check_tenant
from app.principal import OnlyTenant, Tenant
from app.request_head import RequestHead
from app.tokens.endpoints import is_label
from tests.tokens.token_server import OTHER_ZONE, ZONE, credentials

DEDICATED = credentials("https://acme.auth.example")
SHARED = credentials("https://acme.auth.example", tenantmode="shared")
PATTERN = r"^(.*)\.router\.example"
OWN = Tenant(ZONE, "acme")


def head(host: str | None = None, **headers: str) -> RequestHead:
    pairs = [] if host is None else [(b"host", host.encode())]
    pairs += [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return RequestHead("GET", "/", pairs)


def tenant(request: RequestHead, **options: object) -> Tenant:
    given_options = TenantOptions(host_pattern=PATTERN, external_reverse_proxy=bool(options.get("external")))
    return TenantResolver(given_options, SHARED).tenant(request)


@pytest.mark.parametrize("mode", ["dedicated", "external"])
def test_an_application_that_is_not_shared_has_one_tenant(mode: str) -> None:
    binding = credentials("https://acme.auth.example", tenantmode=mode)
    resolver = TenantResolver(TenantOptions(host_pattern=PATTERN), binding)
    assert resolver.tenant(head("globex.router.example")) == OWN
    assert resolver.tenant(head()) == OWN


def test_the_host_names_the_tenant() -> None:
    assert tenant(head("globex.router.example")) == Tenant("", "globex")
    assert tenant(head("acme.router.example")) == OWN


def test_the_forwarded_host_has_precedence() -> None:
    assert tenant(head("internal", x_forwarded_host="globex.router.example")).subdomain == "globex"


def test_behind_an_external_proxy_the_custom_host_counts() -> None:
    request = head("a.router.example", x_forwarded_host="b.router.example", x_custom_host="c.router.example")
    assert tenant(request, external=True).subdomain == "c"
    assert tenant(head("a.router.example", x_forwarded_host="b.router.example"), external=True).subdomain == "a"


@given(label=st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=70))
def test_a_tenant_is_one_dns_label_or_the_request_is_refused(label: str) -> None:
    request = head(f"{label}.router.example")
    if is_label(label):
        assert tenant(request).subdomain == label.lower()
    else:
        with pytest.raises(GatewayError) as caught:
            tenant(request)
        assert caught.value.failure is Failure.BAD_REQUEST


def test_a_host_that_does_not_fit_the_pattern_is_the_providers() -> None:
    for host in ("elsewhere.example", "10.0.3.7:8080", "[::1]:8080"):
        assert tenant(head(host)) == OWN


def test_the_pattern_is_one_of_javascript() -> None:
    resolver = TenantResolver(TenantOptions(host_pattern=r"^(?!www\.)(?<tenant>[^.]+)\.Router"), SHARED)
    assert resolver.tenant(head("globex.router.example")).subdomain == "globex"
    assert resolver.tenant(head("www.router.example")) == OWN


@pytest.mark.parametrize(
    ("pattern", "host", "other"),
    [
        (PATTERN, "acme.router.example", "globex.router.example"),
        (r"^app-(.*)\.router", "app-app.router.example", "app-globex.router.example"),
        (r"^(.*)-app\.router", "app-app.router.example", "globex-app.router.example"),
        (r"([^.]+)\.router", "a.a.router.example:5000", "a.globex.router.example:5000"),
        (r"^(globex|acme)\.", "acme.x", "globex.x"),
    ],
)
def test_another_tenant_has_the_same_host_but_for_its_name(pattern: str, host: str, other: str) -> None:
    resolver = TenantResolver(TenantOptions(host_pattern=pattern), SHARED)
    assert resolver.host_of("Globex", host) == other


@pytest.mark.parametrize(
    ("subdomain", "host"), [("a.b", "acme.router.example"), ("", "acme.router.example"), ("b", "x")]
)
def test_there_is_no_host_of_what_names_no_tenant(subdomain: str, host: str) -> None:
    resolver = TenantResolver(TenantOptions(host_pattern=PATTERN), SHARED)
    with pytest.raises(GatewayError) as caught:
        resolver.host_of(subdomain, host)
    assert caught.value.failure is Failure.BAD_REQUEST


def test_a_pattern_that_fits_no_other_name_gives_no_host() -> None:
    resolver = TenantResolver(TenantOptions(host_pattern=r"^(acme)\.router"), SHARED)
    with pytest.raises(GatewayError):
        resolver.host_of("globex", "acme.router.example")


@pytest.mark.parametrize("host", ["caf\u00e9.router.example", "a" * 9000 + ".router.example"])
def test_what_is_no_host_names_no_tenant(host: str) -> None:
    assert not TenantResolver(TenantOptions(host_pattern=r"^(?!x)(.*)\.router"), SHARED).fits(host)


@pytest.mark.parametrize("host", ["", "a/?x=", "a b", "a<script>", "a:b", "[::1", "a@b", "a\\b", "a:123456", "a" * 300])
def test_attack_45_a_malformed_host_is_refused(host: str) -> None:
    resolver = TenantResolver(TenantOptions(), DEDICATED)
    with pytest.raises(GatewayError) as caught:
        resolver.public_origin(head(host))
    assert caught.value.failure is Failure.BAD_REQUEST


@pytest.mark.parametrize("host", ["app.example", "APP.example", "b.shop.example", "local:5000"])
def test_a_listed_host_is_served(host: str) -> None:
    resolver = TenantResolver(TenantOptions(public_hosts=("app.example", "*.shop.example", "local:5000")), DEDICATED)
    assert resolver.public_origin(head("inner", x_forwarded_host=host)) == f"http://{host}"
    assert resolver.public_origin(head(host)) == f"http://{host}"


@pytest.mark.parametrize(
    "host", ["evil.example", "app.example.evil", "shop.example", "evilshop.example", "app.example:81", "local"]
)
def test_attack_45_a_poisoned_forwarded_host_is_refused(host: str) -> None:
    """Attack 45: a host that is not listed gets into no link of a login or logout, however it arrives."""
    resolver = TenantResolver(TenantOptions(public_hosts=("app.example", "*.shop.example", "local:5000")), DEDICATED)
    for request in (head("app.example", x_forwarded_host=host), head(host)):
        with pytest.raises(GatewayError) as caught:
            resolver.public_origin(request)
        assert caught.value.failure is Failure.BAD_REQUEST


def test_without_an_xsuaa_the_tenant_is_that_of_another_binding() -> None:
    binding = {"clientid": "c", "clientsecret": "s", "uri": "https://d.example", "identityzone": "acme"}
    destination = DestinationCredentials.model_validate({**binding, "identityzoneid": ZONE})
    assert TenantResolver(TenantOptions(), destination).tenant(head("any.example")) == OWN


def test_only_a_dedicated_application_may_leave_its_tenant_to_its_tokens() -> None:
    unnamed = {"identityzone": "", "identityzoneid": "", "tenantid": "", "zoneid": ""}
    for mode, expected in (("dedicated", OnlyTenant()), ("shared", Tenant("", ""))):
        binding = credentials("https://acme.auth.example", tenantmode=mode, **unnamed)
        assert TenantResolver(TenantOptions(), binding).tenant(head("any.example")) == expected
    assert OnlyTenant() != Tenant("", "")


def test_the_public_address_is_what_the_browser_sees() -> None:
    resolver = TenantResolver(TenantOptions(), DEDICATED)
    assert resolver.public_origin(head("app.example:5000")) == "http://app.example:5000"
    assert resolver.public_origin(head("app.example", x_forwarded_proto="https, http")) == "https://app.example"
    assert resolver.public_origin(head("[::1]:5000", x_forwarded_proto="junk")) == "http://[::1]:5000"


@pytest.mark.parametrize(
    ("token_tenant", "host_tenant", "agree"),
    [
        (OWN, OWN, True),
        (Tenant(ZONE, "acme"), Tenant("", "acme"), True),
        (Tenant(ZONE, ""), OWN, True),
        (Tenant(OTHER_ZONE, "globex"), OWN, False),
        (Tenant(OTHER_ZONE, "acme"), OWN, False),
        (Tenant(OTHER_ZONE, "globex"), Tenant("", "initech"), False),
        (Tenant(OTHER_ZONE, ""), Tenant("", "globex"), False),
        (Tenant("", ""), Tenant("", ""), False),
        (Tenant(ZONE, ""), Tenant("", ""), False),
        (Tenant(ZONE, ""), OnlyTenant(), True),
        (OnlyTenant(), OWN, False),
    ],
)
def test_attack_56_tenants_of_token_and_host_agree_or_the_request_is_refused(
    token_tenant: Tenant, host_tenant: Tenant, agree: bool
) -> None:
    if agree:
        check_tenant(token_tenant, host_tenant)
        return
    with pytest.raises(GatewayError) as caught:
        check_tenant(token_tenant, host_tenant)
    assert caught.value.failure is Failure.TENANT_MISMATCH
