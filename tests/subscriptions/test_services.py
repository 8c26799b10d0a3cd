from __future__ import annotations

import json
from typing import Any

import pytest

from app.bindings.binding import Binding, Bindings
from app.subscriptions.callback_path import CallbackPath, parse_callback
from app.subscriptions.dependencies import dependencies
from app.subscriptions.services import Kind, SubscriptionService, subscription_services

TENANTS = CallbackPath("acme.app.example", "/callback/v1.0/tenants/", "", has_tenant=True)
MANAGER = {
    "app_urls": json.dumps(
        {
            "subscriptionCallbacks": {"url": "https://acme.app.cert.example/v1.0/callback/tenants/{app_tid}?x=1"},
            "dependenciesCallbacks": {
                "url": "https://acme.app.cert.example/v1.0/callback/tenants/{app_tid}/dependencies"
            },
            "subscriptionParamsCallbacks": {"url": ""},
        }
    ),
    "callback_certificate_subject": json.dumps({"CN": "*.manager.example", "OU": ["a", "b"]}),
    "callback_certificate_issuer": json.dumps({"CN": "CA"}),
}


def services_of(label: str, **credentials: Any) -> list[SubscriptionService]:
    found, problems = subscription_services(Bindings((Binding(label, "x", credentials=credentials),)))
    assert problems == []
    return found


@pytest.mark.parametrize("as_text", [True, False])
@pytest.mark.parametrize("scheme", ["https://", ""])
def test_the_registrys_callbacks_are_those_of_its_binding(as_text: bool, scheme: str) -> None:
    urls = {
        "getDependencies": f"{scheme}acme.app.example/callback/v1.0/dependencies",
        "onSubscription": f"{scheme}acme.app.example/callback/v1.0/tenants/{{tenantId}}",
    }
    [service] = services_of("saas-registry", appUrls=json.dumps(urls) if as_text else urls)
    assert service.kind is Kind.REGISTRY
    assert service.dependencies == CallbackPath("acme.app.example", "/callback/v1.0/dependencies")
    assert service.tenants == TENANTS


def test_the_managers_callbacks_and_certificate_are_those_of_its_binding() -> None:
    [service] = services_of("subscription-manager", **MANAGER)
    assert service.kind is Kind.MANAGER
    assert service.dependencies is not None
    assert service.dependencies.tenant_id("/v1.0/callback/tenants/t-1/dependencies") == "t-1"
    assert service.tenants is not None
    assert service.tenants.tenant_id("/v1.0/callback/tenants/t-1") == "t-1"
    assert service.subject is not None
    assert service.subject.attributes == {"CN": ("*.manager.example",), "OU": ("a", "b")}
    assert service.issuer is not None


def test_a_binding_without_callbacks_has_none() -> None:
    for label in ("saas-registry", "subscription-manager"):
        [service] = services_of(label)
        assert (service.dependencies, service.tenants, service.subject, service.issuer) == (None, None, None, None)


@pytest.mark.parametrize(
    ("label", "credentials"),
    [
        ("saas-registry", {"appUrls": "{"}),
        ("saas-registry", {"appUrls": "[]"}),
        ("saas-registry", {"appUrls": {"onSubscription": "https://a.example/without-variable"}}),
        ("saas-registry", {"appUrls": {"getDependencies": 7}}),
        ("subscription-manager", {"callback_certificate_subject": "CN=x"}),
        ("subscription-manager", {"callback_certificate_subject": "{}"}),
        ("subscription-manager", {"callback_certificate_issuer": {"CN": 1}}),
        ("subscription-manager", {"app_urls": {"subscriptionCallbacks": {"url": "https://a/{x}/{y}"}}}),
    ],
)
def test_a_binding_that_cannot_be_read_is_a_problem(label: str, credentials: dict[str, Any]) -> None:
    found, problems = subscription_services(Bindings((Binding(label, "mine", credentials=credentials),)))
    assert found == []
    assert [problem.path for problem in problems] == ["$.credentials"]
    assert "mine" in problems[0].where


@pytest.mark.parametrize(
    ("path", "tenant_id"),
    [
        ("/callback/v1.0/tenants/t-1", "t-1"),
        ("/callback/v1.0/tenants/", None),
        ("/callback/v1.0/tenants/a/b", None),
        ("/callback/v1.0/tenants/a%2fb", None),
        ("/callback/v1.0/tenants/" + "a" * 65, None),
        ("/callback/v1.0/tenant", None),
    ],
)
def test_a_tenant_id_is_one_segment(path: str, tenant_id: str | None) -> None:
    assert TENANTS.tenant_id(path) == tenant_id


def test_overlapping_parts_hold_no_tenant_id() -> None:
    path = parse_callback("https://a.example/tenants/{t}/tenants/")
    assert path is not None
    assert path.tenant_id("/tenants/") is None


REUSED = Bindings(
    (
        Binding("xsuaa", "x", credentials={"xsappname": "app!t1"}),
        Binding("destination", "d", credentials={"xsappname": "destination!b1"}),
        Binding("destination", "d2", credentials={"xsappname": "destination!b1"}),
        Binding("connectivity", "n", credentials={"xsappname": "connectivity!b7", "saasregistryenabled": True}),
        Binding("html5-apps-repo", "h", credentials={"saasregistryenabled": True, "uaa": {"xsappname": "html5!b2"}}),
        Binding("auditlog", "a", plan="oauth2", credentials={"uaa": {"xsappname": "audit!b3"}}),
        Binding("auditlog", "b", plan="standard", credentials={"uaa": {"xsappname": "audit!b4"}}),
        Binding("country", "c", credentials={"saasregistryenabled": "true", "uaa": {"xsappname": "country!b5"}}),
        Binding("weather", "w", credentials={"uaa": {"xsappname": "weather!b6"}}),
        Binding("portal", "p", credentials={"uaa": {"xsappname": "portal!b8"}}),
        Binding("theming", "t", credentials={"saasregistryenabled": True, "uaa": "none"}),
    )
)
TOLD = [
    {"appId": "destination!b1", "appName": "destination"},
    {"appId": "connectivity!b7", "appName": "connectivity"},
    {"xsappname": "html5!b2"},
    {"appId": "audit!b3", "appName": "auditlog"},
    {"xsappname": "country!b5"},
]


def test_dependencies_are_the_reuse_services_that_are_bound() -> None:
    assert dependencies(REUSED, Kind.REGISTRY, "app!t1") == TOLD


def test_the_manager_is_told_of_the_applications_own_xsuaa_as_well() -> None:
    assert dependencies(REUSED, Kind.MANAGER, "app!t1") == [*TOLD, {"xsappname": "app!t1"}]
    assert dependencies(Bindings(), Kind.MANAGER, "app!t1") == [{"xsappname": "app!t1"}]
    assert dependencies(Bindings(), Kind.MANAGER, "") == []
