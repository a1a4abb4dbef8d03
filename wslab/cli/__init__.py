"""The command line: each command calls one experiment or view, and prints what it returns.

Results go to stdout, progress and errors to stderr. Exit codes: 0 done, 1 it could not be done here, 2 a wrong
argument. A command imports what it needs inside its function, so that `wslab codes` does not wait for matplotlib.
"""

import importlib.metadata
from typing import Annotated

import typer

from wslab.cli.app import app as panels_app
from wslab.cli.codes import codes
from wslab.cli.console import teaching
from wslab.cli.demo import demo
from wslab.cli.gallery import gallery
from wslab.cli.herd import herd
from wslab.cli.probe import probe
from wslab.cli.report import report
from wslab.cli.serve import serve
from wslab.cli.simulate import simulate

app = typer.Typer(
    help="Why did my WebSocket close? Experiments on real sockets, on this machine.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"wslab {importlib.metadata.version('wslab')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """Options of the command itself."""


COMMANDS = (demo, probe, herd, simulate, codes, report, gallery)
"""Those that a notebook has too, as `%wslab`; the others are for a terminal alone."""

for command in (*COMMANDS, serve):
    app.command()(teaching()(command))
app.command("app")(teaching()(panels_app))
