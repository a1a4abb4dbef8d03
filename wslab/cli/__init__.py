"""The command line: each command calls one experiment or view, and prints what it returns.

Results go to stdout, progress and errors to stderr. Exit codes: 0 done, 1 it could not be done here, 2 a wrong
argument. A command imports what it needs inside its function, so that `wslab codes` does not wait for matplotlib.
"""

import typer

from wslab.cli.codes import codes
from wslab.cli.demo import demo
from wslab.cli.herd import herd
from wslab.cli.probe import probe
from wslab.cli.serve import serve
from wslab.cli.simulate import simulate

app = typer.Typer(
    help="Why did my WebSocket close? Experiments on real sockets, on this machine.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

for command in (demo, probe, herd, simulate, codes, serve):
    app.command()(command)
