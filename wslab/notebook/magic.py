"""`%wslab`: the command line's own commands in a notebook, where a card is a page and an error is one line.

What a command found is also its value: `run = %wslab herd --clients 200`. Of a
command that needs a terminal it says what to do in a cell instead.
"""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Iterator
from typing import Any

import typer
from IPython.core.error import UsageError

from wslab.cli import COMMANDS, TERMINAL_ONLY, on_demand
from wslab.cli.console import FOR_PEOPLE
from wslab.core.errors import in_words


@contextlib.contextmanager
def _in_one_line() -> Iterator[None]:
    """Turn the errors that are meant for people into IPython's own for magics: a line, and the cell has failed."""
    try:
        yield
    except FOR_PEOPLE as error:
        raise UsageError(str(error)) from None


_app = typer.Typer(
    cls=on_demand(COMMANDS, _in_one_line()),
    help="The commands of wslab, in a notebook.",
    add_completion=False,
    pretty_exceptions_enable=False,
)


@_app.callback()
def _group() -> None:
    """Make it a group, though its commands are found by name alone."""


def run_command(line: str) -> Any:
    """Run `%wslab ARGUMENTS`, as `wslab ARGUMENTS` in a terminal would, and return what it found, such as a `Run`.

    Raises:
        UsageError: a wrong argument, or it could not be done here; IPython shows its message alone.
    """
    try:
        arguments = shlex.split(line)
    except ValueError as error:  # a quote that is not closed
        raise UsageError(in_words(error, named=False)) from None
    if arguments and (why := TERMINAL_ONLY.get(arguments[0])):
        raise UsageError(f"%wslab has no {arguments[0]}: {why}") from None
    try:
        return _app(arguments or ["--help"], prog_name="%wslab", standalone_mode=False) or None  # 0 is no find
    except typer.Abort:
        raise KeyboardInterrupt from None
    except Exception as error:
        if not hasattr(error, "format_message"):  # what typer raises of its own; of which class, depends on its version
            raise
        raise UsageError(error.format_message()) from None
