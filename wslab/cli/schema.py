"""`wslab schema`: the JSON Schema of what a command prints with `--json`."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console

from wslab.captures.explanation import Explanation
from wslab.cli.demo import DemoDocument
from wslab.cli.herd import HerdDocument, SimulateDocument
from wslab.cli.send import SendDocument
from wslab.cli.watch import WatchBegun, WatchClosed, WatchEnded
from wslab.core.arguments import check_choice
from wslab.core.checks import Check
from wslab.core.fieldguide import GuideEntry
from wslab.core.limits.verdicts import Verdict

DOCUMENTS: dict[str, Any] = {
    "check": Check,
    "demo": DemoDocument,
    "explain": Explanation,
    "fieldguide": GuideEntry,
    "herd": HerdDocument,
    "probe": Verdict,
    "send": SendDocument,
    "simulate": SimulateDocument,
    "watch": WatchBegun | WatchClosed | WatchEnded,
}
"""The document of each command; of a watch, of each line; of a field guide, of each line of its file."""


def schema(
    command: Annotated[
        str, typer.Argument(help="A command that takes --json.", autocompletion=lambda: list(DOCUMENTS))
    ],
) -> dict[str, Any]:
    """Print the JSON Schema (2020-12) of what a command prints with `--json`."""
    check_choice("command", command, DOCUMENTS)
    document = msgspec.json.schema(DOCUMENTS[command])
    if not Console().is_jupyter:  # where it shows as the cell's value
        print(msgspec.json.format(msgspec.json.encode(document)).decode())
    return document
