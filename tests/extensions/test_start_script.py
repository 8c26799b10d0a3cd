"""`python start.py`: where it may lie, and what it says about a wrong configuration."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from tests.extensions.support import environment, write_descriptor
from tests.extensions.test_documented_examples import SCRIPTS
from tests.journeys.gateway import running_gateway

ROOT = Path(__file__).resolve().parents[2]
ENDING = 'if __name__ == "__main__":\n    raise SystemExit(app.serve('


def started(*command: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "VCAP_SERVICES": "{}", "PYTHONPATH": str(ROOT), **variables}
    return subprocess.run([sys.executable, *command], cwd=cwd, env=environ, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("heading", SCRIPTS)
def test_every_documented_script_serves_when_it_is_run(heading: str) -> None:
    assert ENDING in SCRIPTS[heading]


def test_a_script_beside_the_application_is_run_with_the_import_path_of_the_gateway(tmp_path: Path) -> None:
    (write_descriptor(tmp_path) / "start.py").write_text(SCRIPTS["Middleware"])
    variables = {**environment(1), "PYTHONPATH": str(ROOT)}
    with running_gateway(None, variables, command=(sys.executable, "start.py"), cwd=tmp_path) as gateway:
        assert requests.get(f"{gateway.url}/service/x", timeout=10).headers["x-measured"] == "yes"


@pytest.mark.parametrize("serve", ["app.serve()", "app.serve(port=70000)"])
def test_a_wrong_configuration_is_reported_alone_as_the_command_line_does(tmp_path: Path, serve: str) -> None:
    write_descriptor(tmp_path, welcomeFil="/x")
    script = SCRIPTS["A start script"].replace("app.serve()", serve)
    (tmp_path / "start.py").write_text(script)
    options = ("-p", "70000") if "port" in serve else ()
    usual = started("-m", "app", *options, cwd=tmp_path)
    own = started("start.py", cwd=tmp_path)
    assert (own.returncode, own.stdout, own.stderr) == (1, "", usual.stderr)
    assert "welcomeFil" in own.stderr
    assert ("PORT" in own.stderr) is bool(options)
