"""`backend.js` as a process beside a test."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from tests.real_clients.packages import SOURCES, installed, node

STOP_SECONDS = 10


@contextmanager
def running_backend(environment: Mapping[str, str]) -> Iterator[str]:
    """Its address."""
    variables = {"PATH": os.environ["PATH"], "NODE_PATH": str(installed() / "node_modules"), **environment}
    command = [node(), str(SOURCES / "backend.js")]
    with subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            port = process.stdout.readline().strip()
            assert port.isdigit(), "the backend did not start"
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(STOP_SECONDS)
