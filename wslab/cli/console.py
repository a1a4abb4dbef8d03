"""What the commands share: options, the progress line, and one-line errors."""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, ParamSpec, get_args

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar
from rich.table import Table

from wslab.cli.knobs import help_of
from wslab.core.checks import Check
from wslab.core.errors import UnwritableError, WslabError, in_words
from wslab.core.limits.verdicts import Verdict
from wslab.core.printable import printable
from wslab.core.records import RestartKind
from wslab.core.runs import Run
from wslab.experiments import Cancel, Progress
from wslab.experiments.conduct import OnProgress
from wslab.net import runtime

P = ParamSpec("P")


def _policies(incomplete: str) -> Iterator[tuple[str, str]]:
    """Yield each policy with this prefix, with the first line of its docstring."""
    from wslab.core.policies.textbook import POLICIES

    for name, make in POLICIES.items():
        if name.startswith(incomplete):
            yield name, (make.__doc__ or "").partition("\n")[0]


def _kinds() -> list[str]:
    return list(get_args(RestartKind))


OriginsOption = Annotated[
    list[str] | None,
    typer.Option(
        help="Whose pages may connect, besides those from this machine: the page's location.origin, such as "
        "https://hub.example.org. Repeatable. Programs send no Origin and may always connect."
    ),
]

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of a table.")]
PolicyOption = Annotated[
    str,
    typer.Option(help="When clients come back: full_jitter, constant, registry, …", autocompletion=_policies),
]
KindOption = Annotated[
    str, typer.Option(help="graceful, reload, rolling (each 1012), or crash (1006).", autocompletion=_kinds)
]
DowntimeOption = Annotated[float, typer.Option("--downtime", help=help_of("downtime_s"))]
AdmissionsOption = Annotated[float | None, typer.Option(help=help_of("max_admissions_per_s"))]

FAILED, WRONG_ARGUMENT, UNREACHABLE, INTERRUPTED, NOBODY_READS = 1, 2, 3, 130, 141
"""Exit codes; the last two are those that a shell reports after SIGINT and SIGPIPE."""

FOR_PEOPLE = (WslabError, OSError)
"""Errors whose messages are for users; any other is a bug and keeps its traceback."""


class Document(msgspec.Struct, frozen=True, kw_only=True, tag_field="document"):
    """The base of what a command prints with `--json`: named after its command, with a version.

    A new field leaves `version` as it is; removing a field or changing its meaning raises it. `wslab schema` prints the
    JSON Schema of each.
    """

    version: int = 1


def in_terminal(command: Callable[P, Any]) -> Callable[P, None]:
    """Let a command end with an exit code, and with one line for an error that is meant for users."""

    @functools.wraps(command)
    def run(*arguments: P.args, **options: P.kwargs) -> None:
        try:
            exit_code = exit_code_of(command(*arguments, **options))
            sys.stdout.flush()
        except BrokenPipeError:  # the reader, such as `head`, is done
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python would complain at exit
            exit_code = NOBODY_READS
        except KeyboardInterrupt:
            exit_code = complain("interrupted before anything was measured", INTERRUPTED)
        except FOR_PEOPLE as error:
            exit_code = complain(error, WRONG_ARGUMENT if isinstance(error, ValueError | TypeError) else FAILED)
        raise typer.Exit(exit_code)

    return run


@contextlib.contextmanager
def saved_whatever_comes() -> Iterator[Cancel]:
    """Within the block Ctrl-C raises nothing; it ends the experiment that gets this token.

    The run so far is then saved and printed. An experiment that has not begun ends as soon as it does.
    """
    cancel = Cancel()
    with runtime.interrupts(cancel.cancel):
        yield cancel


