"""`python -m app landscape`: prints or writes an environment that works, and ends cleanly when told to."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from typer.testing import CliRunner

from app.landscape.command import command
from app.landscape.environment_file import as_shell, write_environment
from app.landscape.gateway_process import GatewayProcess
from app.landscape.server import loopback_socket

ENVIRONMENT = {"VCAP_SERVICES": '{"a": "it\'s $HOME"}', "VCAP_APPLICATION": '{"name": "ü"}'}


@contextmanager
def landscape_command(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The command as a process, killed at the end if it still runs."""
    process = subprocess.Popen(
        [sys.executable, "-m", "app", "landscape", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_prints_an_environment_and_ends_cleanly_on_a_signal(number: int) -> None:
    with landscape_command() as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("export VCAP_SERVICES='{")
        services = json.loads(line.removeprefix("export VCAP_SERVICES=").strip().strip("'"))
        uri = services["destination"][0]["credentials"]["uri"]
        assert httpx.get(f"{uri}/destination-configuration/v1/destinations/x").status_code == 401
        process.send_signal(number)
        _, errors = process.communicate(timeout=20)
        assert process.returncode == 0
        assert "Traceback" not in errors
        loopback_socket(urlsplit(uri).port or 0).close()


def test_it_writes_a_default_env_json_with_the_faults_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "default-env.json"
    with landscape_command("--env-file", str(file), "--fault", "server-error=destination-service") as process:
        assert process.stderr is not None
        assert "The landscape runs" in process.stderr.readline()
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        uri = json.loads(file.read_text())["VCAP_SERVICES"]["destination"][0]["credentials"]["uri"]
        assert httpx.get(f"{uri}/destination-configuration/v1/destinations/x").status_code == 503


def test_it_can_have_several_tenants(tmp_path: Path) -> None:
    file = tmp_path / "default-env.json"
    with landscape_command("--tenants", "--env-file", str(file)) as process:
        assert process.stderr is not None
        assert "The landscape runs" in process.stderr.readline()
        environment = json.loads(file.read_text())
    assert environment["VCAP_SERVICES"]["xsuaa"][0]["credentials"]["tenantmode"] == "shared"
    assert re.match(environment["TENANT_HOST_PATTERN"], "globex.localhost:5000")


def test_an_unknown_fault_is_explained() -> None:
    result = CliRunner().invoke(command, ["--fault", "gremlins"])
    assert result.exit_code == 2
    assert "no-cloud-connector" in result.output


def test_the_printed_lines_survive_a_shell() -> None:
    script = as_shell(ENVIRONMENT) + 'printf "%s" "$VCAP_SERVICES"'
    answer = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    assert answer.stdout == ENVIRONMENT["VCAP_SERVICES"]


def test_a_written_file_is_shell_or_json_by_its_name(tmp_path: Path) -> None:
    write_environment(tmp_path / "env", ENVIRONMENT)
    write_environment(tmp_path / "env.json", ENVIRONMENT)
    assert (tmp_path / "env").read_text() == as_shell(ENVIRONMENT)
    expected = {"VCAP_SERVICES": {"a": "it's $HOME"}, "VCAP_APPLICATION": {"name": "ü"}}
    assert json.loads((tmp_path / "env.json").read_text()) == expected


def test_the_demo_serves_and_leaves_nothing_behind() -> None:
    port = _free_port()
    with landscape_command("demo", "--port", str(port)) as process:
        assert process.stdout is not None
        lines = iter(process.stdout.readline, "")
        assert any(f"The demo is at http://localhost:{port}" in line for line in lines)
        page = httpx.get(f"http://127.0.0.1:{port}/index.html", headers={"accept": "text/html"})
        assert "/oauth/authorize?" in page.text + page.headers.get("location", "")
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
        assert process.returncode == 0
        assert "Traceback" not in errors
    loopback_socket(port).close()


def _free_port() -> int:
    with loopback_socket() as bound:
        return int(bound.getsockname()[1])


def _is_alive(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    return True


STUBBORN = """
import os, signal, socket, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
open(sys.argv[2], "w").write(str(os.getpid()))
while True: server.accept()[0].sendall(b"HTTP/1.0 200 OK\\r\\n\\r\\n")
"""


def test_a_gateway_that_ignores_the_request_to_end_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.landscape.gateway_process.STOP_SECONDS", 0.5)
    port, note = _free_port(), tmp_path / "pid"

    async def scenario() -> None:
        gateway = GatewayProcess(
            [sys.executable, "-c", STUBBORN, str(port), str(note)], os.environ, port, asyncio.Event()
        )
        assert await gateway.start()
        await gateway.stop()

    asyncio.run(scenario())
    assert not _is_alive(int(note.read_text()))


SHORT_LIVED = """
import socket, sys
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
server.accept()
raise SystemExit(4)
"""


def test_a_gateway_that_ends_by_itself_is_noticed() -> None:
    async def scenario() -> None:
        stop = asyncio.Event()
        failing = GatewayProcess([sys.executable, "-c", "raise SystemExit(3)"], os.environ, _free_port(), stop)
        assert not await failing.start()
        await failing.stop()
        port = _free_port()
        short_lived = GatewayProcess([sys.executable, "-c", SHORT_LIVED, str(port)], os.environ, port, stop)
        assert not await short_lived.start()
        assert await short_lived.wait_for_end() == 4

    asyncio.run(scenario())


def test_the_wait_for_a_gateway_ends_when_asked_to_stop() -> None:
    async def scenario() -> None:
        port = _free_port()
        arguments = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(port)]
        stop = asyncio.Event()
        gateway = GatewayProcess(arguments, os.environ, port, stop)
        assert await gateway.start()
        stop.set()
        assert await gateway.wait_for_end() == 0
        await gateway.stop()
        loopback_socket(port).close()

    asyncio.run(scenario())


def test_a_gateway_that_never_listens_does_not_keep_the_user_waiting() -> None:
    async def scenario() -> None:
        stop = asyncio.Event()
        gateway = GatewayProcess([sys.executable, "-c", "import time; time.sleep(60)"], os.environ, _free_port(), stop)
        asyncio.get_running_loop().call_later(0.3, stop.set)
        assert not await gateway.start()
        await gateway.stop()

    asyncio.run(scenario())
