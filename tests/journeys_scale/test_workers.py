"""`WEB_CONCURRENCY`: several processes serve one port, over a store for sessions."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import requests

from app.landscape.command import DEMO_FOLDER
from tests.journeys.gateway import Gateway
from tests.journeys_scale.conftest import Cloud, logged_in

PATIENCE = 20.0


def workers(gateway: Gateway) -> list[int]:
    """The process ids of an instance's workers."""
    pid = gateway.process.pid
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_all_workers_serve_all_sessions(cloud: Cloud) -> None:
    with cloud.instance(WEB_CONCURRENCY="3") as gateway:
        assert len(workers(gateway)) == 3
        anna = logged_in(gateway)
        for _ in range(30):
            anna.close()  # a new connection each time, so that every worker has its turn
            assert anna.get("/service/whoami").status_code == 200


def test_a_worker_that_dies_is_replaced(cloud: Cloud) -> None:
    with cloud.instance(WEB_CONCURRENCY="2") as gateway:
        anna = logged_in(gateway)
        time.sleep(5.2)  # one that dies at its start would not be replaced
        dead = workers(gateway)[0]
        os.kill(dead, signal.SIGKILL)
        until(lambda: len(workers(gateway)) == 2 and dead not in workers(gateway))
        anna.close()
        assert anna.get("/service/whoami").status_code == 200


def test_workers_end_with_their_parent(cloud: Cloud) -> None:
    with cloud.instance(WEB_CONCURRENCY="2") as gateway:
        orphans = workers(gateway)
        gateway.kill()
        until(lambda: not any(Path(f"/proc/{pid}").exists() and _runs(pid) for pid in orphans))


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_port_in_use_is_told_at_once(cloud: Cloud) -> None:
    with cloud.instance(WEB_CONCURRENCY="2") as gateway:
        second = _start(cloud.environment() | {"WEB_CONCURRENCY": "2", "PORT": str(gateway.port)})
        assert second.returncode == 1
        assert f"cannot listen on port {gateway.port}" in second.stdout
        assert requests.get(gateway.url + "/.gangway/live", timeout=30).status_code == 200


def test_without_a_store_more_than_one_worker_is_refused_with_the_reason(cloud: Cloud) -> None:
    environment = cloud.environment()
    del environment["EXT_SESSION_MGT"]
    refused = _start(environment | {"WEB_CONCURRENCY": "2"})
    assert refused.returncode == 1
    assert "WEB_CONCURRENCY" in refused.stderr
    assert "a process does not know the sessions of another" in refused.stderr


def _start(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "app", "-w", str(DEMO_FOLDER)]
    variables = {"PATH": os.environ["PATH"], **environment}
    return subprocess.run(command, env=variables, capture_output=True, text=True, timeout=60, check=False)
