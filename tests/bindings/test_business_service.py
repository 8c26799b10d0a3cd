"""The binding of a business service, tolerant of what we do not use and strict about what we do."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from app.bindings.binding import Binding, Bindings
from app.bindings.business_service import BusinessService, GrantType, read_business_services, service_problems

UAA = {"clientid": "sb-c", "clientsecret": "hidden", "url": "https://acme.uaa.example"}
COUNTRY: dict[str, Any] = {
    "sap.cloud.service": "com.sap.country",
    "sap.cloud.service.alias": "cty",
    "endpoints": {"a": {"url": "https://a.example", "timeout": 120000}, "b": "https://b.example"},
    "html5-apps-repo": {"app_host_id": " h1 ,h2,"},
    "URL.headers.x-api-key": "hidden-too",
    "saasregistryenabled": True,
    "uaa": UAA,
    "something": {"else": 1},
}


def binding(**change: Any) -> Binding:
    credentials = {name: value for name, value in {**COUNTRY, **change}.items() if value is not None}
    return Binding("country", "my-country", credentials=credentials, where="VCAP_SERVICES")


def problem_of(**change: Any) -> str:
    (problem,) = service_problems(binding(**change))
    return f"{problem.path} {problem.message}"


def test_a_complete_binding() -> None:
    service = BusinessService.model_validate(COUNTRY)
    assert service.names() == ("com.sap.country", "cty")
    assert {name: (place.url, place.timeout) for name, place in service.endpoints.items()} == {
        "a": ("https://a.example", 120_000),
        "b": ("https://b.example", 30_000),
    }
    assert (service.grant_type, service.app_hosts) == (GrantType.USER_TOKEN, ("h1", "h2"))
    assert service.headers == {"x-api-key": "hidden-too"}
    assert "hidden" not in repr(service)


def test_a_service_that_gets_tokens_of_the_identity_service_needs_no_client() -> None:
    assert service_problems(binding(uaa=None, forwardiasauthentication=True)) == []
    assert service_problems(binding(uaa=None, IASDependencyName="country")) == []


def test_a_service_may_have_applications_only() -> None:
    assert service_problems(binding(endpoints=None, uaa=None)) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"grant_type": "password"}, "$.credentials.grant_type"),
        ({"endpoints": {"a": {"timeout": 1}}}, "$.credentials.endpoints.a.url this property is required"),
        ({"endpoints": {"a": {"url": "https://x", "timeout": -1}}}, "$.credentials.endpoints.a.timeout"),
        ({"endpoints": {"a": 5}}, "$.credentials.endpoints.a"),
        ({"uaa": None}, "$.credentials.uaa uaa is required with grant_type user_token"),
        (
            {"uaa": None, "forwardiasauthentication": True, "grant_type": "client_credentials"},
            "uaa is required with grant_type client_credentials",
        ),
        ({"uaa": {"clientid": "x"}}, "$.credentials.uaa clientsecret, or certificate and key"),
        ({"grant_type": "mtls", "cert": "c"}, "$.credentials.key key is required beside grant_type mtls"),
        ({"html5-apps-repo": {"app_host_id": 5}}, "$.credentials['html5-apps-repo']"),
        ({"html5-apps-repo": {"app_host_id": "a\r\nb"}}, "$.credentials['html5-apps-repo']"),
        ({"URL.headers.x": ["a"]}, "$.credentials.headers.x"),
    ],
)
def test_what_is_wrong_is_named_without_values(change: dict[str, Any], expected: str) -> None:
    assert expected in problem_of(**change)
    (problem,) = service_problems(binding(**change))
    assert (problem.where, problem.value) == ("VCAP_SERVICES, country my-country", "")


def test_errors_hold_no_secrets() -> None:
    with pytest.raises(ValidationError) as caught:
        BusinessService.model_validate({**COUNTRY, "endpoints": 5})
    assert "hidden" not in str(caught.value)


def test_a_timeout_of_zero_is_the_default() -> None:
    for timeout in (0, "", None):
        service = BusinessService.model_validate({**COUNTRY, "endpoints": {"a": {"url": "u", "timeout": timeout}}})
        assert service.endpoints["a"].timeout == 30_000


def test_headers_may_be_numbers_and_flags() -> None:
    given = {"URL.headers.n": 5, "URL.headers.f": 1.5, "URL.headers.yes": True, "URL.headers.none": None}
    service = BusinessService.model_validate({"sap.cloud.service": "s", **given})
    assert service.headers == {"n": "5", "f": "1.5", "yes": "true"}


def test_who_forwards_the_identity_services_token_needs_no_client_of_its_own() -> None:
    assert service_problems(binding(uaa=None, forwardiasauthentication=True)) == []
    assert service_problems(binding(uaa=None, IASDependencyName="country")) == []
    technical = problem_of(uaa=None, forwardiasauthentication=True, grant_type="client_credentials")
    assert "uaa is required with grant_type client_credentials" in technical


def test_unusable_services_are_left_out() -> None:
    other = Binding("xsuaa", "uaa", credentials=UAA)
    services = read_business_services(Bindings((other, binding(url="https://1.example"), named("com.broken", url=5))))
    assert len(services.all) == 1
    found = services.find("cty")
    assert found is not None
    assert found.url == "https://1.example"
    assert services.find("com.sap.country") is found
    assert services.find("my-country") is None


def named(name: str, alias: str = "", **more: Any) -> Binding:
    return Binding("other", name, credentials={"sap.cloud.service": name, "sap.cloud.service.alias": alias, **more})


@pytest.mark.parametrize(
    "other",
    [named("com.sap.country", endpoints=5), named("cty", "c"), named("com.other", "com.sap.country")],
)
def test_a_name_that_several_bindings_have_names_none_of_them(other: Binding) -> None:
    services = read_business_services(Bindings((binding(), other)))
    taken = {"com.sap.country", "cty"} & other.service_names
    assert services.ambiguous == taken
    for name in ("com.sap.country", "cty"):
        assert (services.find(name) is None) == (name in taken)
