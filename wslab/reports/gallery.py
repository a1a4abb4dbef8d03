"""A small site: every lesson's page, a card for every close code, and an index with pictures.

It opens from disk: plain files with relative links, without scripts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader
from nbformat import NotebookNode

from wslab.core.codes.cards import compare
from wslab.core.codes.registry import REGISTRY
from wslab.core.files import write_whole
from wslab.reports.fragments import figures
from wslab.reports.material import lessons
from wslab.reports.rendering import TEMPLATES
from wslab.reports.report import Report, make_report
from wslab.views.card_pages import card_page

PAIR = (1009, 1012)

OnLesson = Callable[[int, int, str], None]
"""Called before each lesson with the number done, the total, and its name."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A lesson in the index: its question, how long it takes, its first picture, and whether it ran to the end."""

    name: str
    title: str
    time: str
    picture: str | None
    words: str
    failed: bool
    interrupted: bool = False


def make_gallery(folder: Path, on_lesson: OnLesson | None = None) -> list[Shown]:
    """Execute every lesson, write the site into `folder`, the index last, and return what the index shows.

    Ctrl-C ends it after the running lesson, or before the one whose kernel is starting; the index has the lessons so
    far.

    Raises:
        OSError: the folder cannot be written to.
        KeyboardInterrupt: Ctrl-C came before there was a page.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pictures").mkdir(exist_ok=True)
    names = list(lessons())
    shown: list[Shown] = []
    try:
        for done, name in enumerate(names):
            if on_lesson is not None:
                on_lesson(done, len(names), name)
            shown.append(_show(make_report(name), name, names, folder))
            if shown[-1].interrupted:
                break
    except KeyboardInterrupt:
        if not shown:
            raise
    _write_cards(folder, names)
    write_whole(folder / "index.html", index_page(shown).encode())
    return shown


def index_page(shown: Sequence[Shown]) -> str:
    """Return the page that links to all others."""
    templates = Environment(loader=FileSystemLoader(TEMPLATES / "gallery"), autoescape=True, trim_blocks=True)
    return templates.get_template("index.html.j2").render(
        lessons=[one for one in shown if "/" not in one.name],
        translated=[one for one in shown if "/" in one.name],
        codes=list(REGISTRY.values()),
    )


def _show(report: Report, name: str, names: list[str], folder: Path) -> Shown:
    """Write a lesson's page and picture, and return how the index shows it."""
    page = folder / f"{name}.html"
    page.parent.mkdir(exist_ok=True)
    write_whole(page, report.page(name, names).encode())
    content, words = next(_figures(report.notebook), (None, ""))
    picture = f"pictures/{name.replace('/', '-')}.png"
    if content is not None:
        write_whole(folder / picture, content)
    return Shown(
        name=name,
        title=report.title,
        time=_time(report.notebook),
        picture=picture if content is not None else None,
        words=words,
        failed=report.failure is not None,
        interrupted=report.interrupted,
    )


def _figures(notebook: NotebookNode) -> Iterator[tuple[bytes, str]]:
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            yield from figures(output.get("data", {}).get("text/html", ""))


def _time(notebook: NotebookNode) -> str:
    """Return the time that a lesson takes, as stated under its title."""
    said = re.search(r"^\*(.+?)[.。]", notebook.cells[0].source, re.MULTILINE)
    return said[1] if said else ""


def _write_cards(folder: Path, names: list[str]) -> None:
    pages = {name[:2]: f"{name}.html" for name in names if "/" not in name}
    for code in REGISTRY:
        write_whole(folder / f"code-{code}.html", card_page(compare(code), pages).encode())
    for lang in ("en", "ja"):
        own = {Path(name).name[:2]: f"{name}.html" for name in names if name.startswith(f"{lang}/")}
        write_whole(folder / f"1009-1012-{lang}.html", card_page(compare(*PAIR, lang=lang), pages | own).encode())
