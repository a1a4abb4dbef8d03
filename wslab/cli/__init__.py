"""The command line: each command calls one experiment or view, and prints what it returns.

Results go to stdout, progress and errors to stderr. Exit codes: 0 done; 1 it could not be done here, or a part of
it was lost; 2 a wrong argument; 3 the target cannot be reached; 130 interrupted; what was measured is kept.

A command imports what it needs inside its function, so that `wslab codes` does not wait for matplotlib.
"""

import importlib.metadata
from typing import Annotated

import typer

from wslab.cli.app import app as panels_app
from wslab.cli.check import check_app
from wslab.cli.codes import codes
from wslab.cli.console import in_terminal
from wslab.cli.demo import demo
from wslab.cli.explain import explain
from wslab.cli.fieldguide import fieldguide
from wslab.cli.gallery import gallery
from wslab.cli.herd import herd
from wslab.cli.lab import lab
from wslab.cli.probe import probe
from wslab.cli.progress import progress
from wslab.cli.relay import relay
from wslab.cli.report import report
from wslab.cli.schema import schema
from wslab.cli.send import send
from wslab.cli.serve import serve
from wslab.cli.simulate import simulate
from wslab.cli.watch import watch

app = typer.Typer(
    help="Why did my WebSocket close? Experiments on real sockets, on this machine.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
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


COMMANDS = (demo, send, probe, watch, explain, herd, simulate, codes, progress, report, gallery, schema)
"""Those that a notebook has too, as `%wslab`, where each returns what it found."""

TERMINAL_ONLY = {
    "fieldguide": "it takes many minutes; run it in a terminal, and read what it wrote with read_entries",
    "serve": "it obeys what is typed in a terminal; in a cell, write server = wslab.LabServer().start()",
    "relay": "it shows and obeys in a terminal; in a cell, write relay = wslab.Relay(url).start()",
    "lab": "it starts JupyterLab, in which this cell runs already",
    "app": "it takes the place of its process, which is the kernel here; run it in a terminal",
}
"""The others, and why a notebook has them not."""

for command in (*COMMANDS, fieldguide, serve, relay, lab):
    app.command()(in_terminal(command))
app.command("app")(in_terminal(panels_app))
app.add_typer(check_app(in_terminal), name="check")
