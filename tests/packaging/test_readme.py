"""Every command of the README is run; those that need a cloud have stand-ins that write down what they were told."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests

from scripts import document_errors, document_variables
from tests.packaging.project import ROOT, load_json, load_yaml
from tests.support.ports import free_port

README = (ROOT / "README.md").read_text()
NOT_HERE = {".git", ".venv", "build", "default-env.json", "default-services.json", ".artefacts"}
STAND_IN = '#!/bin/sh\nprintf "%s\\n" "$(basename "$0")" "$@" > "$(dirname "$0")/told"\n'
SECONDS = 60


@dataclass
class Checkout:
    """A folder like a fresh checkout whose environment is made; commands run in it."""

    folder: Path
    port: int = field(default_factory=free_port)

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("HOME", "LANG", "TMPDIR") if name in os.environ}
        return {**kept, "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}", "PORT": str(self.port)}

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", "-c", command],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )

    @contextmanager
    def running(self, command: str, ready: Callable[[], bool]) -> Iterator[None]:
        """The command runs until Ctrl-C (for all its processes, as from a terminal); nothing may be left."""
        process = subprocess.Popen(
            ["sh", "-c", f"exec {command}"], cwd=self.folder, env=self.environment, start_new_session=True
        )
        try:
            deadline = time.monotonic() + SECONDS
            while not ready():
                assert process.poll() is None, f"{command} ended"
                assert time.monotonic() < deadline, f"{command} is not ready"
                time.sleep(0.05)
            yield
            os.killpg(process.pid, signal.SIGINT)
            status = process.wait(SECONDS)
            assert status == 0 or command.startswith("make ")  # which says itself that it was interrupted
            with pytest.raises(ProcessLookupError):
                os.killpg(process.pid, 0)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def answers(self, path: str) -> bool:
        """Whether the application's port answers a path with 200."""
        try:
            return requests.get(f"http://localhost:{self.port}{path}", timeout=SECONDS).status_code == 200
        except requests.ConnectionError:
            return False


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    for entry in ROOT.iterdir():
        if entry.name == "webapp":  # a symbolic link would lead out of the working directory
            shutil.copytree(entry, tmp_path / "webapp")
        elif entry.name not in NOT_HERE:
            (tmp_path / entry.name).symlink_to(entry)
    (tmp_path / ".venv").symlink_to(sys.prefix)
    (tmp_path / "bin").mkdir()
    for name in ("cf", "mbt"):
        (tmp_path / "bin" / name).write_text(STAND_IN)
        (tmp_path / "bin" / name).chmod(0o755)
    return Checkout(tmp_path)


