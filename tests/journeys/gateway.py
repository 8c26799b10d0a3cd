"""The gateway as a process of its own, joined to the landscape by environment variables alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from tests.support.ports import free_port

START_SECONDS = 30.0
STOP_SECONDS = 10.0
LINES, LINE = 10, 300
KEPT_VARIABLES = ("PATH", "HOME", "LANG", "TMPDIR")


@dataclass(frozen=True)
class Gateway:
    """A running gateway. `log` is what it has written so far; it is complete when the gateway has stopped."""

    port: int
    process: subprocess.Popen[bytes]
    log_file: Path

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def kill(self) -> None:
        """End it the hard way, without a chance to say good-bye."""
        self.process.kill()
        self.process.wait()

    @property
    def was_killed(self) -> bool:
        return self.process.returncode == -signal.SIGKILL

    @property
    def log(self) -> str:
        return self.log_file.read_text()

    @property
    def last_lines(self) -> str:
        return "\n".join(line[:LINE] for line in self.log.splitlines()[-LINES:])


@contextmanager
def running_gateway(
    workdir: Path | None,
    environment: Mapping[str, str],
    *,
    port: int | None = None,
    command: Sequence[str] = (sys.executable, "-m", "app"),
    cwd: Path | None = None,
    health: str = "live",
    log_folder: Path | None = None,
) -> Iterator[Gateway]:
    """A gateway with this environment and nothing else of ours; it is told to stop at the end, and must do so well.

    `workdir` is the application it serves; None: the folder it is started in.
    """
    port = port or free_port()
    kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    with tempfile.TemporaryDirectory(prefix="gateway-") as folder:
        log_file = (log_folder or Path(folder)) / "gateway.log"
        with log_file.open("wb") as log:
            process = subprocess.Popen(
                [*command, *(() if workdir is None else ("-w", str(workdir)))],
                env={**kept, "PORT": str(port), **environment},
                cwd=cwd,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        gateway = Gateway(port, process, log_file)
        try:
            _wait_for(gateway, f"/.gangway/{health}")
            yield gateway
            if not gateway.was_killed:
                process.terminate()
                assert process.wait(STOP_SECONDS) == 0, gateway.last_lines
        finally:
            process.kill()
            process.wait()


def _wait_for(gateway: Gateway, path: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and gateway.process.poll() is None:
        try:
            if requests.get(gateway.url + path, timeout=START_SECONDS).status_code == 200:
                return
        except requests.ConnectionError:
            pass
        time.sleep(0.02)
    raise AssertionError(f"the gateway did not start:\n{gateway.last_lines}")
