"""The identity service for two tenants: one of its tenants serves both, and `app_tid` tells them apart."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.landscape.journal import Station
from app.landscape.landscape import Landscape
from app.landscape.users import ACME, GLOBEX
from tests.journeys.conftest import Site
from tests.journeys.identity_site import identity_site
from tests.journeys.person import Person

WHO_AM_I = "/onpremise/sap/bc/rest/whoami"
USER = "/user-api/currentUser"
ANNA, GINA = "anna.arnold@acme.example", "gina.gomez@globex.example"
XHR = {"x-requested-with": "XMLHttpRequest"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    pattern = {"TENANT_HOST_PATTERN": r"^(.*)\.localhost"}
    with identity_site(tmp_path_factory.mktemp("ias"), Landscape(ias=True, shared=True), pattern) as running:
        yield running


def person_at(site: Site, tenant: str, user: str = "") -> Person:
    person = Person(f"http://{tenant}.localhost:{site.gateway.port}")
    if user:
        assert person.login(user).url.startswith(person.gateway_url)
    return person


def test_each_tenant_has_its_own_users_and_its_own_cloud_connector(site: Site) -> None:
    anna, gina = person_at(site, "acme", "anna"), person_at(site, "globex", "gina")
    for _ in range(3):
        assert anna.get(WHO_AM_I).json()["user"] == ANNA
        assert gina.get(WHO_AM_I).json()["user"] == GINA
    assert site.landscape.proxy.violations == []


def test_the_login_names_the_tenant_of_the_address(site: Site) -> None:
    for tenant in (ACME, GLOBEX):
        person = person_at(site, tenant.subdomain)
        asked = person.get("/index.html", allow_redirects=False)
        assert f"app_tid={tenant.zone_id}" in asked.headers["location"]
        assert f"Log in to {tenant.subdomain}" in person.open("/index.html").text


def test_attack_56_a_session_is_worth_nothing_at_another_tenants_address(site: Site) -> None:
    anna = person_at(site, "acme", "anna")
    cookie = next(each.value for each in anna.cookies if each.name == "JSESSIONID")
    elsewhere = person_at(site, "globex").get(USER, headers={**XHR, "cookie": f"JSESSIONID={cookie}"})
    assert elsewhere.status_code == 403


def test_a_logout_there_ends_the_sessions_of_that_login_in_every_tenant(site: Site) -> None:
    """Who is known in both tenants is logged in to both by one session of the identity service."""
    anna = person_at(site, "acme", "anna")
    anna.open(f"http://globex.localhost:{site.gateway.port}/index.html")
    there = f"http://globex.localhost:{site.gateway.port}{USER}"
    assert anna.get(there).json()["email"] == ANNA
    assert anna.get(USER).status_code == 200
    before = site.landscape.journal.entries()[-1].sequence
    query = {"client_id": site.landscape.identity_instances.app.client_id, "app_tid": GLOBEX.zone_id}
    anna.get(f"{site.landscape.identity_service.url}/oauth2/logout", params=query)
    reports = site.landscape.journal.entries(since=before, station=Station.IDENTITY_SERVICE)
    assert [e.detail["status"] for e in reports if e.kind == "back-channel-logout"] == [200]
    assert [anna.get(address, headers=XHR).status_code for address in (USER, there)] == [401, 401]


def test_an_unknown_tenant_logs_nobody_in(site: Site) -> None:
    answer = person_at(site, "nobody").get("/index.html", allow_redirects=False)
    assert (answer.status_code, answer.headers["x-error-origin"]) == (404, "xsuaa")
