"""The generated pages of the site: the lessons from their recordings, and a card for each close code.

`sphinx-build` calls `write_all`. The pages are Markdown, so that the site's search finds them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from wslab import compare
from wslab.core.codes.cards import Comparison
from wslab.core.codes.registry import REGISTRY
from wslab.core.codes.sources import Claim, Lesson, Source
from wslab.core.recordings import REPLAY
from wslab.reports import lessons, make_report
from wslab.reports.markdown import to_markdown
from wslab.views.card_pages import card_page

SIDE_BY_SIDE = 2
PAIR = (1009, 1012)


def write_all(source: Path, out: Path) -> None:
    """Write the pages of lessons and cards into the documentation's folder, and cards as separate files into `out`.

    Raises:
        RuntimeError: a cell of a lesson failed.
    """
    write_cards(source / "cards", out / "cards")
    names = list(lessons())
    os.environ[REPLAY] = "1"  # inherited by the processes below, which then open no socket
    with ProcessPoolExecutor(SIDE_BY_SIDE, get_context("spawn")) as pool:
        titles = dict(zip(names, pool.map(write_lesson, names, [source / "lessons"] * len(names)), strict=True))
    write_index(source / "lessons.md", "The lessons", "lessons", [name for name in titles if "/" not in name])
    write_index(source / "lessons-ja.md", "日本語のレッスン", "lessons", [name for name in titles if "/" in name])
    write_index(source / "cards.md", "The close codes", "cards", [str(code) for code in REGISTRY])


def write_lesson(name: str, folder: Path) -> str:
    """Execute a lesson from its recording, write its page and files, and return its title."""
    report = make_report(name)
    if report.failure is not None:
        raise RuntimeError(f"{name}, code cell {report.failure.cell_number}: {report.failure.error}")
    text, files = to_markdown(report.notebook, Path(name).name)
    page = folder / f"{name}.md"
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(f"# {report.opened.heading}\n\n{text.replace('.ipynb)', '.md)')}", encoding="utf-8")
    for path, content in files.items():
        (page.parent / path).parent.mkdir(exist_ok=True)
        (page.parent / path).write_bytes(content)
    return report.title


def write_index(file: Path, title: str, folder: str, names: Iterable[str]) -> None:
    entries = "\n".join(f"{folder}/{name}" for name in names)
    file.write_text(f"# {title}\n\n```{{toctree}}\n:maxdepth: 1\n\n{entries}\n```\n", encoding="utf-8")


def write_cards(folder: Path, out: Path) -> None:
    """Write each card as a page of the site and as a separate file."""
    folder.mkdir(exist_ok=True)
    out.mkdir(parents=True, exist_ok=True)
    for code in REGISTRY:
        card = compare(code)
        (folder / f"{code}.md").write_text(card_text(card), encoding="utf-8")
        (out / f"card-{code}.html").write_text(card_page(card), encoding="utf-8")


def card_text(card: Comparison) -> str:
    """Return the card of one code as Markdown."""
    [code] = card.codes
    words = code.explanation
    reason = f"Reason, for example: “{words.example_reason}”" if words.example_reason else ""
    parts = [
        f"```{{index}} single: {code.code}\n```",  # the search ignores numbers that are not in the index
        f"# {code.label}: {words.cause}",
        told(words.description),
        section("When you see it", map(told, words.when_seen)),
        section("How to fix it", map(told, words.how_to_fix)),
        section("When to use it", [told(words.when_to_use), reason]),
        section("Retry", [told(words.retry)]),
        section("Seen in the [field guide](../fieldguide.md)", card.practice[0]),
        section("Often said, and too simple", [f"“{each.says}” {told(each.found)}" for each in card.folklore]),
        f'<a href="card-{code.code}.html">This card as a page to send</a>',
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def section(title: str, lines: Iterable[str]) -> str:
    listed = "\n".join(f"- {line}" for line in lines if line)
    return f"## {title}\n\n{listed}" if listed else ""


def told(claim: Claim) -> str:
    """Return a statement with its sources."""
    return " ".join([claim.text, *cited(claim.sources)])


def cited(sources: Sequence[Source | Lesson]) -> list[str]:
    pages = {name[:2]: f"../lessons/{name}.md" for name in lessons() if "/" not in name}
    return [f"([{each.label}]({each.url if isinstance(each, Source) else pages[each.number]}))" for each in sources]
