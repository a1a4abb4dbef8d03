"""The result of a check, in the reader's language. Whatever an answer does, a check never raises.

A lesson runs from top to bottom before its exercise is solved, so an unsolved exercise is not an error.
"""

from __future__ import annotations

import functools
import re
import textwrap
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

from wslab.core.codes.languages import Language, speaking
from wslab.core.errors import NotRecordedError, in_words
from wslab.course import progress


class Checked(NamedTuple):
    """The result of a check; as the last line of a cell it shows its message.

    Fields:
        text: in English, with a field in braces for each of the `values`.
    """

    passed: bool
    text: str
    values: Mapping[str, object]
    lang: Language = "en"

    @property
    def message(self) -> str:
        """The text with its values, in the reader's language."""
        return speaking(self.lang)(self.text).format_map(self.values)

    def __repr__(self) -> str:
        return ("✓ " if self.passed else speaking(self.lang)("✗ not yet: ")) + self.message

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """Break lines between words, or after a Japanese sentence; JupyterLab would also break numbers."""
        sentences = re.split("(?<=。)", repr(self))
        printer.text("\n".join(textwrap.fill(each, printer.max_width, break_long_words=False) for each in sentences))


Check: TypeAlias = Callable[..., Checked]


def passes(text: str, **values: object) -> Checked:
    """Return that the exercise is solved, and why."""
    return Checked(True, text, values)


def lacks(text: str, **values: object) -> Checked:
    """Return what is still missing."""
    return Checked(False, text, values)


def of_lesson(number: str) -> Callable[[Check], Check]:
    """Turn a function into the check of a lesson, which also takes `lang`, never raises, and records that it passed."""

    def decorate(check: Check) -> Check:
        @functools.wraps(check)
        def told(*answers: Any, lang: Language = "en", **options: Any) -> Checked:
            found = _tried(check, *answers, **options)._replace(lang=lang)
            speaking(lang)  # raises if there is no such language
            if found.passed:
                progress.note(number)
            return found

        return told

    return decorate


def _tried(check: Check, *answers: Any, **options: Any) -> Checked:
    try:
        return check(*answers, **options)
    except NotRecordedError:
        return lacks("a replay can only check the first answer and the solution; try yours where sockets can be opened")
    except Exception as error:  # an answer may raise anything
        return lacks("your answer could not be tried: {error}", error=in_words(error))
