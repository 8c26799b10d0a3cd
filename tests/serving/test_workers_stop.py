"""A stop that comes at the moment at which a worker is started anew, or has just ended."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

SCRIPT = """
import logging, os, signal, time
from app import workers

class StopNow(logging.Handler):
    def emit(self, record):
        os.kill(os.getpid(), signal.SIGTERM)

logging.getLogger("gangway").addHandler(StopNow())
workers.STABLE_SECONDS = 0.0

def work():
    if os.path.exists(MARK):
        time.sleep(60)
    open(MARK, "w").close()
    return 1

print(workers.Workers(1, work).run())
"""


def test_a_stop_that_meets_the_restart_of_a_worker_ends_all(tmp_path: Path) -> None:
    script = f"MARK = {str(tmp_path / 'started')!r}\n{SCRIPT}"
    process = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=20, check=True
    )
    assert process.stdout == "0\n"


ENDING = """
import os, signal
from app import workers

wait = os.wait

def wait_and_be_told_to_stop():
    ended = wait()
    os.kill(os.getpid(), signal.SIGTERM)
    return ended

os.wait = wait_and_be_told_to_stop
print(workers.Workers(1, lambda: 0).run())
"""


def test_a_stop_that_meets_the_end_of_a_worker_fails_for_nobody() -> None:
    process = subprocess.run(
        [sys.executable, "-c", ENDING], cwd=ROOT, capture_output=True, text=True, timeout=20, check=True
    )
    assert process.stdout == "0\n"
