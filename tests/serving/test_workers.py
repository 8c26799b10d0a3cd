"""Workers that cannot start end the instance, which says so."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def instance(life: str) -> subprocess.CompletedProcess[str]:
    """An instance whose two workers do nothing but `life`."""
    script = (
        "import logging, os, signal, sys\n"
        "from app.workers import Workers\n"
        "logging.basicConfig(stream=sys.stdout)\n"
        f"sys.exit(Workers(2, lambda: {life}).run())\n"
    )
    command = [sys.executable, "-c", script]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize(
    ("life", "said"), [("os._exit(7)", "status 7"), ("os.kill(os.getpid(), signal.SIGKILL)", "signal 9")]
)
def test_the_end_of_an_instance_whose_worker_cannot_live_is_told(life: str, said: str) -> None:
    done = instance(life)
    assert done.returncode == 1
    [line] = done.stdout.splitlines()
    assert line.startswith("ERROR:gangway:a worker process ended 0.")
    assert said in line
    assert "the instance ends" in line


def test_what_a_worker_fails_of_is_told() -> None:
    done = instance("1 / 0")
    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stdout
