"""What a journey leaves in the gateway's log: one line of JSON per request, without secrets and people."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from app.landscape.command import DEMO_FOLDER
from app.landscape.landscape import Landscape
from app.landscape.running import running_landscape
from app.landscape.users import PROVIDER
from tests.journeys.conftest import NO_SCRIPTS
from tests.journeys.gateway import running_gateway
from tests.journeys.person import Person
from tests.support.ports import free_port

WHO_AM_I = "/onpremise/sap/bc/rest/whoami"


def journey(landscape: Landscape, folder: Path, settings: dict[str, str] | None = None) -> str:
    """Anna logs in and calls a system; the log of it."""
    port = free_port()
    environment = landscape.environment(f"http://localhost:{port}") | NO_SCRIPTS | (settings or {})
    with running_gateway(DEMO_FOLDER, environment, port=port, health="ready", log_folder=folder) as gateway:
        anna = Person(gateway.url)
        anna.login("anna")
        assert anna.get(WHO_AM_I, headers={"x-correlationid": "journey-1"}).status_code == 200
    return gateway.log


def of_request(log: str) -> dict[str, Any]:
    """The only line of the call."""
    lines: list[dict[str, Any]] = [json.loads(line) for line in log.splitlines()]
    [request] = [line for line in lines if line["type"] == "request" and line["correlation_id"] == "journey-1"]
    return request


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Landscape, str]:
    with running_landscape() as landscape:
        return landscape, journey(landscape, tmp_path_factory.mktemp("log"))


def test_every_line_is_json_and_a_request_has_one(told: tuple[Landscape, str]) -> None:
    request = of_request(told[1])
    assert (request["method"], request["request"], request["response_status"]) == ("GET", WHO_AM_I, 200)
    assert (request["protocol"], request["response_content_type"]) == ("HTTP/1.1", "application/json")
    assert (request["component_name"], request["remote_user"]) == ("gangway-demo", "redacted")


def test_the_user_is_named_by_id_where_that_is_wanted(tmp_path: Path) -> None:
    with running_landscape() as landscape:
        request = of_request(journey(landscape, tmp_path, {"LOG_REMOTE_USER": "true"}))
        assert request["remote_user"] == PROVIDER.user_id(PROVIDER.users[0])


def test_neither_secrets_nor_tokens_nor_people_are_in_it(told: tuple[Landscape, str]) -> None:
    landscape, log = told
    instances = landscape.instances
    for instance in (instances.app, instances.destination, instances.connectivity):
        assert instance.client.secret
        assert instance.client.secret not in log
    assert "/login/callback" in log
    for private in ("eyJ", "code_verifier", "anna.arnold", "Arnold", "JSESSIONID="):
        assert private not in log
