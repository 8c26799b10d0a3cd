"""The user API: who is logged in, with attributes of the identity provider, in two tenants."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from app.landscape.faults import Fault
from app.landscape.journal import Station
from app.landscape.users import ACME, GLOBEX
from tests.journeys.person import Person
from tests.journeys.tenant_site import TenantSite, tenant_site

XS_APP = {"routes": [{"source": "^/user-api/(.*)$", "target": "/$1", "service": "sap-approuter-userapi"}]}
ATTRIBUTES = "/user-api/attributes"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TenantSite]:
    with tenant_site(tmp_path_factory.mktemp("user-api"), XS_APP) as running:
        yield running


def told(person: Person) -> dict[str, Any]:
    answer = person.get(ATTRIBUTES)
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    document: dict[str, Any] = answer.json()
    return document


def questions(site: TenantSite) -> list[tuple[str, str]]:
    """Whom XSUAA was asked about, and in which tenant."""
    entries = site.landscape.journal.entries(station=Station.XSUAA)
    return [(entry.principal, entry.detail["tenant"]) for entry in entries if entry.kind == "user-info"]


def test_attributes_are_those_that_xsuaa_tells_of_this_user_in_this_tenant(site: TenantSite) -> None:
    people = {
        ("acme", "anna"): ["DE"],
        ("acme", "bob"): ["AT"],
        ("globex", "gina"): ["ES"],
        ("globex", "anna"): ["DE"],
    }
    before = len(questions(site))
    persons = {(tenant, user): site.person(tenant, user) for tenant, user in people}
    for _ in range(3):
        assert {who: told(person)["country"] for who, person in persons.items()} == people
    assert len(questions(site)) == before + len(people)
    assert {tenant for _, tenant in questions(site)[before:]} == {ACME.subdomain, GLOBEX.subdomain}


def test_current_user_asks_nobody(site: TenantSite) -> None:
    anna, before = site.person("acme", "anna"), questions(site)
    user = anna.get("/user-api/currentUser").json()
    assert (user["displayName"], "country" in user) == ("Anna Arnold (anna.arnold@acme.example)", False)
    assert questions(site) == before


def test_attributes_of_an_application_are_its_own(site: TenantSite) -> None:
    before = questions(site)
    token = site.technical_token(ACME, site.landscape.instances.provisioning.client)
    answer = site.person("acme").get(ATTRIBUTES, headers={"x-approuter-authorization": f"Bearer {token}"})
    assert answer.json()["name"] == site.landscape.instances.provisioning.client.client_id
    assert questions(site) == before


def test_while_xsuaa_is_away_the_main_properties_are_told(site: TenantSite) -> None:
    bob = site.person("acme", "bob")
    site.landscape.faults.switch_on(Fault.SERVER_ERROR, "xsuaa")
    try:
        body = told(bob)
    finally:
        site.landscape.faults.switch_off(Fault.SERVER_ERROR)
    assert (body["firstname"], "country" in body) == ("Bob", False)


def test_without_the_scope_for_them_there_are_no_attributes(site: TenantSite) -> None:
    client = site.landscape.instances.app.client
    site.landscape.xsuaa.add_client(replace(client, sees_attributes=False))
    try:
        body = told(site.person("acme", "anna"))
    finally:
        site.landscape.xsuaa.add_client(client)
    assert (body["firstname"], "country" in body) == ("Anna", False)
