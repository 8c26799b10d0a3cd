"""Typed credentials of the services we use."""

from __future__ import annotations

from typing import Any

import pytest

from app.bindings.binding import Binding, Bindings
from app.bindings.services import read_services

XSUAA: dict[str, Any] = {
    "clientid": "sb-x",
    "clientsecret": "hidden-secret",
    "url": "https://acme.authentication.example",
    "uaadomain": "authentication.example",
    "xsappname": "x!t1",
}


def test_services_are_typed_and_their_secrets_hidden() -> None:
    destination = {"clientid": "c", "clientsecret": "hidden-secret", "uri": "https://d", "url": "https://u"}
    services, problems = read_services(
        Bindings((Binding("xsuaa", "uaa", ("xsuaa",), "", XSUAA), Binding("destination", "d", (), "", destination)))
    )
    assert problems == []
    assert services.xsuaa is not None
    assert services.xsuaa.xsappname == "x!t1"
    assert services.destination is not None
    assert services.connectivity is None
    assert "hidden-secret" not in repr(services)


DESTINATION = {**XSUAA, "uri": "https://d", "tenantid": "zone-d"}
IDENTITY = {"clientid": "i", "clientsecret": "s", "url": "https://ias.example", "app_tid": "zone-i"}
NAMED = {**XSUAA, "tenantid": "zone-x"}


@pytest.mark.parametrize(
    ("bound", "home"),
    [
        ({"xsuaa": NAMED, "destination": DESTINATION, "identity": IDENTITY}, "zone-x"),
        ({"xsuaa": XSUAA, "destination": DESTINATION}, ""),
        ({"xsuaa": XSUAA, "destination": DESTINATION, "identity": IDENTITY}, "zone-i"),
        ({"destination": DESTINATION, "identity": IDENTITY}, "zone-d"),
        ({"identity": IDENTITY}, "zone-i"),
    ],
)
def test_the_own_tenant_is_what_the_service_says_that_logs_users_in(
    bound: dict[str, dict[str, Any]], home: str
) -> None:
    bindings = Bindings(tuple(Binding(label, label, (), "", credentials) for label, credentials in bound.items()))
    found = read_services(bindings)[0].home
    assert found is not None
    assert found.tenant.id == home


def test_uaa_service_name_selects_a_binding_without_the_tag() -> None:
    bindings = Bindings((Binding("user-provided", "my-uaa", (), "", XSUAA),))
    assert read_services(bindings)[0].xsuaa is None
    services, problems = read_services(bindings, "my-uaa")
    assert problems == []
    assert services.xsuaa is not None


def test_a_uaa_service_name_that_is_not_bound_is_a_problem() -> None:
    _, (problem,) = read_services(Bindings(), "nope")
    assert (problem.where, problem.value) == ("UAA_SERVICE_NAME", '"nope"')


def test_missing_credentials_are_named_and_secrets_are_not_shown() -> None:
    broken = {"clientid": "sb-x", "clientsecret": "hidden-secret", "url": ["hidden-secret"]}
    _, problems = read_services(Bindings((Binding("xsuaa", "uaa", ("xsuaa",), "", broken, "VCAP_SERVICES"),)))
    paths = {problem.path for problem in problems}
    assert {"$.credentials.xsappname", "$.credentials.uaadomain", "$.credentials.url"} <= paths
    assert "hidden-secret" not in "".join(map(str, problems))
    assert all("VCAP_SERVICES" in problem.where for problem in problems)


def test_a_private_key_that_is_given_apart_goes_before_the_bindings_own() -> None:
    credentials = {"clientid": "c", "certificate": "chain", "url": "https://acme.accounts.example"}
    for own in ({}, {"key": "own"}):
        bindings = Bindings((Binding("identity", "ias", (), "", {**credentials, **own}),))
        services, problems = read_services(bindings, ias_private_key="apart")
        assert problems == []
        assert services.identity is not None
        assert (services.identity.certificate, services.identity.key) == ("chain", "apart")


def test_a_private_key_is_nothing_without_a_certificate() -> None:
    credentials = {"clientid": "c", "clientsecret": "s", "url": "https://acme.accounts.example"}
    services, _ = read_services(Bindings((Binding("identity", "ias", (), "", credentials),)), ias_private_key="apart")
    assert services.identity is not None
    assert services.identity.key == ""
