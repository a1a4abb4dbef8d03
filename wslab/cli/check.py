"""`wslab check`: is my server right about limits and restarts? Is my client? One case per behaviour."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console

from wslab.checks import CLIENT_CASES, SERVER_CASES, Check, Restarter, check_client, check_server, differences
from wslab.checks.client import BUDGET_S as CLIENT_BUDGET_S
from wslab.checks.server import BUDGET_S
from wslab.cli.console import JsonOption, check_writable, print_document, print_saved, progress_line
from wslab.cli.target import with_target
from wslab.core.errors import BadValueError, in_words
from wslab.core.files import write_whole
from wslab.core.target import Target

JunitOption = Annotated[Path | None, typer.Option(help="Write JUnit XML to this file too.")]
HtmlOption = Annotated[Path | None, typer.Option(help="Write a page with the evidence to this file too.")]
CompareOption = Annotated[Path | None, typer.Option(help="An earlier --json document: say what changed since.")]


def _names() -> list[str]:
    return list(SERVER_CASES)


@with_target
def server(
    target: Target,
    restart: Annotated[str | None, typer.Option(help="A shell command that restarts the server.")] = None,
    pid: Annotated[int | None, typer.Option(help="A process to signal instead; its watcher must restart it.")] = None,
    signal: Annotated[str, typer.Option(help="The signal to send to --pid.")] = "TERM",
    return_within: Annotated[float, typer.Option(help="Seconds that a restart may take.")] = 30.0,
    configured: Annotated[
        int | None, typer.Option(help="The limit, in bytes, that the server is documented to have.")
    ] = None,
    case: Annotated[
        list[str] | None,
        typer.Option(help="Only this case; repeatable.", autocompletion=_names),
    ] = None,
    clock: Annotated[
        float | None, typer.Option(help="Also look for idle timeouts and ages of up to this many seconds.")
    ] = None,
    budget: Annotated[float, typer.Option(help="Seconds for all cases together.")] = BUDGET_S,
    as_json: JsonOption = False,
    junit: JunitOption = None,
    html: HtmlOption = None,
    compare: CompareOption = None,
) -> Check:
    """Check a server's limits, its manners and, given --restart or --pid, its restarts.

    Exit codes: 0 if no case fails, 1 if one does, 2 if the server could not be checked.
    """
    earlier = _prepared(junit, html, compare)
    restarter = None
    if restart is not None or pid is not None:
        restarter = Restarter(command=restart, pid=pid, signal_name=signal, return_within_s=return_within)
    with progress_line() as progress:
        check = check_server(
            target,
            restart=restarter,
            configured_bytes=configured,
            cases=case or (),
            clock_s=clock,
            budget_s=budget,
            progress=progress,
        )
    _show(check, earlier, as_json, junit, html)
    return check


def check_app(wrap: Callable[[Callable[..., Check]], Callable[..., Any]]) -> typer.Typer:
    """Return the command `check` with its two commands, each wrapped for a terminal or a notebook."""
    app = typer.Typer(help="Is my server right about limits and restarts? Is my client?", no_args_is_help=True)
    app.command()(wrap(server))
    app.command()(wrap(client))
    return app


def client(
    command: Annotated[
        str | None, typer.Option("--exec", help="Command that starts the client; {url} is the server to connect to.")
    ] = None,
    final: Annotated[
        list[int] | None, typer.Option(help="A close code after which it should stay away; repeatable.")
    ] = None,
    case: Annotated[
        list[str] | None,
        typer.Option(help="Only this case; repeatable.", autocompletion=lambda: list(CLIENT_CASES)),
    ] = None,
    budget: Annotated[float, typer.Option(help="Seconds for all cases together.")] = CLIENT_BUDGET_S,
    first_within: Annotated[float, typer.Option(help="Seconds until its first connection.")] = 10.0,
    as_json: JsonOption = False,
    junit: JunitOption = None,
    html: HtmlOption = None,
    compare: CompareOption = None,
) -> Check:
    """Check how a client reconnects, and with what: `--exec 'node client.js {url}'`, or start it at each URL yourself.

    Exit codes: 0 if no case fails, 1 if one does, 2 if the client could not be checked.
    """
    earlier = _prepared(junit, html, compare)
    with progress_line() as progress:
        check = check_client(
            command,
            tell=None if command else lambda url: Console(stderr=True).print(f"start your client at {url}"),
            final_codes=final or (),
            cases=case or (),
            budget_s=budget,
            first_within_s=first_within,
            progress=progress,
        )
    _show(check, earlier, as_json, junit, html)
    return check


def _prepared(junit: Path | None, html: Path | None, compare: Path | None) -> Check | None:
    """Raise for files that cannot be written or read before the check begins; return the earlier check, if any."""
    for file in filter(None, (junit, html)):
        check_writable(file)
    return None if compare is None else _earlier(compare)


def _show(check: Check, earlier: Check | None, as_json: bool, junit: Path | None, html: Path | None) -> None:
    from wslab.views import checks

    changed = [] if earlier is None else differences(earlier, check)
    saved = [] if junit is None else [write_whole(junit, checks.junit(check).encode())]
    saved += [] if html is None else [write_whole(html, checks.page(check, changed).encode())]
    if as_json:
        print_document(check)
        return
    print_saved(saved)
    Console().print(checks.render(check, changed))


def _earlier(path: Path) -> Check:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Check)
    except (OSError, msgspec.DecodeError) as error:
        raise BadValueError(f"--compare is {str(path)!r}, not a check: {in_words(error, named=False)}") from None