def exit_code_of(found: Any) -> int:
    """Return the exit code for what a command returned."""
    match found:
        case int():
            return found
        case Run(info=info) if info.losses:
            return complain(f"part of the run was lost: {'; '.join(info.losses)}", FAILED)
        case Run(info=info) if info.partial:
            return complain("interrupted; what was measured so far is kept", INTERRUPTED)
        case Run(attempts=attempts) if attempts and not any(each.outcome == "opened" for each in attempts):
            return complain("no connection opened", UNREACHABLE)
        case Check() if found.interrupted:
            return INTERRUPTED
        case Check():
            return 2 if not found.could_run else int(bool(found.failed))
        case Verdict(status="cancelled"):
            return INTERRUPTED
        case Verdict(clocks=clocks) if any(clock.status == "cancelled" for clock in clocks):
            return INTERRUPTED
        case Verdict(status="unreachable" | "tls_error" | "no_answer"):
            return UNREACHABLE
    return 0


def print_result(
    table: Table,
    *,
    document: Callable[[Sequence[Path]], Document] | None = None,
    files: Iterable[Path] = (),
) -> None:
    """Print the result as a table or as one JSON document, and the files that were written.

    Args:
        document: makes the JSON document, which names the files; None prints the table.
        files: each is written as it is iterated; if one cannot be written, the result is printed all the same.

    Raises:
        OSError: a file cannot be written.
    """
    saved: list[Path] = []
    failure: OSError | None = None
    try:
        saved.extend(files)
    except OSError as error:
        failure = error
    if document is not None:
        print_document(document(saved))
    else:
        Console().print(table)
        print_saved(saved)
    if failure is not None:
        raise failure


def print_document(document: msgspec.Struct) -> None:
    """Print one JSON document."""
    print(msgspec.json.format(msgspec.json.encode(document)).decode())


def print_saved(paths: Iterable[Path]) -> None:
    """Print one line per file that was written."""
    for path in paths:
        Console().print(printable(f"saved {path}"), soft_wrap=True, markup=False, highlight=False)


def make_folder(out: Path | None, option: str = "--out") -> None:
    """Create the folder for results, before the run, so that a wrong path does not cost the run.

    Raises:
        UnwritableError: it cannot be created or written to; the message says why.
    """
    if out is None:
        return
    try:
        out.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=out).close()
    except OSError as error:
        raise UnwritableError(
            f"{option} is {str(out)!r}, but must be a folder that you may write: {in_words(error, named=False)}"
        ) from None


def check_writable(file: Path) -> None:
    """Raise, before the work, unless a file can be written under this name.

    Raises:
        UnwritableError: its folder is missing or cannot be written to, or it is a folder.
    """
    try:
        if file.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        tempfile.TemporaryFile(dir=file.parent).close()
    except OSError as error:
        raise UnwritableError(
            f"--out is {str(file)!r}, which cannot be written: {in_words(error, named=False)}"
        ) from None


@contextlib.contextmanager
def progress_line() -> Iterator[OnProgress]:
    """Yield a callback that updates one line of progress, on stderr if it is a terminal, or under a notebook's cell."""
    console = Console(stderr=True)
    if console.is_jupyter:  # rich's bar would leave an empty widget behind
        from IPython.display import Pretty, display

        line: Any = display(Pretty(""), display_id=True)
        yield lambda progress: line.update(Pretty(progress.doing))
        return
    if not console.is_terminal:  # a log needs no progress
        yield lambda progress: None
        return
    columns = (BarColumn(bar_width=20), TextColumn("{task.description}"), TimeElapsedColumn())
    bar = Bar(*columns, console=console)
    task = bar.add_task("")
    with contextlib.ExitStack() as moving:

        def move(progress: Progress) -> None:
            if not bar.live.is_started:  # not earlier: a wrong argument gets one line only
                moving.enter_context(bar)
            bar.update(task, completed=progress.done, total=progress.total, description=progress.doing)

        yield move


def complain(error: Exception | str, exit_code: int) -> int:
    """Print a line on stderr and return the exit code."""
    Console(stderr=True).print(printable(f"wslab: {error}"), style="red", soft_wrap=True, markup=False, highlight=False)
    return exit_code
