"""How the kit's own objects look in IPython: runs and cards in HTML in a notebook, cards and verdicts as text.

The objects are of `core`, which knows no HTML; so IPython is told, by their names, what draws them. Nothing is loaded
until one of them is shown, and `repr()` stays one line.
"""

from __future__ import annotations

import os
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from wslab.core import places

if TYPE_CHECKING:
    from rich.console import RenderableType

    from wslab.captures.explanation import Explained
    from wslab.core.codes.cards import Comparison
    from wslab.core.limits.verdicts import Verdict
    from wslab.core.runs import Run


def register(shell: Any) -> None:
    """Tell an IPython shell, as `get_ipython()` returns it, how runs and cards look. Doing it again changes nothing."""
    html, plain = (shell.display_formatter.formatters[kind] for kind in ("text/html", "text/plain"))
    html.for_type_by_name("wslab.core.runs", "Run", _run_html)
    html.for_type_by_name("wslab.core.codes.cards", "Comparison", _card_html)
    plain.for_type_by_name("wslab.core.runs", "Run", _in_lines)
    plain.for_type_by_name("wslab.core.herds.herd", "Herd", _in_lines)
    plain.for_type_by_name("wslab.core.codes.cards", "Comparison", _card_text)
    plain.for_type_by_name("wslab.core.limits.verdicts", "Verdict", _verdict_text)
    html.for_type_by_name("wslab.captures.explanation", "Explained", _explained_html)
    plain.for_type_by_name("wslab.captures.explanation", "Explained", _explained_text)


def _in_lines(shown: object, printer: Any, _cycle: bool) -> None:
    """Break the one line of a `repr()` between words, where JupyterLab would break it in a number."""
    printer.text(textwrap.fill(repr(shown), printer.max_width, break_long_words=False))


def _run_html(run: Run) -> str:
    from wslab.views.run_pages import run_html

    return run_html(run)


def _card_html(card: Comparison) -> str:
    from wslab.views.card_pages import card_html

    return card_html(card, _lessons_nearby(card.lang))


def _lessons_nearby(lang: str) -> dict[str, str]:
    """Return the addresses of the lessons by number, in `lang` where there is such an edition; none where they are far.

    A notebook opens what lies beside, below or just above it, and nothing that its Jupyter server does not serve.
    """
    folder = places.lessons()
    editions = [*folder.glob("[0-9][0-9]_*.ipynb"), *folder.glob(f"{lang}/[0-9][0-9]_*.ipynb")]
    paths = {path.name[:2]: os.path.relpath(path) for path in editions}
    far = str(Path(os.pardir, os.pardir))
    return {number: quote(Path(path).as_posix()) for number, path in paths.items() if not path.startswith(far)}


def _card_text(card: Comparison, printer: Any, cycle: bool) -> None:
    from wslab.views.cards import render

    _print(render(card), printer)


def _verdict_text(verdict: Verdict, printer: Any, cycle: bool) -> None:
    from wslab.views.verdicts import render

    _print(render(verdict), printer)


def _explained_html(explained: Explained) -> str:
    from wslab.views.findings import findings_html

    return findings_html(explained.findings, explained.headline)


def _explained_text(explained: Explained, printer: Any, cycle: bool) -> None:
    from wslab.views.findings import render_findings

    _print(render_findings(explained.findings, explained.headline), printer)


def _print(rendered: RenderableType, printer: Any) -> None:
    from rich.console import Console

    console = Console(width=printer.max_width, force_jupyter=False, force_terminal=False, color_system=None)
    with console.capture() as capture:
        console.print(rendered)
    printer.text(capture.get().rstrip())
