"""The way of a single request, told in its line of the log to whoever holds the key for it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from app.landscape.command import DEMO_FOLDER
from app.landscape.running import running_landscape
from tests.journeys.conftest import NO_SCRIPTS, Site
from tests.journeys.gateway import running_gateway
from tests.journeys.person import Person
from tests.support.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
KEY = RSAKey.generate_key(2048)
WHO_AM_I = "/onpremise/sap/bc/rest/whoami"
STEP = re.compile(r"([0-9]+\.[0-9]{2}) (.+)")


def level(name: str) -> dict[str, str]:
    claims = {"level": name, "exp": int(time.time()) + 600}
    return {"SAP-LOG-LEVEL": jwt.encode({"alg": "RS256"}, claims, KEY)}


def documented(folder: Path) -> dict[str, str]:
    """The token that the script of docs/operating.md makes."""
    script = re.search(r"```python\n(.*?)```", (ROOT / "docs" / "operating.md").read_text(), re.DOTALL)
    assert script is not None
    (folder / "private.pem").write_bytes(KEY.as_pem(private=True))
    made = subprocess.run([sys.executable, "-c", script[1]], cwd=folder, capture_output=True, text=True, check=True)
    return {"SAP-LOG-LEVEL": made.stdout.strip()}


def requests_of(log: str) -> dict[str, dict[str, Any]]:
    """The requests in a log by correlation id."""
    lines = [json.loads(line) for line in log.splitlines()]
    return {line["correlation_id"]: line for line in lines if line["type"] == "request"}


def steps(line: dict[str, Any]) -> list[str]:
    """The steps of a request without their times, which have to rise."""
    found = [STEP.fullmatch(step) for step in line["way"]]
    assert all(found)
    times = [float(match[1]) for match in found if match]
    assert times == sorted(times)
    return [match[2] for match in found if match]


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, dict[str, Any]]]:
    """What Anna's requests have left, made with and without a level of their own."""
    port = free_port()
    with running_landscape() as landscape:
        environment = landscape.environment(f"http://localhost:{port}") | NO_SCRIPTS
        environment |= {"DYN_LOG_LEVEL_KEY": KEY.as_pem(private=False).decode()}
        folder = tmp_path_factory.mktemp("log")
        with running_gateway(DEMO_FOLDER, environment, port=port, health="ready", log_folder=folder) as gateway:
            anna = Site(landscape, gateway).person("anna")
            for name, headers in (("first", documented(folder)), ("again", level("silly")), ("plain", {})):
                assert anna.get(WHO_AM_I, headers={"x-correlationid": name, **headers}).status_code == 200
            anna.get("/nowhere?code=secret", headers={"x-correlationid": "lost", **level("verbose")})
            anna.get(WHO_AM_I, headers={"x-correlationid": "quiet", **level("error")})
            nobody = Person(gateway.url)
            nobody.get(WHO_AM_I, headers={"x-correlationid": "nobody", **level("debug")}, allow_redirects=False)
        yield requests_of(gateway.log)


def test_the_first_request_tells_whom_it_asked_and_the_second_that_all_was_there(log: dict[str, Any]) -> None:
    first, again = steps(log["first"]), steps(log["again"])
    assert first[0].startswith("route ")
    assert first[1] == "a user, by a session"
    asked = [step.rpartition("/")[2] for step in first if step.startswith("asks ")]
    assert asked == ["token", "s4-onpremise", "token"]
    assert sum(step.endswith(" answered 200") for step in first) == 3
    virtual = "s4.corp.example:8000 behind the Cloud Connector at location walldorf, as the user"
    assert again[2:] == [f"destination s4-onpremise: {virtual}", "sends the request", "answered 200"]
    assert first[-4:] == [again[2], "opens a socket", *again[3:]]


def test_requests_without_a_level_of_their_own_are_logged_as_ever(log: dict[str, Any]) -> None:
    assert "way" not in log["plain"]
    assert "quiet" not in log


def test_the_way_of_a_failure_ends_where_it_failed(log: dict[str, Any]) -> None:
    assert log["lost"]["response_status"] == 404
    assert steps(log["lost"])[-1] == "a file of resources"
    assert steps(log["nobody"])[-1] == "nobody is logged in"


def test_nobody_is_named(log: dict[str, Any]) -> None:
    told = json.dumps([line.get("way") for line in log.values()])
    assert "answered 200" in told
    for private in ("anna", "Arnold", "eyJ", "secret"):
        assert private not in told
