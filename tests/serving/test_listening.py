"""Where the server listens, and how a start fails that cannot."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from app.workers import listening_socket
from tests.extensions.support import environment, write_descriptor
from tests.support.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
CLIENTS = ["127.0.0.1", "::1"] if socket.has_dualstack_ipv6() else ["127.0.0.1"]
"""Some containers have IPv4 alone."""
NOT_OURS = "192.0.2.1"
"""An address for documentation (RFC 5737), which no machine has."""


@pytest.mark.parametrize("client", CLIENTS)
def test_two_colons_are_every_address_of_both_protocols(client: str) -> None:
    with listening_socket("::" if ":" in "".join(CLIENTS) else "0.0.0.0", 0) as server:
        socket.create_connection((client, server.getsockname()[1]), timeout=5).close()


def test_a_name_is_listened_to_like_its_address() -> None:
    with listening_socket("localhost", 0) as server:
        assert server.getsockname()[0] in ("127.0.0.1", "::1")


def start(folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app", "-w", str(write_descriptor(folder))],
        cwd=ROOT, env={**os.environ, **environment(1), **variables},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def test_a_port_in_use_ends_the_start_with_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = start(tmp_path, PORT=str(port), XS_BIND_ADDRESS="127.0.0.1")
    assert (done.returncode, done.stderr) == (1, "")
    [line] = done.stdout.splitlines()
    assert f"cannot listen on port {port}: Address already in use" in line


def test_an_address_that_is_not_ours_ends_the_start_with_one_line(tmp_path: Path) -> None:
    port = free_port()
    done = start(tmp_path, PORT=str(port), XS_BIND_ADDRESS=NOT_OURS)
    assert (done.returncode, done.stderr) == (1, "")
    [line] = done.stdout.splitlines()
    assert f"cannot listen on port {port}: " in line
    assert NOT_OURS in line
