"""The base of every panel: its controls and buttons, its one job at a time, what it says, and what stays behind.

A panel is one widget of the page (`static/`, an ES module without a build step) over one experiment. The page draws
what is live; a matplotlib figure with its text alternative stays in the notebook and shows where no widget does.

The kernel calls back on any of its threads, also while a cell is busy. So a callback only starts a thread of the
panel's own and returns: Stop then works at any moment, and a blocked cell blocks no panel.
"""

from __future__ import annotations

import datetime
import html
import threading
from pathlib import Path
from typing import Any, ClassVar

import traitlets
from IPython.display import display
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from wslab.core.arguments import check_choice
from wslab.core.errors import BadValueError, MisuseError, WslabError, in_words
from wslab.core.runs import Run
from wslab.experiments import Cancel
from wslab.panels.control_kinds import Action
from wslab.panels.controlled import ControlledWidget
from wslab.panels.live import Event, Live
from wslab.panels.shown import ShownTable, shown_finding
from wslab.panels.still import Still
from wslab.views.axes import describe
from wslab.views.pictures import picture


class Panel(ControlledWidget):
    """Knobs in, experiment called, figure out; see the panels themselves.

    Attributes:
        runs: what the experiments that are shown returned, the latest last.
    """

    GATHERS: ClassVar[bool] = False
    """Whether an experiment adds to what is shown, until Clear is pressed, or replaces it."""
    busy = traitlets.Unicode().tag(sync=True)  # the action under way
    status = traitlets.Dict().tag(sync=True)
    finding = traitlets.Dict().tag(sync=True)  # what follows from the last run
    scene = traitlets.Dict().tag(sync=True)  # what the views draw beside the events
    events: traitlets.List[Event] = traitlets.List().tag(sync=True)  # of the last experiment, complete once it is over
    saved = traitlets.Unicode().tag(sync=True)  # the whole path of the run that was saved last
    tables: traitlets.List[ShownTable] = traitlets.List().tag(sync=True)

    def __init__(self, **values: Any) -> None:
        self.runs: list[Run] = []
        self._job = threading.Lock()
        self._cancel = Cancel()
        self._live = Live(self._tell)
        self._below = Still(self._bundle)
        super().__init__()
        self.say("ready")
        self.turn(**values)
        self.on_msg(self._hear)
        # ipykernel 7.4 hands what a page says to the subshell that the widget last spoke from: the one of the cells,
        # where it waits until the cell ends. Without this the one that the page names has it (ipykernel/comm/comm.py).
        self.comm._reply_subshell_for = None  # noqa: SLF001

    # What a cell may do with a panel

    def press(self, action: str) -> Run | None:
        """Do what the button does, wait for it, and return the run, if it makes one.

        Raises:
            ValueError: no such button.
            RuntimeError: another job of this panel is under way.
        """
        if self._known(action).at_once:
            return self.work(action)
        if not self._job.acquire(blocking=False):
            raise MisuseError(f"the panel is busy with {self.busy!r}; stop() it first")
        run = self._act(action)
        self._below.update()
        return run

    def clear(self) -> None:
        """Show nothing of what was run so far."""
        self.runs.clear()
        self._live = Live(self._tell)
        self.events, self.tables, self.finding = [], [], {}
        self._tell_all([])
        self._below.update_soon()
        self.say("ready")

    def stop(self) -> None:
        """End the job under way, at any moment; what it saw until then is kept."""
        self._cancel.cancel()

    # What a panel of its own says

    def work(self, action: str) -> Run | None:
        """Do it: call the experiment with `self._live` as `on_record` and `self._cancel` as `cancel`."""
        raise NotImplementedError

    def draw(self) -> Axes | Figure:
        """Draw what stays of `runs`."""
        raise NotImplementedError

    def still(self) -> tuple[str, str]:
        """Return what stays of `runs` as HTML, and in words: the figure, unless a panel has something else."""
        drawn = self.draw()
        return picture(drawn), describe(drawn)

    def tell_of(self, run: Run) -> str:
        """Say in a sentence what came of it."""
        raise NotImplementedError

    def tables_of(self, run: Run) -> list[ShownTable]:
        """Return what the panel's tables hold; see `shown_table`."""
        raise NotImplementedError

    def heard(self, message: dict[str, Any]) -> None:
        """Called with what a view of the panel's own says; on any thread, and must return at once."""

    def shows_something(self) -> bool:
        """Whether there is anything for `draw`."""
        return bool(self.runs)

    def to_save(self) -> Run:
        """Return the run that Save writes, or raise ValueError, which says what to do first."""
        if not self.runs:
            raise BadValueError("there is no run to save yet; press a button first")
        return self.runs[-1]

    def on_visible(self, visible: bool) -> None:
        """Called when a page begins, or ceases, to show the panel."""

    # How it is done

    def say(self, words: str, kind: str = "ready") -> None:
        """Put a line in the panel's status. `kind` is one of ready, busy, done, failed."""
        self.status = {"words": words, "kind": kind}

    def _hear(self, _panel: object, message: dict[str, Any], _buffers: object) -> None:
        match message:
            case {"do": "turn", "values": values}:
                self._in_words(lambda: self.turn(**values))
            case {"do": "ask"}:
                self.send({"here": True})
            case {"do": "stop"}:
                self.stop()
            case {"do": "save"}:
                self._in_words(self._save)
            case {"do": "download", "view": str(view)}:
                self._in_words(lambda: self._download(view))
            case {"do": "clear"}:
                self._in_words(self.clear)
            case {"do": "show", "visible": visible}:
                self._in_words(lambda: self.on_visible(visible))
                self._live.tell_anew(self._tell_all)
            case {"do": "press", "action": action, "values": values}:
                self._in_words(lambda: self._start(action, values))
            case _:
                self._in_words(lambda: self.heard(message))

    def _in_words(self, do: Any) -> None:
        try:
            do()
        except Exception as error:  # shown here, since a callback's traceback goes where nobody looks
            self.say(in_words(error, named=not isinstance(error, WslabError)), "failed")

    def _start(self, action: str, values: dict[str, Any]) -> None:
        at_once = self._known(action).at_once
        self.turn(**values)
        if at_once:
            threading.Thread(target=lambda: self._in_words(lambda: self.work(action)), daemon=True).start()
        elif self._job.acquire(blocking=False):
            threading.Thread(target=self._act, args=(action,), name=f"wslab-{action}", daemon=True).start()

    def _known(self, action: str) -> Action:
        known = {declared.name: declared for declared in self.ACTIONS}
        check_choice("action", action, known)
        return known[action]

    def _act(self, action: str) -> Run | None:
        """Do one job; called with the lock held, which it gives back."""
        run = None
        try:
            self.busy = action
            self._cancel = Cancel()
            if not self.GATHERS:
                self.clear()
            self.finding = {}
            self.say("running …", "busy")
            if not self.shows_something():
                self._below.update_soon()  # or a kernel that ends in mid-run would leave word that nothing was run
            run = self.work(action)
            if run is not None:
                self._keep(run)
                self.say(self.tell_of(run) + (" (stopped before its end)" if run.info.partial else ""), "done")
        except Exception as error:  # a failure of the network is no exception; this is a bad value or a lost server
            self.say(in_words(error, named=not isinstance(error, WslabError)), "failed")
        finally:
            self.busy = ""
            self._job.release()
        return run

    def _keep(self, run: Run) -> None:
        self._live.flush()  # first of all, since somebody waits for the marks
        self.runs.append(run)
        self.events = list(self._live.events)
        self.tables, self.finding = self.tables_of(run), shown_finding(run)
        self._below.update_soon()

    def _save(self) -> None:
        run = self.to_save()
        now = datetime.datetime.now().astimezone().strftime("%Y-%m-%d-%H%M%S")
        self.saved = str(run.save(Path(f"{run.info.experiment}-{now}.jsonl").resolve()))
        self.say(f"saved as {self.saved}; wslab.load({self.saved!r}) reads it", "done")

    def _download(self, view: str) -> None:
        """Send the saved file to the one view that asked for it: the page may be on another machine than the file."""
        path = Path(self.saved)
        self.send({"download": path.name, "view": view}, buffers=[path.read_bytes()])

    def _tell(self, events: list[Event]) -> None:
        self.send({"events": events})

    def _tell_all(self, events: list[Event]) -> None:
        self.send({"events": events, "anew": True})

    # What stays

    def _ipython_display_(self) -> None:
        """Display the panel, and below it what stays of it: the page hides that while the panel is alive."""
        shown = self._repr_mimebundle_()
        assert shown is not None, "a widget with a view has a bundle"
        display(shown[0] | {"text/plain": f"<{type(self).__name__}>"}, raw=True)
        self._below.display()

    def _bundle(self) -> dict[str, str]:
        if not self.shows_something():
            state = "A run was under way in it, of which nothing was kept." if self.busy else "Nothing was run in it."
            words = f"The panel “{self.TITLE}” works in JupyterLab. {state}"
            return {"text/html": f'<p class="wslab-still"><em>{html.escape(words)}</em></p>', "text/plain": words}
        shown, words = self.still()
        return {"text/html": f'<div class="wslab-still">{shown}</div>', "text/plain": words}
