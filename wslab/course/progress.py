"""Which lessons' checks have passed, in one local file: one line per lesson, with the day and no name of the learner.

Only a notebook's kernel writes it, when a check first passes; scripts and reports do not. Delete the file to start
over. `WSLAB_PROGRESS` names another file; if it is empty, nothing is kept.
"""

from __future__ import annotations

import datetime
import json
import os
import sys
from pathlib import Path
from typing import NamedTuple

import platformdirs

from wslab.core.codes import sources
from wslab.core.codes.languages import Say
from wslab.core.codes.sources import Lesson
from wslab.core.errors import UnwritableError, in_words
from wslab.core.recordings import RECORD

PLACE = "WSLAB_PROGRESS"
"""The environment variable that names another file, or none if it is empty."""


class PassedLesson(NamedTuple):
    """A lesson whose check has passed, and the day (ISO 8601) on which it first did."""

    lesson: str
    day: str


def progress_file() -> Path | None:
    """Return the file of progress, whether or not it exists; None if progress is not kept."""
    given = os.environ.get(PLACE)
    if given is not None:
        return Path(given) if given else None
    return platformdirs.user_data_path("wslab", appauthor=False) / "progress.jsonl"


def passed_lessons() -> dict[str, PassedLesson]:
    """Return the lessons that have passed, by number; damaged lines are ignored.

    Raises:
        UnwritableError: the file exists but cannot be read.
    """
    path = progress_file()
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path is not None else []
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise UnwritableError(f"{str(path)!r} cannot be read: {in_words(error, named=False)}") from error
    first: dict[str, PassedLesson] = {}
    for passed in filter(None, map(_read, lines)):
        first.setdefault(passed.lesson, passed)
    return first


def lessons_of_course() -> list[Lesson]:
    """Return the written lessons, in order."""
    known = [item for item in vars(sources).values() if isinstance(item, Lesson) and item.is_written]
    return sorted(known, key=lambda lesson: lesson.number)


def summary(say: Say) -> list[str]:
    """Return how many lessons have passed, and the file that records it, in the language of `say`."""
    path, lessons, passed = progress_file(), lessons_of_course(), passed_lessons()
    solved = sum(lesson.number in passed for lesson in lessons)
    return [
        say("{solved} of {lessons} lessons solved").format(solved=solved, lessons=len(lessons)),
        say("kept in {path}").format(path=path) if path else say("nothing is kept: WSLAB_PROGRESS is set to nothing"),
    ]


def note(lesson: str) -> None:
    """Record that this lesson's check has passed in a notebook; an error of the file must not fail the check."""
    path = progress_file()
    if path is None or RECORD in os.environ or "ipykernel.kernelapp" not in sys.modules:
        return
    try:
        if lesson in passed_lessons():
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        line = json.dumps(PassedLesson(lesson, datetime.datetime.now().astimezone().date().isoformat())._asdict())
        with path.open("a", encoding="utf-8") as file:  # one short line at once, because other kernels may append too
            file.write(line + "\n")
    except OSError as error:
        sys.stderr.write(f"your progress is not kept: {in_words(error, named=False)}\n")


def _read(line: str) -> PassedLesson | None:
    try:
        read = json.loads(line)
        day = datetime.date.fromisoformat(read["day"]).isoformat()
        return PassedLesson(str(read["lesson"]), day)
    except (ValueError, TypeError, KeyError):
        return None
