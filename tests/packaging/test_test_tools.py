"""`scripts/test-tools`: what the tests need is installed where it can be, else asked for."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.packaging.project import ROOT

INSTALLS = """
case "$*" in install*)
    for program in redis-server chromium chromedriver node npm; do
        printf '#!/bin/sh\\n' > "$BIN/$program" && chmod +x "$BIN/$program"
    done;;
esac
"""


class Machine:
    """A machine with nothing but a shell, whose programs are stand-ins."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("bash", "sh", "chmod"):
            (folder / name).symlink_to(shutil.which(name) or name)

    def has(self, name: str, script: str = "") -> None:
        (self.folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (self.folder / name).chmod(0o755)

    def asked(self) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": str(self.folder), "BIN": str(self.folder)}
        return subprocess.run([ROOT / "scripts/test-tools"], env=environment, capture_output=True, text=True)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_nothing_is_done_where_everything_is_there(machine: Machine) -> None:
    for name in ("redis-server", "google-chrome", "chromedriver", "node", "npm"):
        machine.has(name)
    answer = machine.asked()
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "", "")


@pytest.mark.parametrize("packages", [True, False])
def test_who_cannot_install_is_told_what_is_missing(machine: Machine, packages: bool) -> None:
    machine.has("chromium")
    machine.has("node")
    machine.has("id", "echo 1000" if packages else "echo 0")
    if packages:
        machine.has("apt-get", "exit 9")
    answer = machine.asked()
    assert answer.returncode == 1
    assert "sudo apt-get install redis-server chromium-driver npm" in answer.stderr


def test_root_gets_what_is_missing(machine: Machine) -> None:
    machine.has("id", "echo 0")
    machine.has("apt-get", INSTALLS)
    answer = machine.asked()
    assert (answer.returncode, answer.stderr) == (0, "")
    assert answer.stdout == "installing for the tests: redis-server chromium chromium-driver nodejs npm\n"
    assert (machine.folder / "redis-server").exists()


def test_an_installation_that_did_not_help_is_noticed(machine: Machine) -> None:
    machine.has("id", "echo 0")
    machine.has("apt-get")
    assert machine.asked().returncode == 1
