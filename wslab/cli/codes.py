"""`wslab codes`: a card of one close code, or a comparison of several."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from wslab.core.cards import compare
from wslab.views.cards import render


def codes(
    code: Annotated[list[int], typer.Argument(help="One close code or more, for example 1009 1012.")],
) -> None:
    """A card of one close code, or a comparison of two: what it means, when you see it, how to fix it."""
    Console().print(render(compare(*code)))