def commands() -> list[str]:
    """The lines of the README's shell blocks."""
    blocks = re.findall(r"^```sh\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line]


# -- how each command is run


def serves_the_demo(checkout: Checkout, command: str) -> None:
    with checkout.running(command, lambda: checkout.answers("/.gangway/ready")):
        assert checkout.answers("/public/logged-out.html")
    assert not checkout.answers("/.gangway/live")


LANDSCAPE = ".venv/bin/python -m app landscape --env-file default-env.json"


@contextmanager
def landscape(checkout: Checkout) -> Iterator[None]:
    file = checkout.folder / "default-env.json"
    with checkout.running(LANDSCAPE, file.exists):
        yield


def writes_the_bindings(checkout: Checkout, _: str) -> None:
    with landscape(checkout):
        written = json.loads((checkout.folder / "default-env.json").read_text())
        assert {"xsuaa", "destination", "connectivity"} == set(written["VCAP_SERVICES"])


def serves_the_application(checkout: Checkout, command: str) -> None:
    with landscape(checkout), checkout.running(command, lambda: checkout.answers("/.gangway/ready")):
        assert checkout.answers("/logged-out.html")


def finds_nothing_wrong(checkout: Checkout, command: str) -> None:
    with landscape(checkout):
        answer = checkout.run(command)
    assert (answer.returncode, answer.stdout) == (0, "Configuration valid.\n")


def checks_another_folder(checkout: Checkout, command: str) -> None:
    app = checkout.folder / "path/to/your/app"
    app.mkdir(parents=True)
    (app / "xs-app.json").write_text('{"routes": [{"source": "^/(.*)$", "target": 1}]}')
    answer = checkout.run(command)
    assert answer.returncode == 1
    assert "$.routes[0].target" in answer.stderr
    (app / "xs-app.json").write_text(
        '{"routes": [{"source": "^/(.*)$", "localDir": ".", "authenticationType": "none"}]}'
    )
    assert checkout.run(command).returncode == 0


def told(checkout: Checkout, command: str) -> list[str]:
    """What a stand-in was told."""
    answer = checkout.run(command)
    assert answer.returncode == 0, answer.stderr
    return (checkout.folder / "bin/told").read_text().splitlines()


def creates_a_service_we_need(checkout: Checkout, command: str) -> None:
    _, _, service, plan, name, *configuration = told(checkout, command)
    [application] = load_yaml("manifest.yml")["applications"]
    assert name in application["services"]
    resource = {each["name"]: each["parameters"] for each in load_yaml("mta.yaml")["resources"]}[name]
    assert (service, plan) == (resource["service"], resource["service-plan"])
    assert configuration == (["-c", "xs-security.json"] if "path" in resource else [])
    assert load_json("xs-security.json")["xsappname"]


def gives_every_variable(checkout: Checkout, command: str) -> None:
    arguments = told(checkout, command)
    given = [argument.partition("=")[0] for flag, argument in zip(arguments[2::2], arguments[3::2], strict=True)]
    assert set(arguments[2::2]) == {"--var"}
    assert set(given) == set(re.findall(r"\(\((\w+)\)\)", (ROOT / "manifest.yml").read_text()))


def builds_the_archive(checkout: Checkout, command: str) -> None:
    assert told(checkout, command) == ["mbt", "build"]
    assert (checkout.folder / "mta.yaml").exists()


def deploys_what_was_built(checkout: Checkout, command: str) -> None:
    descriptor = load_yaml("mta.yaml")
    archive = f"mta_archives/{descriptor['ID']}_{descriptor['version']}.mtar"
    assert told(checkout, command) == ["cf", "deploy", archive]


def is_a_target(checkout: Checkout, command: str) -> None:
    """Of make: what the target does is what runs this test, or changes files."""
    answer = checkout.run(f"{command} --dry-run SHARED={checkout.folder}")
    assert answer.returncode == 0, answer.stderr


def collects_tests(checkout: Checkout, command: str) -> None:
    answer = checkout.run(
        f"cd {shlex.quote(str(ROOT))} && {checkout.folder}/{command} --collect-only -p no:cacheprovider"
    )
    assert answer.returncode == 0, answer.stdout


HOW: dict[str, Callable[[Checkout, str], None]] = {
    "make demo": serves_the_demo,
    "make test": is_a_target,
    LANDSCAPE: writes_the_bindings,
    ".venv/bin/python -m app check": finds_nothing_wrong,
    ".venv/bin/python -m app": serves_the_application,
    "cf create-service xsuaa application gangway-xsuaa -c xs-security.json": creates_a_service_we_need,
    "cf create-service destination lite gangway-destination": creates_a_service_we_need,
    "cf create-service connectivity lite gangway-connectivity": creates_a_service_we_need,
    "cf push --var suffix=acme --var domain=cfapps.eu10-004.hana.ondemand.com": gives_every_variable,
    "mbt build": builds_the_archive,
    "cf deploy mta_archives/gangway_0.2.0.mtar": deploys_what_was_built,
    ".venv/bin/python -m app check -w path/to/your/app": checks_another_folder,
    "make check": is_a_target,
    "make format": is_a_target,
    ".venv/bin/python -m pytest tests/routing": collects_tests,
}


@pytest.mark.parametrize("command", HOW)
def test_the_command_does_what_the_readme_says(command: str, checkout: Checkout) -> None:
    HOW[command](checkout, command)


def test_no_command_is_left_out() -> None:
    assert commands() == list(HOW)


def test_the_targets_it_mentions_exist(checkout: Checkout) -> None:
    for target in sorted(set(re.findall(r"`make ([a-z-]+)`", README))):
        is_a_target(checkout, f"make {target}")


def test_the_files_and_folders_it_mentions_exist() -> None:
    for name in set(re.findall(r"`((?:app|tests|webapp)/[\w/.]*)`", README)):
        assert (ROOT / name).exists(), name


def test_variables_and_errors_are_documented_as_they_are() -> None:
    for made in (document_variables, document_errors):
        assert made.FILE.read_text() == made.document(), "run: make docs"
