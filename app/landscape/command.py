"""`python -m app landscape` and `python -m app landscape demo`."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from app.landscape.environment_file import as_shell, write_environment
from app.landscape.faults import Faults, parse_fault
from app.landscape.gateway_process import GatewayProcess
from app.landscape.landscape import Landscape

DEMO_FOLDER = Path(__file__).parent / "demo"

TENANT_HOST_PATTERN = r"^(.*)\.localhost"
"""Browsers take all names below `localhost` for this machine (RFC 6761, 6.3)."""

FaultOption = Annotated[
    list[str] | None,
    typer.Option("--fault", help="A fault to switch on, such as slow=s4-onpremise or no-cloud-connector; may repeat."),
]

command = typer.Typer(
    help="An emulation of SAP BTP on loopback: XSUAA, Destination service, Cloud Connector, S/4HANA.",
    invoke_without_command=True,
    no_args_is_help=False,
    add_completion=False,
)


@command.callback()
def landscape(
    context: typer.Context,
    env_file: Annotated[
        Path | None,
        typer.Option(help="Write the environment there instead of printing it; *.json gives a default-env.json."),
    ] = None,
    fault: FaultOption = None,
    port: Annotated[int, typer.Option(help="Port the application will have: goes into VCAP_APPLICATION.")] = 5000,
    tenants: Annotated[
        bool, typer.Option("--tenants", help="Several tenants, at acme.localhost and globex.localhost.")
    ] = False,
) -> None:
    """Run the landscape until Ctrl-C or SIGTERM, and print the environment that joins an application to it."""
    if context.invoked_subcommand is None:
        asyncio.run(_run(Landscape(faults=_faults(fault), shared=tenants), env_file, port))


@command.command()
def demo(
    fault: FaultOption = None,
    port: Annotated[int, typer.Option(envvar="PORT", help="Port of the gateway.")] = 5000,
) -> None:
    """Run the landscape and the gateway with the demo application until Ctrl-C or SIGTERM."""
    raise typer.Exit(asyncio.run(_demo(_faults(fault), port)))


async def _run(landscape: Landscape, env_file: Path | None, port: int) -> None:
    stop = _stop_signal()
    async with landscape as running:
        environment = running.environment(f"http://localhost:{port}")
        if running.shared:
            environment["TENANT_HOST_PATTERN"] = TENANT_HOST_PATTERN
        if env_file:
            write_environment(env_file, environment)
            typer.echo(f"The landscape runs; its environment is in {env_file}. Ctrl-C ends it.", err=True)
        else:
            typer.echo(as_shell(environment))
            typer.echo("The landscape runs. Ctrl-C ends it.", err=True)
        await stop.wait()


async def _demo(faults: Faults, port: int) -> int:
    """Returns the exit code: 0 when asked to stop, the gateway's (or 1) when that ended by itself."""
    stop = _stop_signal()
    async with Landscape(faults=faults) as running:
        environment = {**os.environ, **running.environment(f"http://localhost:{port}"), "PORT": str(port)}
        gateway = GatewayProcess([sys.executable, "-m", "app", "-w", str(DEMO_FOLDER)], environment, port, stop)
        try:
            if await gateway.start():
                typer.echo(_welcome(f"http://localhost:{port}", running))
                return await gateway.wait_for_end()
            if stop.is_set():
                return 0
            typer.echo("The gateway did not start; what it said is above.", err=True)
            return 1
        finally:
            await gateway.stop()


def _welcome(address: str, running: Landscape) -> str:
    return f"""
The demo is at {address}

Three things to try:
  1. Open {address} and log in as Anna: on-premise and cloud data side by side. Change a record,
     and look at the picture of the hops: who was asked for which token, and whom each system saw.
  2. Open a private window, log in as Bob or Carla (who has no role), and compare.
  3. Take the Cloud Connector away, reload, bring it back:
       curl -X PUT    {running.control.url}/faults/no-cloud-connector
       curl -X DELETE {running.control.url}/faults/no-cloud-connector

Ctrl-C ends everything.
"""


def _faults(texts: list[str] | None) -> Faults:
    faults = Faults()
    for text in texts or []:
        try:
            faults.switch_on(*parse_fault(text))
        except ValueError as problem:
            raise typer.BadParameter(str(problem), param_hint="--fault") from None
    return faults


def _stop_signal() -> asyncio.Event:
    """Set by Ctrl-C, SIGTERM and a closed terminal; loops that know no signals (Windows) leave Ctrl-C as it is."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        with contextlib.suppress(NotImplementedError, AttributeError):
            loop.add_signal_handler(getattr(signal, name), stop.set)
    return stop
