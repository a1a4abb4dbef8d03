"""BrowserPanel: the page's own WebSocket beside Python's client, on the same server; what is each of them told?"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, ClassVar

from wslab.core.knobs import Knobs
from wslab.core.payloads import SAFETY_CAP_BYTES
from wslab.core.runs import Run
from wslab.experiments import browser_drill
from wslab.panels.code import call
from wslab.panels.control_kinds import Action, Choice, Control, Number, knob
from wslab.panels.live import Live
from wslab.panels.page import PanelPage
from wslab.panels.served import ServedPanel
from wslab.panels.shown import ShownTable, shown_table
from wslab.panels.way import find_way
from wslab.views import pages

SERVER_KNOBS = ("max_message_bytes", "after_refusal", "restart_code", "while_down")
ARGUMENTS = {"oversized": ("overshoot_bytes",), "close": ("close_code",)}
"""Those controls that are arguments of the experiment, by its case."""

FIND_WAY = "find the way"
"""What the panel does of itself when a page has come; no button."""


class BrowserPanel(ServedPanel):
    """Buttons that let this page and Python's client meet the same end of a connection, and show what each was told.

    The page's events are listed as they come, with the page's own times; below, both sides and the server's account.
    Where the page cannot reach the server directly, as at a hub, it goes through Jupyter: the panel tries the ways that
    there are with real connections, and says where one of them changes close codes, and what helps.

    Without a page each button runs Python's half.

    Args:
        values: what the controls start with, by their names: max_message_bytes, overshoot_bytes, after_refusal,
            restart_code, while_down, close_code, way.

    Attributes:
        page: the page, for `browser_drill(…, page=panel.page)`, and as a client of `closure_visibility`.

    Raises:
        TypeError, ValueError: no such control, or a value out of its bounds.
    """

    TITLE = "What does a browser see?"
    CONTROLS: ClassVar[tuple[Control, ...]] = (
        knob("max_message_bytes", "message limit", 65_536),
        Number("overshoot_bytes", "over the limit by", "bytes", 1, SAFETY_CAP_BYTES, 1, slider=False),
        Choice(
            *("after_refusal", "after refusing, the server"),
            {"drain": "reads on", "reset": "resets TCP"},
            "drain",
        ),
        Choice(
            *("restart_code", "a restart says"),
            {
                "1012": "1012 Service Restart",
                "1001": "1001 Going Away",
                "1005": "no code: an empty close frame",
                "1006": "nothing: no close frame",
                "4000": "4000, a code of one's own",
            },
            "1012",
            listed=True,
        ),
        Choice(
            *("while_down", "while down, the server answers"),
            {"refuse": "nothing", "unavailable": "HTTP 503", "try_again_later": "101, then 1013"},
            "refuse",
        ),
        Number("close_code", "code to close with", "(a close code)", 1000, 4999, 1012, slider=False),
        Choice(
            *("way", "from the page to the server"),
            {
                "": "the best way there is",
                "direct": "directly",
                "wslab": "by Jupyter: wslab's extension",
                "proxy": "by Jupyter: jupyter-server-proxy",
            },
            "",
            listed=True,
        ),
    )
    ACTIONS: ClassVar[tuple[Action, ...]] = (
        Action("restart", "Restart", "restart the server while both are connected", main=True),
        Action("crash", "Crash", "kill the server's process while both are connected"),
        Action("oversized", "Send over the limit", "let both send one message that is too big"),
        Action("close", "Close with code", "let both close with the code to close with"),
        Action("down", "Connect while it is down", "let both connect while the server is down"),
    )
    VIEWS: ClassVar[tuple[str, ...]] = ("browser",)
    GATHERS = True

    def __init__(self, **values: Any) -> None:
        self.page = PanelPage(self.send)
        self._tried: tuple[object, ...] = ()  # for whom the way was found
        super().__init__(**values)

    def knobs(self) -> Knobs:
        return Knobs(downtime_s=0.1, **_knobs_of(self.values))

    def origins(self) -> tuple[str, ...]:
        return self.page.origins()

    def heard(self, message: dict[str, Any]) -> None:
        self.page.heard(message)
        if message["do"] == "arrive" and self._job.acquire(blocking=False):
            threading.Thread(target=self._act, args=(FIND_WAY,), name="wslab-way", daemon=True).start()

    def work(self, action: str) -> Run | None:
        server = self.server()
        if server.knobs != self.knobs():
            server.tune(**_knobs_of(self.values))
        self._find_way()
        if action == FIND_WAY:
            self.say("ready")
            return None
        self._live = Live(self._tell)  # the list is of the latest connection
        self._tell_all([])
        return browser_drill(
            server,
            action,  # type: ignore[arg-type]  # the actions are the cases
            page=self.page,
            on_record=self._live,
            cancel=self._cancel,
            **{name: self.values[name] for name in ARGUMENTS.get(action, ())},
        )

    def _find_way(self) -> None:
        """Try the ways from a page that is new, or to a server that is, or another way than before."""
        if self.page.latest is None:
            return
        server, wanted = self.server(), self.values["way"] or None
        if (found_for := (self.page.latest, server.url, wanted)) == self._tried:
            return
        finding = find_way(server, self.page, wanted, self._cancel)
        self._tried = found_for
        self.scene = self.scene | {"way": {"outcome": finding.outcome, "words": finding.explanation}}

    def code_for(self, values: Mapping[str, Any]) -> str:
        knobs = {name: value for name, value in _knobs_of(values).items() if value != getattr(Knobs(), name)}
        return "\n".join(
            [
                f"knobs = {call('wslab.Knobs', **knobs)}",
                "# Each is Python's half; the page of a panel takes part with page=panel.page",
                *(_drill_code(action.name, values) for action in self.ACTIONS),
                "wslab.tables.page(run)",
            ]
        )

    def still(self) -> tuple[str, str]:
        shown = pages.pages(self.runs).rename(columns=pages.HEADINGS)
        html = shown.to_html(index=False, border=0, na_rep="–")
        return f"<p><strong>{self.TITLE}</strong></p>{html}", f"{self.TITLE}\n{shown.to_string(index=False)}"

    def tell_of(self, run: Run) -> str:
        [met] = pages.pages([run]).itertuples(index=False)
        return f"{met.case}: the page was told {met.page}; Python's client saw {met.python}"

    def tables_of(self, run: Run) -> list[ShownTable]:
        beside = pages.page(run).rename(columns={"what": ""} | pages.HEADINGS)
        beside = beside[beside[""] != pages.ORDER]  # the view lists the page's own, and height is scarce
        each = pages.pages(self.runs[::-1]).rename(columns=pages.HEADINGS)
        return [
            shown_table(f"Both sides of {pages.case(run)}", beside, folded=False),
            shown_table("All that was tried, the latest first", each),
        ]


def _drill_code(case: str, values: Mapping[str, Any]) -> str:
    arguments = [f"{name}={values[name]}" for name in ARGUMENTS.get(case, ())]
    return ", ".join([f'run = wslab.experiments.browser_drill(knobs, "{case}"', *arguments]) + ")"


def _knobs_of(values: Mapping[str, Any]) -> dict[str, Any]:
    knobs = {name: values[name] for name in SERVER_KNOBS} | {"restart_code": int(values["restart_code"])}
    return knobs | {"retry_after_s": 5 if values["while_down"] == "unavailable" else None}
