"""The command line: each command calls one experiment or view, and prints what it returns.

Results go to stdout, progress and errors to stderr. Exit codes: 0 done; 1 it could not be done here, or a part of
it was lost; 2 a wrong argument; 3 the target cannot be reached; 130 interrupted; what was measured is kept.

A command's module is imported when the command is used, and what is slow to import inside its function, so that
`wslab codes` waits neither for the sockets nor for matplotlib.
"""

import importlib
import importlib.metadata
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

COMMANDS = (
    "demo",
    "send",
    "probe",
    "watch",
    "check",
    "explain",
    "herd",
    "simulate",
    "codes",
    "progress",
    "report",
    "gallery",
    "schema",
)
"""Those that a notebook has too, as `%wslab`, where each returns what it found."""

TERMINAL_ONLY = {
    "fieldguide": "it takes many minutes; run it in a terminal, and read what it wrote with read_entries",
    "serve": "it obeys what is typed in a terminal; in a cell, write server = wslab.LabServer().start()",
    "relay": "it shows and obeys in a terminal; in a cell, write relay = wslab.Relay(url).start()",
    "lab": "it starts JupyterLab, in which this cell runs already",
    "app": "it takes the place of its process, which is the kernel here; run it in a terminal",
}
"""The others, and why a notebook does not have them."""

Wrap = Callable[[Callable[..., Any]], Callable[..., Any]]
"""What a command's function is wrapped in: how a terminal, or a notebook, reports its errors."""


class Commands(Mapping[str, Any]):
    """The commands `names`; each is imported from the module of its name when it is looked up."""

    def __init__(self, names: tuple[str, ...], wrap: Wrap) -> None:
        self._names = names
        self._wrap = wrap

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, name: str) -> Any:
        if name not in self._names:
            raise KeyError(name)
        module = importlib.import_module(f"wslab.cli.{name}")
        if name == "check":  # which has commands of its own
            typed = module.check_app(self._wrap)
        else:
            typed = typer.Typer(add_completion=False, rich_markup_mode="markdown")
            typed.command()(self._wrap(getattr(module, name)))
        command = typer.main.get_command(typed)
        command.name = name
        return command


def on_demand(names: tuple[str, ...], wrap: Wrap) -> type[TyperGroup]:
    """Return the class of a group of these commands, for `typer.Typer(cls=…)`."""

    class Group(TyperGroup):
        def __init__(self, **settings: Any) -> None:
            super().__init__(**settings)
            self.commands = Commands(names, wrap)  # type: ignore[assignment]  # nothing is added to it

    return Group


def _in_terminal(function: Callable[..., Any]) -> Callable[..., Any]:
    from wslab.cli.console import in_terminal

    return in_terminal(function)


main = typer.Typer(
    cls=on_demand((*COMMANDS, *TERMINAL_ONLY), _in_terminal),
    help="Why did my WebSocket close? Experiments on real sockets, on this machine.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"wslab {importlib.metadata.version('wslab')}")
        raise typer.Exit


@main.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """Options of the command itself."""
