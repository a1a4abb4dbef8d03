"""What the commands share: options, the progress line, and errors that are one line."""

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
    """Yield each policy that begins so, with the first line of what it says of itself."""
    from wslab.core.policies.textbook import POLICIES

    for name, make in POLICIES.items():
        if name.startswith(incomplete):
            yield name, (make.__doc__ or "").partition("\n")[0]


def _kinds() -> list[str]:
    return list(get_args(RestartKind))


OriginsOption = Annotated[
    list[str] | None,
    typer.Option(
        help="Whose pages may connect, beside those that come from this machine itself: each as location.origin says "
        "it in the page, such as https://hub.example.org. Repeatable. Programs send no Origin and are let in."
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
"""Exit codes; the last two are what a shell reports of a program that SIGINT or SIGPIPE has ended."""

FOR_PEOPLE = (WslabError, OSError)
"""Errors whose messages are for people; any other is a fault of ours and keeps its traceback."""


class Document(msgspec.Struct, frozen=True, kw_only=True, tag_field="document"):
    """The base of what a command prints with `--json`: named by its command, and numbered.

    A field that is added leaves `version` as it is; one that goes or changes its meaning raises it. `wslab schema`
    prints the JSON Schema of each.
    """

    version: int = 1


def in_terminal(command: Callable[P, Any]) -> Callable[P, None]:
    """Let a command end as a program does: one line for an error that is meant for people, and an exit code."""

    @functools.wraps(command)
    def run(*arguments: P.args, **options: P.kwargs) -> None:
        try:
            exit_code = exit_code_of(command(*arguments, **options))
            sys.stdout.flush()
        except BrokenPipeError:  # the reader, such as `head`, has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python would complain at its end
            exit_code = NOBODY_READS
        except KeyboardInterrupt:
            exit_code = complain("interrupted before there was anything to keep", INTERRUPTED)
        except FOR_PEOPLE as error:
            exit_code = complain(error, WRONG_ARGUMENT if isinstance(error, ValueError | TypeError) else FAILED)
        raise typer.Exit(exit_code)

    return run


@contextlib.contextmanager
def saved_whatever_comes() -> Iterator[Cancel]:
    """Within the block Ctrl-C raises nothing: it ends the experiment that is given this token.

    Its run is then saved and printed. One that has not begun ends as soon as it does.
    """
    cancel = Cancel()
    with runtime.interrupts(cancel.cancel):
        yield cancel


def exit_code_of(found: Any) -> int:
    """Return the exit code that says what became of a command, from what it returned."""
    match found:
        case int():
            return found
        case Run(info=info) if info.losses:
            return complain(f"part of the run was lost: {'; '.join(info.losses)}", FAILED)
        case Run(info=info) if info.partial:
            return complain("interrupted; what was measured until then is kept", INTERRUPTED)
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
    """Print what was found, as a table or as one JSON document, and then the files that it was written to.

    Args:
        document: makes the JSON document, which names the files; None prints the table.
        files: each is written when it is asked for. Where one cannot be, what was found is printed all the same.

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
    """Print a line for each file that was written."""
    for path in paths:
        Console().print(printable(f"saved {path}"), soft_wrap=True, markup=False, highlight=False)


def make_folder(out: Path | None, option: str = "--out") -> None:
    """Make the folder for results: before the run, so that a wrong path does not cost it.

    Raises:
        UnwritableError: it cannot be made, or not be written; the message says why.
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
    """Raise unless a file can be written under this name: before the work, so that a wrong path does not cost it.

    Raises:
        UnwritableError: its folder is missing or may not be written, or the name is a folder's.
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
    """Yield a progress callback that moves one line: on stderr if that is a terminal, in a notebook under the cell."""
    console = Console(stderr=True)
    if console.is_jupyter:  # where rich's own bar would leave an empty widget behind
        from IPython.display import Pretty, display

        line: Any = display(Pretty(""), display_id=True)
        yield lambda progress: line.update(Pretty(progress.doing))
        return
    if not console.is_terminal:  # a log has no use for it
        yield lambda progress: None
        return
    columns = (BarColumn(bar_width=20), TextColumn("{task.description}"), TimeElapsedColumn())
    bar = Bar(*columns, console=console)
    task = bar.add_task("")
    with contextlib.ExitStack() as moving:

        def move(progress: Progress) -> None:
            if not bar.live.is_started:  # not before: a wrong argument is told in one line
                moving.enter_context(bar)
            bar.update(task, completed=progress.done, total=progress.total, description=progress.doing)

        yield move


def complain(error: Exception | str, exit_code: int) -> int:
    """Print a line on stderr and return the exit code that goes with it."""
    Console(stderr=True).print(printable(f"wslab: {error}"), style="red", soft_wrap=True, markup=False, highlight=False)
    return exit_code
