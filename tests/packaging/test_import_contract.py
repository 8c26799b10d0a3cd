"""The import contract of pyproject.toml holds, and would notice what it is there for."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.packaging.project import ROOT

LINT_IMPORTS = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
BREACHES = {
    "routing/route.py": "import asyncio",
    "guards/csrf.py": "import starlette.requests",
    "forwarding/headers.py": "import app.clients",
    "forwarding/relay.py": "import httpx",
    "transport/pool.py": "import app.backends.backend",
    "login/callback.py": "import app.sessions.memory_store",
    "login/tenant.py": "import app.bindings.reader",
    "gateway.py": "import app.composition.application",
    "main.py": "import app.landscape.landscape",
    "landscape/users.py": "import app.errors",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(ROOT / "app", tmp_path / "app", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def verdict(project: Path) -> tuple[int, str]:
    answer = subprocess.run(
        LINT_IMPORTS, cwd=project, env={"PYTHONPATH": str(project)}, capture_output=True, text=True, check=False
    )
    return answer.returncode, answer.stdout


def test_it_holds(project: Path) -> None:
    assert verdict(project)[0] == 0


@pytest.mark.parametrize(("file", "breach"), BREACHES.items())
def test_a_breach_is_noticed(project: Path, file: str, breach: str) -> None:
    path = project / "app" / file
    path.write_text(f"{path.read_text()}\n{breach}\n")
    status, said = verdict(project)
    assert status == 1
    assert f"app.{file.removesuffix('.py').replace('/', '.')}" in said.replace("\n", " ")


def test_a_package_nobody_placed_is_noticed(project: Path) -> None:
    (project / "app/newcomer.py").touch()
    status, said = verdict(project)
    assert (status, "app.newcomer" in said) == (1, True)
