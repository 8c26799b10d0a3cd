"""Logouts that the identity service reports, where several instances share nothing: the report finds the right one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.landscape.journal import Station
from app.landscape.landscape import Landscape
from app.landscape.running import running_landscape
from tests.journeys.gateway import running_gateway
from tests.journeys.identity_site import BACK_CHANNEL, demo_without_kinds_of_login, identity_variables
from tests.journeys.person import Person
from tests.journeys.sticky_router import sticky_router
from tests.support.ports import free_port

SCRIPT = {"x-requested-with": "XMLHttpRequest"}


class Cloud:
    """A landscape, and two instances behind the platform's router."""

    def __init__(self, landscape: Landscape, port: int) -> None:
        self.landscape = landscape
        self.port = port
        self.url = f"http://localhost:{port}"

    def logged_in(self, user: str) -> Person:
        person = Person(self.url)
        assert person.login(user).status_code == 200
        return person

    def leave(self, person: Person) -> None:
        """Log out at the identity service itself."""
        [binding] = self.landscape.vcap_services()["identity"]
        client = {"client_id": binding["credentials"]["clientid"], "app_tid": binding["credentials"]["app_tid"]}
        url = f"{self.landscape.identity_service.url}/oauth2/logout"
        assert person.get(url, params=client).status_code == 200

    def told(self, name: str) -> list[str]:
        """What logins have told the identity service about reports, under this name."""
        entries = self.landscape.journal.entries(station=Station.IDENTITY_SERVICE)
        return [entry.detail[name] for entry in entries if name in entry.detail]


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    folder, port = tmp_path_factory.mktemp("reports"), free_port()
    workdir = demo_without_kinds_of_login(folder / "app", [])
    with running_landscape(Landscape(ias=True)) as landscape:
        variables = identity_variables(folder, landscape, f"http://localhost:{port}")
        with (
            running_gateway(workdir, variables, health="ready") as one,
            running_gateway(workdir, variables, health="ready") as two,
            sticky_router(port, (one.port, two.port)),
        ):
            yield Cloud(landscape, port)


def is_logged_in(person: Person) -> bool:
    return person.get("/user-api/currentUser", headers=SCRIPT).status_code == 200


def test_the_report_reaches_the_instance_that_has_the_session(cloud: Cloud) -> None:
    people = [cloud.logged_in(user) for user in ("anna", "bob", "anna")]
    assert {person.cookies["__VCAP_ID__"] for person in people} == {"0", "1"}
    for person in people:
        assert is_logged_in(person)
        cloud.leave(person)
        assert not is_logged_in(person)
    assert set(cloud.told("s3bcl_logout_uri")) == {f"https://localhost:{cloud.port}{BACK_CHANNEL}"}


def test_no_session_id_is_told_beside_the_address_for_reports(cloud: Cloud) -> None:
    anna = cloud.logged_in("anna")
    assert cloud.told("s3bcl_header_name")[-1] == "cookie"
    assert cloud.told("s3bcl_header_value")[-1] == f"__VCAP_ID__={anna.cookies['__VCAP_ID__']};JSESSIONID=login"
