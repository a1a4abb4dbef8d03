"""`wslab probe`: how big is too big for this server, exactly."""

from __future__ import annotations

import json
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from wslab.cli.console import JsonOption, print_document, progress_line
from wslab.cli.target import with_target
from wslab.core.errors import BadValueError
from wslab.core.limits.search import DEFAULT_CAP_BYTES
from wslab.core.limits.verdicts import Verdict, verdict_schema
from wslab.core.target import Target
from wslab.experiments import Cancel, find_idle_timeout, find_limit, find_max_age
from wslab.views.verdicts import render


@with_target
def probe(
    target: Target | None = None,
    as_json: JsonOption = False,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON document's schema and stop.")] = False,
    cap: Annotated[int, typer.Option(help="Try no message larger than this many bytes plus one.")] = DEFAULT_CAP_BYTES,
    configured: Annotated[
        int | None, typer.Option(help="The limit, in bytes, that the server is documented to have.")
    ] = None,
    filler: Annotated[
        str, typer.Option(help='Without a template: the one character of every message; "4" makes engine.io messages.')
    ] = "a",
    max_time: Annotated[float, typer.Option(help="End the whole search after this many seconds.")] = 300.0,
    clock: Annotated[
        bool, typer.Option("--clock", help="Also find its idle timeout and maximum age, by waiting.")
    ] = False,
    up_to: Annotated[float, typer.Option(help="With --clock: the longest silence or age in seconds to try.")] = 120.0,
    again_after: Annotated[
        float, typer.Option(help="Try the limit once more, this many seconds later: it may follow load or time.")
    ] = 0.0,
    keep_replies: Annotated[bool, typer.Option(help="Quote what the server answers.")] = True,
) -> Verdict | None:
    """Find the largest message that a server accepts, what the limit counts, and what a client sees above it.

    Every verdict is an answer, so the exit code is 0; it is 3 if the server cannot be reached.
    """
    if schema:
        print(json.dumps(verdict_schema(), indent=2))
        return None
    if target is None:
        raise BadValueError("no server given: write wslab probe ws://…, or the name of a target in targets.toml")
    cancel = Cancel()  # one for all, so that Ctrl-C also ends the clocks
    with progress_line() as progress:
        verdict = find_limit(
            target,
            cap_bytes=cap,
            configured_bytes=configured,
            filler=filler,
            max_elapsed_s=max_time,
            again_after_s=again_after,
            keep_replies=keep_replies,
            progress=progress,
            cancel=cancel,
        )
        if clock and verdict.status not in ("unreachable", "tls_error", "no_answer", "cancelled"):
            asking = (find_idle_timeout, find_max_age)
            clocks = tuple(ask(target, up_to_s=up_to, progress=progress, cancel=cancel) for ask in asking)
            verdict = msgspec.structs.replace(verdict, clocks=clocks)
    if as_json:
        print_document(verdict)
    else:
        Console().print(render(verdict))
    return verdict
