"""The command line: each command calls one experiment or view, and prints what it returns.

Results go to stdout, progress and errors to stderr. Exit codes: 0 done; 1 failed, or part of the run was lost; 2 a
wrong argument; 3 the target cannot be reached; 130 interrupted, with what was measured so far.

A command's module is imported when the command is used, and slow imports are inside its function, so that `wslab codes`
waits neither for sockets nor for Matplotlib.
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
"""Commands that a notebook has too, as `%wslab`; there each returns its result."""

TERMINAL_ONLY = {
    "fieldguide": "it takes many minutes; run it in a terminal, and read its file with read_entries",
    "serve": "it takes commands from a terminal; in a cell, write server = wslab.LabServer().start()",
    "relay": "it needs a terminal; in a cell, write relay = wslab.Relay(url).start()",
    "lab": "it starts JupyterLab, which is running already",
    "app": "it would replace this kernel's process; run it in a terminal",
}
"""The other commands, and why a notebook does not have them."""

Wrap = Callable[[Callable[..., Any]], Callable[..., Any]]
"""Wraps a command's function, so that a terminal or a notebook reports its errors."""


class Commands(Mapping[str, Any]):
    """The commands `names`; each is imported from the module of that name when it is looked up."""

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
