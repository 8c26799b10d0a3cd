"""A push, done here: only the files and packages an instance gets, joined to the platform by its environment."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.landscape.landscape import Landscape
from app.landscape.running import running_landscape
from tests.journeys.conftest import NO_SCRIPTS
from tests.journeys.gateway import Gateway, running_gateway
from tests.journeys.person import Person
from tests.packaging.project import ROOT, pushed_files
from tests.support.ports import free_port

PRODUCTS = "/sap/opu/odata/sap/ZSHOP_SRV/Products"
ANNA = "anna.arnold@acme.example"


@pytest.fixture(scope="module")
def droplet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the platform stages: the pushed files, and an environment made of requirements.txt alone."""
    folder = tmp_path_factory.mktemp("droplet")
    for path in pushed_files():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / path, folder / path)
    subprocess.run([sys.executable, "-m", "venv", folder / ".venv"], check=True)
    python = str(folder / ".venv/bin/python")
    install = [python, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", "requirements.txt"]
    subprocess.run(install, check=True, cwd=folder)
    return folder


@pytest.fixture(scope="module")
def instance(droplet: Path) -> Iterator[tuple[Gateway, Landscape]]:
    """The Procfile's command in that folder, with the platform's variables."""
    port = free_port()
    python = str(droplet / ".venv/bin/python")
    _, _, *arguments = (droplet / "Procfile").read_text().split()
    with running_landscape() as landscape:
        environment = landscape.environment(f"http://localhost:{port}") | NO_SCRIPTS | {"FORWARDED_ALLOW_IPS": "*"}
        with running_gateway(
            None, environment, port=port, command=(python, *arguments), cwd=droplet, health="ready"
        ) as gateway:
            yield gateway, landscape


def test_it_starts_and_serves_the_application(instance: tuple[Gateway, Landscape]) -> None:
    gateway, landscape = instance
    anna = Person(gateway.url)
    assert "Behind Gangway" in anna.login("anna").text
    assert anna.get("/user-api/currentUser").json()["email"] == ANNA
    assert anna.get(f"{PRODUCTS}?$format=json").json()["d"]["results"][0]["ProductID"] == "HT-1000"
    assert landscape.s4_onpremise.store is not None
    assert landscape.proxy.violations == []


def test_roles_decide_who_may_change_something(instance: tuple[Gateway, Landscape]) -> None:
    gateway, _ = instance
    status = {}
    for user in ("anna", "bob", "carla"):
        person = Person(gateway.url)
        person.login(user)
        token = person.get(f"{PRODUCTS}?$top=1", headers={"x-csrf-token": "Fetch"}).headers.get("x-csrf-token", "")
        answer = person.patch(f"{PRODUCTS}('HT-1040')", json={"Stock": 16}, headers={"x-csrf-token": token})
        status[user] = (person.get(PRODUCTS).status_code, answer.status_code)
    assert status == {"anna": (200, 204), "bob": (200, 403), "carla": (403, 403)}


def test_the_logout_ends_on_a_page_that_needs_no_login(instance: tuple[Gateway, Landscape]) -> None:
    gateway, _ = instance
    anna = Person(gateway.url)
    anna.login("anna")
    page = anna.open("/do/logout")
    assert (page.status_code, page.url) == (200, f"{gateway.url}/logged-out.html")


def test_there_is_no_landscape_and_nothing_for_development(droplet: Path) -> None:
    python = droplet / ".venv/bin/python"
    answer = subprocess.run([python, "-m", "app", "landscape"], cwd=droplet, capture_output=True, text=True)
    assert answer.returncode == 2
    assert "No such command" in answer.stderr
    for name in ("pytest", "selenium", "mypy"):
        assert subprocess.run([python, "-c", f"import {name}"], cwd=droplet, capture_output=True).returncode == 1


def test_without_bindings_it_says_what_is_missing_and_does_not_start(droplet: Path) -> None:
    python = droplet / ".venv/bin/python"
    answer = subprocess.run(
        [python, "-m", "app"], cwd=droplet, capture_output=True, text=True, env={"PATH": "/usr/bin:/bin"}
    )
    assert answer.returncode == 1
    assert "xsuaa" in answer.stderr
    assert "nothing was started" in answer.stderr
