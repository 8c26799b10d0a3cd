"""Working at one's own desk: the login's four properties in default-services.json, everything else bound as usual."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from app.landscape.landscape import Landscape
from app.landscape.running import running_landscape
from app.landscape.users import ACME, GLOBEX
from tests.journeys.conftest import NO_SCRIPTS
from tests.journeys.gateway import running_gateway
from tests.journeys.person import TIMEOUT
from tests.journeys.tenant_site import TenantSite

ANNA, BOB = "anna.arnold@acme.example", "bob.berger@acme.example"
XS_APP = {
    "routes": [
        {"source": "^/service/(.*)$", "target": "/$1", "destination": "microservice"},
        {"source": "^/user-api/(.*)$", "target": "/$1", "service": "sap-approuter-userapi"},
    ],
    "logout": {"logoutEndpoint": "/logout"},
}
SHORT = ("url", "clientid", "clientsecret", "xsappname")
WHOAMI = "/service/whoami"


def folder_of(tmp_path: Path, landscape: Landscape) -> Path:
    """An application's folder, with what XSUAA's binding is when somebody writes it down."""
    [xsuaa] = landscape.vcap_services()["xsuaa"]
    short = {name: xsuaa["credentials"][name] for name in SHORT}
    (tmp_path / "xs-app.json").write_text(json.dumps(XS_APP))
    (tmp_path / "default-services.json").write_text(json.dumps({"uaa": short}))
    return tmp_path


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[TenantSite]:
    with running_landscape() as landscape:
        bound = {label: entries for label, entries in landscape.vcap_services().items() if label != "xsuaa"}
        environment = {"VCAP_SERVICES": json.dumps(bound), **NO_SCRIPTS}
        with running_gateway(folder_of(tmp_path, landscape), environment, health="ready") as gateway:
            yield TenantSite(landscape, gateway)


def status_as_service(desk: TenantSite, token: str) -> int:
    headers = {"x-approuter-authorization": f"Bearer {token}"}
    return requests.get(desk.gateway.url + WHOAMI, headers=headers, timeout=TIMEOUT).status_code


def test_people_log_in_and_reach_destinations(desk: TenantSite) -> None:
    people = {ANNA: desk.person("acme", "anna", WHOAMI), BOB: desk.person("acme", "bob", WHOAMI)}
    for email, person in people.items():
        seen = person.get(WHOAMI).json()
        assert (seen["user"], seen["zid"]) == (email, ACME.zone_id)
        assert person.get("/user-api/currentUser").json()["email"] == email
    assert "/logout.do" in people[ANNA].get("/logout", allow_redirects=False).headers["location"]


def test_who_comes_from_another_tenant_is_refused(desk: TenantSite) -> None:
    assert status_as_service(desk, desk.user_token(ACME, "anna")) == 200
    assert status_as_service(desk, desk.user_token(GLOBEX, "gina")) == 401
    assert desk.person("acme", "anna", WHOAMI).get(WHOAMI).json()["user"] == ANNA
