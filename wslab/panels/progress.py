"""Which lessons a learner has solved, as a small panel; it measures nothing and opens no socket."""

from __future__ import annotations

import html

import ipywidgets

from wslab.core.codes.languages import Language, speaking
from wslab.course.progress import lessons_of_course, passed_lessons, summary


class ProgressPanel(ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets comes without types
    """The lessons of the course, each with the day on which its check first passed, and where that is kept.

    Args:
        lang: "en" or "ja".

    Raises:
        ValueError: no such language.
    """

    def __init__(self, lang: Language = "en") -> None:
        self._say = speaking(lang)
        self._list = ipywidgets.HTML()
        again = ipywidgets.Button(
            description=self._say("Look again"), tooltip=self._say("read the file that keeps your progress")
        )
        again.on_click(lambda button: self.refresh())
        super().__init__([self._list, again])
        self.refresh()

    def refresh(self) -> None:
        """Read the file again, which any kernel of this user may have written."""
        self._list.value = self._page()

    def _page(self) -> str:
        passed, rows = passed_lessons(), []
        for lesson in lessons_of_course():
            known = passed.get(lesson.number)
            state = self._say("solved on {day}").format(day=known.day) if known else self._say("to do")
            cells = ["✓" if known else "·", lesson.number, self._say(lesson.question), state]
            rows.append("".join(f'<td style="padding-right: 1em">{html.escape(cell)}</td>' for cell in cells))
        solved, kept = map(html.escape, summary(self._say))
        table = "".join(f"<tr>{row}</tr>" for row in rows)
        return f'<p role="status"><strong>{solved}</strong></p><table>{table}</table><p>{kept}</p>'
