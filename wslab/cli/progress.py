"""`wslab progress`: which lessons' checks have passed on this machine."""

from __future__ import annotations

from typing import Annotated, cast

import typer
from rich.console import Console
from rich.table import Table

from wslab.core.codes.languages import LANGUAGES, Language, speaking


def progress(
    lang: Annotated[
        str, typer.Option(help="The language of the questions: en or ja.", autocompletion=lambda: LANGUAGES)
    ] = "en",
) -> None:
    """Show which lessons you have solved, and the file that says so; delete it to begin again."""
    from wslab.course.progress import lessons_of_course, passed_lessons, summary

    say = speaking(cast("Language", lang))  # checked there, with a message for people
    passed = passed_lessons()
    table = Table(box=None, show_header=False, pad_edge=False)
    for lesson in lessons_of_course():
        known = passed.get(lesson.number)
        table.add_row("✓" if known else "·", lesson.number, say(lesson.question), known.day if known else "")
    console = Console()
    console.print(table)
    for line in summary(say):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
