"""`wslab probe`: how big is too big for this server, exactly."""

from __future__ import annotations

import json
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from wslab.cli.console import JsonOption, progress_line
from wslab.core.limits.search import DEFAULT_CAP_BYTES
from wslab.core.limits.verdicts import verdict_schema
from wslab.experiments import find_limit
from wslab.views.verdicts import render


def probe(
    url: Annotated[str, typer.Argument(help="ws:// or wss://, on this machine or as --i-may-probe says.")] = "",
    as_json: JsonOption = False,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON document's schema and stop.")] = False,
    cap: Annotated[int, typer.Option(help="Try no message larger than this many bytes plus one.")] = DEFAULT_CAP_BYTES,
    configured: Annotated[int | None, typer.Option(help="The limit in bytes that the server is said to have.")] = None,
    subprotocol: Annotated[list[str] | None, typer.Option(help="Offer it; may be given several times.")] = None,
    greeting: Annotated[str | None, typer.Option(help="Send this text first on each connection.")] = None,
    filler: Annotated[
        str, typer.Option(help='The character that messages consist of; "4" makes engine.io messages.')
    ] = "a",
    i_may_probe: Annotated[
        list[str] | None, typer.Option(help="A host other than this machine that you are permitted to probe.")
    ] = None,
) -> None:
    """Find the largest message that a server accepts, what is counted, and what a client sees over it.

    Every verdict is an answer, also that there is no such server: the exit code is 0 where one is printed.
    """
    if schema:
        print(json.dumps(verdict_schema(), indent=2))
        return
    with progress_line() as progress:
        verdict = find_limit(
            url,
            cap_bytes=cap,
            configured_bytes=configured,
            subprotocols=subprotocol or (),
            greeting=greeting,
            filler=filler,
            allow_hosts=i_may_probe or (),
            progress=progress,
        )
    if as_json:
        print(json.dumps(msgspec.to_builtins(verdict), indent=2))
    else:
        Console().print(render(verdict))
