"""One gateway, two tenants, told apart by the address: each has its own users, destinations and Cloud Connector."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.landscape.command import DEMO_FOLDER
from app.landscape.faults import Fault
from app.landscape.landscape import Landscape
from app.landscape.running import running_landscape
from tests.journeys.conftest import NO_SCRIPTS, Site
from tests.journeys.gateway import running_gateway
from tests.journeys.person import Person
from tests.support.ports import free_port

WHO_AM_I = "/onpremise/sap/bc/rest/whoami"
ANNA, GINA = "anna.arnold@acme.example", "gina.gomez@globex.example"
XHR = {"x-requested-with": "XMLHttpRequest"}


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """A landscape and a gateway for several tenants."""
    port = free_port()
    pattern = {"TENANT_HOST_PATTERN": r"^(.*)\.localhost"}
    with running_landscape(Landscape(shared=True)) as landscape:
        environment = landscape.environment(f"http://localhost:{port}") | NO_SCRIPTS | pattern
        with running_gateway(DEMO_FOLDER, environment, port=port, health="ready") as gateway:
            yield Site(landscape, gateway)


def person_at(site: Site, tenant: str, user: str) -> Person:
    person = Person(f"http://{tenant}.localhost:{site.gateway.port}")
    assert person.login(user).url.startswith(person.gateway_url)
    return person


def test_each_tenant_has_its_own_users_and_its_own_cloud_connector(site: Site) -> None:
    anna, gina = person_at(site, "acme", "anna"), person_at(site, "globex", "gina")
    for _ in range(3):
        assert anna.get(WHO_AM_I).json()["user"] == ANNA
        assert gina.get(WHO_AM_I).json()["user"] == GINA
    assert site.landscape.proxy.violations == []
    site.landscape.faults.switch_on(Fault.NO_CLOUD_CONNECTOR, "madrid")
    assert (anna.get(WHO_AM_I).status_code, gina.get(WHO_AM_I).status_code) == (200, 503)


def test_a_person_of_one_name_in_two_tenants_is_two_people(site: Site) -> None:
    here, there = person_at(site, "acme", "anna"), person_at(site, "globex", "anna")
    scopes = [set(each.get("/user-api/currentUser").json()["scopes"]) for each in (here, there)]
    assert any(scope.endswith(".Write") for scope in scopes[0])
    assert not any(scope.endswith(".Write") for scope in scopes[1])


def test_a_session_is_worth_nothing_at_another_tenants_address(site: Site) -> None:
    anna = person_at(site, "acme", "anna")
    cookie = next(each.value for each in anna.cookies if each.name == "JSESSIONID")
    elsewhere = Person(f"http://globex.localhost:{site.gateway.port}")
    answer = elsewhere.get(WHO_AM_I, headers={**XHR, "cookie": f"JSESSIONID={cookie}"})
    assert answer.status_code in (401, 403)
    assert anna.get(WHO_AM_I).json()["user"] == ANNA
