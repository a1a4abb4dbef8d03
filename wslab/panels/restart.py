"""RestartPanel: restart a server under its clients, and see each of them closed, waiting, refused and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, cast

from matplotlib.axes import Axes
from msgspec.structs import asdict, replace

from wslab.core.knobs import Knobs
from wslab.core.policies.libraries import CLIENTS
from wslab.core.policies.textbook import POLICIES
from wslab.core.records import RestartKind
from wslab.core.runs import Run
from wslab.core.watch.roles import MIN_CLIENTS
from wslab.experiments import restart_drill, watch
from wslab.experiments.watch import MAX_CLIENTS
from wslab.panels.code import call
from wslab.panels.control_kinds import Action, Choice, Control, Flag, Number, knob
from wslab.panels.served import ServedPanel
from wslab.panels.shown import ShownTable, shown_table
from wslab.views import plots, tables
from wslab.views.words import counted, seconds, span

COUNT = Number("clients", "clients", "clients", 1, 200, 12)
DOWNTIME = Number("downtime_s", "downtime", "s", 0, 10, 0.5, whole=False)
# Without "none", the naive loop, which would only heat the machine.
NAMES = {name: name for name in POLICIES if name != "none"} | {
    make.__name__: f"{make.__name__} (the client's own)" for make in CLIENTS
}
POLICY = Choice("policy", "reconnect policy", NAMES, "full_jitter", listed=True)

CLOCKS = ("idle_timeout_s", "idle_counts_pings", "max_age_s", "ping_interval_s")
TUNED = ("downtime_s", "drain_s", "while_down", *CLOCKS)
TIMELINE = ("", "wslab.show(wslab.plots.reconnect_timeline(run))")
"""Lines of code that draw what each client of a run did."""

RESTARTS = ["kind", "requested_at_s", "down_at_s", "up_at_s", "downtime_s", "knobs_changed"]
OUTAGES = ["client", "close_code", "attempts", "time_to_reconnect_s", "gave_up"]
ATTEMPTS = ["client", "number", "delay_s", "started_at_s", "outcome", "http_status", "error"]


class RestartPanel(ServedPanel):
    """Controls that connect clients to a lab server and restart it: gracefully, by a crash, by a reload.

    Each client has a lane, drawn as it happens: connected, closed with which code, waiting for how long, each attempt
    and what it met, back. Below, how many attempts the server met in each tenth of a second. Watch keeps clients
    connected that are silent, that ping and that talk: with an idle timeout or a maximum age it shows which one it is.

    Args:
        values: what the controls start with, by their names: clients, policy, downtime_s, drain_s, restart_code (a
            string), while_down, max_message_bytes, idle_timeout_s, idle_counts_pings, max_age_s, ping_interval_s,
            watch_s.

    Raises:
        TypeError, ValueError: no such control, or a value out of its bounds.
    """

    TITLE = "What does a restart look like?"
    CONTROLS: ClassVar[tuple[Control, ...]] = (
        COUNT,
        POLICY,
        DOWNTIME,
        knob("drain_s", "drain: closures spread over", 0.0, high=10),
        Choice(
            *("restart_code", "clients are told"),
            {"1000": "1000", "1001": "1001", "1006": "nothing", "1012": "1012"},
            "1012",
        ),
        Choice(
            *("while_down", "while down, attempts meet"),
            {"refuse": "refused", "unavailable": "503", "try_again_later": "1013", "hang": "silence"},
            "refuse",
        ),
        knob("max_message_bytes", "limit after a reload", 65_536),
        knob("idle_timeout_s", "idle timeout", None, optional=True, more=True),
        Flag("idle_counts_pings", "a client's pings count as traffic", True, more=True),
        knob("max_age_s", "maximum age", None, optional=True, more=True),
        knob("ping_interval_s", "the server's pings, every", 20.0, optional=True, more=True),
        Number("watch_s", "watch for", "s", 1, 600, 10, slider=False, more=True),
    )
    ACTIONS: ClassVar[tuple[Action, ...]] = (
        Action("graceful", "Restart", "close every connection with a close frame, go down, come up", main=True),
        Action("crash", "Crash", "kill the server's process, then start another"),
        Action("reload", "Reload with a new limit", "a graceful restart with a new configuration"),
        Action("watch", "Watch", "keep silent, pinging and talking clients connected, and see what ends them"),
    )
    VIEWS: ClassVar[tuple[str, ...]] = ("counters", "lanes", "arrivals")

    def knobs(self) -> Knobs:
        return Knobs(restart_code=int(self.values["restart_code"]), **{name: self.values[name] for name in TUNED})

    def work(self, action: str) -> Run:
        server = self.server()
        wanted = replace(self.knobs(), max_message_bytes=server.knobs.max_message_bytes)  # which a reload alone changes
        if server.knobs != wanted:
            server.tune(**asdict(wanted))
        self._live.begin(action)
        if action == "watch":
            return watch(server, **self._watched(), on_record=self._live, cancel=self._cancel)
        return restart_drill(
            server,
            clients=self.values["clients"],
            policy=self.values["policy"],
            kind=cast("RestartKind", action),
            changes=self._changes() if action == "reload" else None,
            on_record=self._live,
            cancel=self._cancel,
        )

    def _watched(self) -> dict[str, Any]:
        clients = min(max(self.values["clients"], MIN_CLIENTS), MAX_CLIENTS)
        return {"duration_s": self.values["watch_s"], "clients": clients, "interval_s": 1.0, "apart_s": 0.2}

    def _changes(self) -> dict[str, int]:
        return {"max_message_bytes": self.values["max_message_bytes"]}

    def code_for(self, values: Mapping[str, Any]) -> str:
        knobs = self.knobs()
        set_knobs = {name: value for name, value in asdict(knobs).items() if value != getattr(Knobs(), name)}
        who = {"clients": values["clients"], "policy": values["policy"]}
        return "\n".join(
            [
                f"knobs = {call('wslab.Knobs', **set_knobs)}",
                "# Watch",
                f"run = {call('wslab.watch', 'knobs', **self._watched())}",
                "wslab.show(wslab.plots.watch_timeline(run))",
                "# Restart",
                f"run = {call('wslab.restart_drill', 'knobs', **who)}",
                "# Crash",
                f"run = {call('wslab.restart_drill', 'knobs', **who, kind='crash')}",
                "# Reload with another limit",
                f"run = {call('wslab.restart_drill', 'knobs', **who, kind='reload', changes=self._changes())}",
                *TIMELINE,
            ]
        )

    def draw(self) -> Axes:
        run = self.runs[-1]
        return plots.watch_timeline(run) if run.info.experiment == "watch" else plots.reconnect_timeline(run)

    def tell_of(self, run: Run) -> str:
        return _watch_told(run) if run.info.experiment == "watch" else restarts_told(run)

    def tables_of(self, run: Run) -> list[ShownTable]:
        return [
            shown_table("What the server did", tables.restarts(run)[RESTARTS]),
            shown_table("Who was away, and for how long", tables.outages(run)[OUTAGES]),
            shown_table("Every attempt to come back", tables.attempts(run).query("outage > 0")[ATTEMPTS]),
        ]


def _watch_told(run: Run) -> str:
    ended = sum(closure.closed_by != "client" for closure in run.closures)
    clients = counted(run.info.parameters["clients"], "client")
    return f"{clients} stayed connected for {seconds(run.info.duration_s)}; {counted(ended, 'connection')} ended before"


def restarts_told(run: Run) -> str:
    """Say which codes the clients of a run saw, and how many came back after how long."""
    back_s = [outage.time_to_reconnect_s for outage in run.outages if outage.time_to_reconnect_s is not None]
    codes = " and ".join(str(code) for code in sorted({outage.close_code for outage in run.outages}))
    saw = f"{counted(len({outage.client for outage in run.outages}), 'client')} saw {codes or 'no closure'}"
    back = "all" if len(back_s) == len(run.outages) else f"{len(back_s)} of {len(run.outages)}"
    return f"{saw}; {back} came back" + (f", after {span(min(back_s), max(back_s))}" if back_s else "")
