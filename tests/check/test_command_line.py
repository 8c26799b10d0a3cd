"""`python -m app`: its exit status and what it prints."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from app import __version__

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {"VCAP_SERVICES": "{}", "destinations": '[{"name": "one", "url": "http://localhost:1"}]'}


def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app", *arguments],
        cwd=ROOT,
        env={**ENVIRONMENT, **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def descriptor(workdir: Path, document: object) -> str:
    (workdir / "xs-app.json").write_text(json.dumps(document), encoding="utf-8")
    return str(workdir)


VALID = {"authenticationMethod": "none", "routes": [{"source": "^/x", "destination": "one"}]}


def test_check_of_a_valid_configuration(tmp_path: Path) -> None:
    done = run("check", "-w", descriptor(tmp_path, VALID), ZONE_INFO_CACHE_TTL="1")
    assert done.returncode == 0
    assert "Configuration valid." in done.stdout
    assert "note: ZONE_INFO_CACHE_TTL: without effect here" in done.stdout


def test_check_prints_every_problem(tmp_path: Path) -> None:
    workdir = descriptor(tmp_path, {**VALID, "wrong": 1, "sessionTimeout": "long"})
    done = run("check", "--workingDir", workdir, PORT="abc")
    assert done.returncode == 1
    assert all(word in done.stderr for word in ("$.wrong", "$.sessionTimeout", '"long"', "PORT", "3 problems"))


def test_serving_prints_the_same_report(tmp_path: Path) -> None:
    workdir = descriptor(tmp_path, {**VALID, "wrong": 1})
    served, checked = run("-w", workdir), run("check", "-w", workdir)
    assert (served.returncode, served.stderr) == (1, checked.stderr)
    assert run("-w", workdir, "check").stderr == checked.stderr


def test_the_working_directory_is_the_current_one_by_default() -> None:
    done = run("check")
    assert done.returncode == 1
    assert "xs-app.json" in done.stderr


def test_the_port_option_goes_before_the_variable(tmp_path: Path) -> None:
    done = run("-w", descriptor(tmp_path, VALID), "-p", "nonsense", PORT="5001")
    assert done.returncode == 1
    assert '"nonsense"' in done.stderr


def test_version_and_help() -> None:
    assert run("--version").stdout.strip() == __version__
    assert run("-v").stdout.strip() == __version__
    done = run("-h")
    assert done.returncode == 0
    assert "--workingDir" in done.stdout


def test_an_unknown_option_is_refused() -> None:
    assert run("--nonsense").returncode != 0
