"""`wslab codes`: a card of one close code, or a comparison of several."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, cast

import typer
from rich.console import Console

from wslab.cli.console import print_saved
from wslab.core.codes.cards import Comparison, compare
from wslab.core.codes.languages import LANGUAGES, Language
from wslab.core.codes.registry import REGISTRY
from wslab.core.files import write_whole
from wslab.views.cards import render


def _registered(incomplete: str) -> Iterator[tuple[str, str]]:
    yield from ((str(code), entry.name) for code, entry in REGISTRY.items() if str(code).startswith(incomplete))


def codes(
    code: Annotated[
        list[int], typer.Argument(help="One or more close codes, for example 1009 1012.", autocompletion=_registered)
    ],
    lang: Annotated[
        str, typer.Option(help="The language of the card: en or ja.", autocompletion=lambda: LANGUAGES)
    ] = "en",
    html: Annotated[Path | None, typer.Option(help="Write the card as a page to this file instead.")] = None,
) -> Comparison | Path:
    """Explain one close code or compare several: what they mean, when you see them, how to fix them."""
    card = compare(*code, lang=cast("Language", lang))  # checked by compare
    console = Console()
    if html is not None:
        from wslab.views.card_pages import card_page  # it takes its colours from Matplotlib, which is slow to import

        print_saved([write_whole(html, card_page(card).encode())])
        return html
    if not console.is_jupyter:  # where the card shows as the cell's value
        console.print(render(card))
    return card
