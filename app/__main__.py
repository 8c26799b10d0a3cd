"""The command line: serve, `check`, and for local work `landscape`."""

from __future__ import annotations

import gc
import importlib.util
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

import app.quiet_start  # noqa: F401 - before everything else of ours
from app import __version__
from app.check import report
from app.configuration import Configuration, load_configuration
from app.problem import ConfigurationError

_WORKING_DIRECTORY = typer.Option("--workingDir", "-w", metavar="DIR", help="Folder with xs-app.json and static files.")
WorkingDirectory = Annotated[Path, _WORKING_DIRECTORY]
OwnWorkingDirectory = Annotated[Path | None, _WORKING_DIRECTORY]
Port = Annotated[str | None, typer.Option("--port", "-p", metavar="N", help="Port, before the variable PORT.")]

cli = typer.Typer(
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


Version = Annotated[
    bool, typer.Option("--version", "-v", callback=_show_version, is_eager=True, help="Show the version.")
]


@cli.callback(invoke_without_command=True)
def serve(
    context: typer.Context, working_dir: WorkingDirectory = Path(), port: Port = None, version: Version = False
) -> None:
    """Serve the application in the working directory; with a wrong configuration print all problems and exit with 1."""
    context.obj = working_dir
    if context.invoked_subcommand is not None:
        return
    configuration = _load(working_dir, port)
    from app.serving import serve as run

    raise typer.Exit(run(configuration))


@cli.command()
def check(context: typer.Context, working_dir: OwnWorkingDirectory = None) -> None:
    """Check the configuration and print every problem; exit with 0 when it can be served, else with 1."""
    configuration = _load(working_dir or context.obj, None)
    typer.echo(report((), configuration.notes))


def _load(working_dir: Path, port: str | None) -> Configuration:
    environ = dict(os.environ)
    if port is not None:
        environ["PORT"] = port
    try:
        return load_configuration(working_dir.resolve(), environ)
    except ConfigurationError as error:
        typer.echo(report(error.problems, ()), err=True)
        raise typer.Exit(1) from None


def main() -> None:
    """The console script."""
    if importlib.util.find_spec("app.landscape") and "landscape" in sys.argv[1:2]:
        from app.landscape.command import command

        gc.enable()

        cli.add_typer(command, name="landscape")
    cli()


if __name__ == "__main__":
    main()
