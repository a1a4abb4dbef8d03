"""`wslab progress`: which lessons' checks have passed on this machine."""

from __future__ import annotations

from typing import Annotated, NamedTuple, cast

import typer
from rich.console import Console
from rich.table import Table

from wslab.core.codes.languages import LANGUAGES, Language, speaking


class Solved(NamedTuple):
    """One lesson: its number, its question, and the day (ISO 8601) on which its check first passed."""

    lesson: str
    question: str
    day: str | None


def progress(
    lang: Annotated[
        str, typer.Option(help="The language of the questions: en or ja.", autocompletion=lambda: LANGUAGES)
    ] = "en",
) -> list[Solved]:
    """Show which lessons you have solved, and the file that records it; delete that file to start over."""
    from wslab.course.progress import lessons_of_course, passed_lessons, summary

    say = speaking(cast("Language", lang))  # checked by speaking
    days = {number: known.day for number, known in passed_lessons().items()}
    lessons = [Solved(lesson.number, say(lesson.question), days.get(lesson.number)) for lesson in lessons_of_course()]
    table = Table(box=None, show_header=False, pad_edge=False)
    for lesson in lessons:
        table.add_row("✓" if lesson.day else "·", lesson.lesson, lesson.question, lesson.day or "")
    console = Console()
    console.print(table)
    for line in summary(say):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    return lessons
