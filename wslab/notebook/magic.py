"""`%wslab`: the commands of the command line in a notebook, where a card is a page and an error is one line.

A command returns its result: `run = %wslab herd --clients 200`. If it needs a terminal, the error says what to write in
a cell instead.
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
    """Turn errors that are meant for people into IPython's error for magics: one line, and the cell has failed."""
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
    """Make the app a group of commands, though each is found only when it is looked up."""


def run_command(line: str) -> Any:
    """Run `%wslab ARGUMENTS` as `wslab ARGUMENTS` runs in a terminal, and return the result.

    That is a `Run`, a `Verdict`, a card, the path of the page that was written; None where the command failed.

    Raises:
        UsageError: an argument is wrong, or the command cannot run here; IPython shows only its message.
    """
    try:
        arguments = shlex.split(line)
    except ValueError as error:  # an unclosed quote
        raise UsageError(in_words(error, named=False)) from None
    if arguments and (why := TERMINAL_ONLY.get(arguments[0])):
        raise UsageError(f"%wslab has no {arguments[0]}: {why}") from None
    try:
        result = _app(arguments or ["--help"], prog_name="%wslab", standalone_mode=False)
    except typer.Abort:
        raise KeyboardInterrupt from None
    except Exception as error:
        if not hasattr(error, "format_message"):  # Typer's own errors, whose class depends on its version
            raise
        raise UsageError(error.format_message()) from None
    return None if isinstance(result, int) else result  # an exit code, and its reason has been printed
