"""Widgets over the experiments: knobs in, experiment called, figure out. The last layer; nothing is measured here.

A callback may run on any of the kernel's threads, also while a cell is busy. So each takes a lock, blocks only on the
lab's own loop, and draws without pyplot. Nothing opens a socket while a slider is still moving.
"""

from __future__ import annotations

import html
import threading
from collections.abc import Callable

import ipywidgets as widgets
from matplotlib.axes import Axes

from wslab.core.backoff import POLICIES
from wslab.core.knobs import Knobs
from wslab.core.ladders import until_refused
from wslab.core.runs import Run
from wslab.experiments import payload_sweep, restart_drill
from wslab.views import plots, tables
from wslab.views.notebook import picture

WIDE = {"description_width": "13em"}


def payload_panel(max_message_bytes: int = 65_536) -> widgets.VBox:
    """Return controls that send one message, or ever larger ones, to a lab server with a limit of your choice.

    The same in code: `payload_sweep(Knobs(max_message_bytes=…), [size])`, and with `ladders.until_refused(…)`.
    """
    limit = widgets.BoundedIntText(
        max_message_bytes, min=1, max=2**24, description="limit (1 to 16,777,216 bytes)", style=WIDE
    )
    size = widgets.IntSlider(
        1024, min=1, max=2 * max_message_bytes, description="payload (bytes)", style=WIDE, layout={"width": "40em"}
    )
    limit.observe(lambda change: setattr(size, "max", 2 * change.new), "value")

    def draw(run: Run) -> tuple[Axes, str]:
        axes = plots.close_codes(tables.sends(run), limit_bytes=limit.value)
        told = {send.close_reason or str(send.close_code) for send in run.sends if send.outcome == "closed"}
        one = f"{run.sends[0].payload_bytes:,} bytes: {run.sends[0].close_code or run.sends[0].outcome} "
        return axes, axes.get_title(loc="left") if len(run.sends) > 1 else one + "".join(told)

    stage = _Stage()
    send = stage.button(
        "Send this message", lambda: draw(payload_sweep(Knobs(max_message_bytes=limit.value), [size.value]))
    )
    grow = stage.button(
        "Grow until it breaks",
        lambda: draw(payload_sweep(Knobs(max_message_bytes=limit.value), until_refused(1024, 2**25))),
    )
    return widgets.VBox([limit, size, widgets.HBox([send, grow]), stage.status, stage.figure])


def restart_panel(clients: int = 12) -> widgets.VBox:
    """Return controls that connect clients, restart their server, and draw who was away for how long.

    The same in code: `restart_drill(Knobs(downtime_s=…), clients=…, kind=…, policy=…)`.
    """
    count = widgets.IntSlider(clients, min=1, max=50, description="clients", style=WIDE, layout={"width": "40em"})
    kind = widgets.ToggleButtons(
        options=["graceful", "crash", "reload"],
        description="restart",
        style=WIDE | {"button_width": "7em"},
        layout={"width": "50em"},  # or the buttons wrap below their label
    )
    downtime = widgets.FloatSlider(
        0.5, min=0, max=3, step=0.1, description="downtime (s)", style=WIDE, layout={"width": "40em"}
    )
    polite = [name for name in POLICIES if name != "none"]  # which would only heat the machine
    policy = widgets.Dropdown(options=polite, value="full_jitter", description="reconnect policy", style=WIDE)

    def drill() -> tuple[Axes, str]:
        run = restart_drill(
            Knobs(downtime_s=downtime.value), clients=count.value, kind=kind.value, policy=policy.value, timeout_s=60
        )
        axes = plots.reconnect_timeline(
            tables.attempts(run), tables.closures(run), tables.outages(run), tables.restarts(run)
        )
        back = sum(outage.reopened_at_s is not None for outage in run.outages)
        codes = ", ".join(str(code) for code in sorted({outage.close_code for outage in run.outages}))
        return axes, f"{len(run.outages)} clients saw {codes}; {back} came back"

    stage = _Stage()
    restart = stage.button("Restart the server", drill)
    return widgets.VBox([count, kind, downtime, policy, widgets.HBox([restart]), stage.status, stage.figure])


class _Stage:
    """Where a panel's experiment is started, said and shown: one at a time, its errors in words."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._buttons: list[widgets.Button] = []
        self.status = widgets.HTML('<span role="status">ready</span>')
        self.figure = widgets.HTML()

    def button(self, label: str, experiment: Callable[[], tuple[Axes, str]]) -> widgets.Button:
        """Return a button that runs `experiment` and shows the figure and the words that it returns."""
        button = widgets.Button(description=label, layout={"width": "auto"})
        button.on_click(lambda _: self._run(experiment))
        self._buttons.append(button)
        return button

    def _run(self, experiment: Callable[[], tuple[Axes, str]]) -> None:
        if not self._lock.acquire(blocking=False):
            return
        try:
            self._say("running …", busy=True)  # up to a minute, where a policy waits that long
            axes, words = experiment()
            self.figure.value = picture(axes)
            self._say(words)
        except Exception as error:  # shown here, since a callback's traceback goes where nobody looks
            self.figure.value = ""
            self._say(f"{type(error).__name__}: {error}")
        finally:
            self._lock.release()

    def _say(self, words: str, *, busy: bool = False) -> None:
        self.status.value = f'<span role="status">{html.escape(words)}</span>'
        for button in self._buttons:
            button.disabled = busy
