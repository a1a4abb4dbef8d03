"""The controls of a panel and what they are set to, as the page and a cell know them; nothing is run here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import anywidget
import traitlets

from wslab.core.arguments import check_choice
from wslab.panels.control_kinds import Action, Control, told
from wslab.panels.module import CSS, ESM
from wslab.panels.shown import look_of
from wslab.views.style import LOOKS


class ControlledWidget(anywidget.AnyWidget):
    """A widget whose controls and buttons are declared.

    Attributes:
        values: what each control is set to, by its name.
        code: the lines that do the same without the panel.
    """

    TITLE: ClassVar[str]
    CONTROLS: ClassVar[Sequence[Control]]
    ACTIONS: ClassVar[Sequence[Action]]
    VIEWS: ClassVar[Sequence[str]]
    KEEPS: ClassVar[bool] = True
    """Whether there are runs to save and to clear, and work that may be stopped."""

    _esm, _css = ESM, CSS

    about = traitlets.Dict().tag(sync=True)  # what never changes: title, controls, actions, views, looks
    values = traitlets.Dict().tag(sync=True)
    code = traitlets.Unicode().tag(sync=True)

    def __init__(self) -> None:
        super().__init__()
        self._declared = {control.name: control for control in self.CONTROLS}
        self.about = {
            "title": self.TITLE,
            "controls": [told(control) for control in self.CONTROLS],
            "actions": [told(action) for action in self.ACTIONS],
            "views": list(self.VIEWS),
            "keeps": self.KEEPS,
            "looks": {str(meaning): look_of(meaning) for meaning in LOOKS},
        }
        self.values = {name: _plain(control.value) for name, control in self._declared.items()}

    def turn(self, **values: Any) -> None:
        """Set controls, as a hand on the panel would.

        Raises:
            TypeError, ValueError: no such control, or a value out of its bounds.
        """
        for name, value in values.items():
            check_choice("control", name, self._declared)
            self._declared[name].check(value)
        self.values = self.values | {name: _plain(value) for name, value in values.items()}
        self.turned()

    def code_for(self, values: Mapping[str, Any]) -> str:
        """Return the lines that do the same without the panel."""
        raise NotImplementedError

    def turned(self) -> None:
        """Follow the controls: the code, and whatever of the views depends on them."""
        self.code = self.code_for(self.values)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
