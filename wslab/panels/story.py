"""StoryPanel: break it, fix it, see the fix restart everyone, and see them come back."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from typing import Any, ClassVar

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from wslab.core.knobs import Knobs
from wslab.core.ladders import bracket, until_refused
from wslab.core.records import Record, RestartKind, Send
from wslab.core.runs import Run
from wslab.experiments import payload_sweep, restart_drill, tell_story
from wslab.net.server.lab_server import LabServer
from wslab.panels.code import call
from wslab.panels.control_kinds import Action, Control, Number
from wslab.panels.payload import sweep_told
from wslab.panels.restart import COUNT, DOWNTIME, OUTAGES, POLICY, TIMELINE, restarts_told
from wslab.panels.served import ServedPanel
from wslab.panels.shown import ShownTable, shown_table
from wslab.views import plots, tables
from wslab.views.axes import WIDTH_IN

FIRST_LIMIT_BYTES = 65_536
HIGHEST_BYTES = 2**22
CROWD = ("clients", "policy", "downtime_s")
SENDS = ["client", "payload_bytes", "outcome", "close_code", "close_reason"]


class StoryPanel(ServedPanel):
    """The course's story on one screen: 1009, the fix, what the fix does to everyone else, and a crash.

    Above, the messages and the server's limit; below, the clients that have sent nothing, in their lanes. The limit
    that is set takes effect by "Fix it", a reload, and not before. Clear starts over with the first limit.

    Args:
        values: what the controls start with, by their names: max_message_bytes, payload_bytes, clients, policy,
            downtime_s.

    Raises:
        TypeError, ValueError: no such control, or a value out of its bounds.
    """

    TITLE = "Break it, fix it, and see whom the fix closes"
    CONTROLS: ClassVar[tuple[Control, ...]] = (
        Number("payload_bytes", "payload size", "bytes", 0, 2 * HIGHEST_BYTES, 1024, logarithmic=True),
        Number(
            "max_message_bytes",
            "limit after the fix",
            "bytes",
            1024,
            HIGHEST_BYTES,
            4 * FIRST_LIMIT_BYTES,
            slider=False,
        ),
        COUNT,
        POLICY,
        DOWNTIME,
    )
    ACTIONS: ClassVar[tuple[Action, ...]] = (
        Action("break", "Break it", "send ever larger messages until one is refused", main=True),
        Action("fix", "Fix it: raise the limit", "reload the server with the limit after the fix"),
        Action("send", "Send it again", "send one message of this payload size"),
        Action("crash", "Crash", "kill the server's process, then start another"),
        Action("play", "Play the whole story", "all of it, from the first limit on"),
    )
    VIEWS: ClassVar[tuple[str, ...]] = ("sizes", "counters", "lanes")
    GATHERS = True

    def knobs(self) -> Knobs:
        return Knobs(max_message_bytes=self.scene["max_message_bytes"])

    def server(self) -> LabServer:
        server = super().server()
        if server.knobs.max_message_bytes != self.scene["max_message_bytes"]:
            server.tune(max_message_bytes=self.scene["max_message_bytes"])
        return server

    def clear(self) -> None:
        super().clear()
        self._show_limit(FIRST_LIMIT_BYTES)

    def turned(self) -> None:
        super().turned()
        first = {"max_message_bytes": FIRST_LIMIT_BYTES}
        self.scene = first | self.scene | {"payload_bytes": self.values["payload_bytes"]}

    def work(self, action: str) -> Run:
        if action == "play":
            self.clear()
        server = self.server()
        try:
            match action:
                case "break":
                    return self._break(server)
                case "send":
                    return self._sweep(server, [self.values["payload_bytes"]])
                case "play":
                    return self._play(server)
                case _:
                    return self._restart(server, "crash" if action == "crash" else "reload")
        finally:
            self._show_limit(server.knobs.max_message_bytes)

    def _break(self, server: LabServer) -> Run:
        self.say("a message grows until it breaks", "busy")
        run = self._sweep(server, until_refused(1024, 2 * HIGHEST_BYTES))
        refused_bytes = bracket(run.sends).refused_bytes
        if refused_bytes is not None:
            self.turn(payload_bytes=refused_bytes)
        return run

    def _sweep(self, server: LabServer, sizes: Iterable[int] | Generator[int, bool, Any]) -> Run:
        def hear(record: Record) -> None:
            if isinstance(record, Send):  # its connections are no lanes: those stay as the last restart left them
                self._live(record)

        return payload_sweep(server, sizes, on_record=hear, cancel=self._cancel)

    def _restart(self, server: LabServer, kind: RestartKind) -> Run:
        changes = {"max_message_bytes": self.values["max_message_bytes"]} if kind == "reload" else None
        self.say("the server crashes" if changes is None else "a reload, so everyone is sent away", "busy")
        self._live.begin(self.busy)
        how: dict[str, Any] = {name: self.values[name] for name in CROWD}
        return restart_drill(server, kind=kind, changes=changes, **how, on_record=self._live, cancel=self._cancel)

    def _play(self, server: LabServer) -> Run:
        self._live.begin(self.busy)
        return tell_story(
            server,
            max_message_bytes=FIRST_LIMIT_BYTES,
            raised_bytes=self.values["max_message_bytes"],
            **{name: self.values[name] for name in CROWD},
            progress=lambda step: self.say(step.doing, "busy"),
            on_record=self._live,
            cancel=self._cancel,
        )

    def _show_limit(self, limit_bytes: int | None) -> None:
        self.scene = self.scene | {"max_message_bytes": limit_bytes}

    def code_for(self, values: Mapping[str, Any]) -> str:
        who = {name: values[name] for name in CROWD}
        fix = {"kind": "reload", "changes": {"max_message_bytes": values["max_message_bytes"]}}
        again = f"[{values['payload_bytes']:_}]"
        growing = f"wslab.ladders.until_refused(1024, {2 * HIGHEST_BYTES:_})"
        return "\n".join(
            [
                f"with {call('wslab.LabServer', max_message_bytes=FIRST_LIMIT_BYTES)} as server:",
                "    # Break it",
                f"    run = {call('wslab.payload_sweep', 'server', growing)}",
                "    # Fix it: raise the limit",
                f"    run = {call('wslab.restart_drill', 'server', **who, **fix)}",
                "    # Send it again",
                f"    run = {call('wslab.payload_sweep', 'server', again)}",
                "    # Crash",
                f"    run = {call('wslab.restart_drill', 'server', **who, kind='crash')}",
                "# Play the whole story",
                f"run = {call('wslab.tell_story', **who, raised_bytes=values['max_message_bytes'])}",
                *TIMELINE,
            ]
        )

    def draw(self) -> Axes | Figure:
        sends = tables.sends(self.runs)
        restarted = [run for run in self.runs if run.restarts]
        if not restarted:
            return plots.close_codes(sends, limit_bytes=self.scene["max_message_bytes"])
        if sends.empty:
            return plots.reconnect_timeline(restarted[-1])
        figure = Figure(figsize=(WIDTH_IN, 7.5), layout="constrained")
        above, below = figure.subplots(2, height_ratios=[2, 5])
        plots.close_codes(sends, limit_bytes=self.scene["max_message_bytes"], ax=above)
        plots.reconnect_timeline(restarted[-1], ax=below)
        return figure

    def tell_of(self, run: Run) -> str:
        return restarts_told(run) if run.restarts else sweep_told(run)

    def tables_of(self, run: Run) -> list[ShownTable]:
        return [
            shown_table("The messages", tables.sends(self.runs)[SENDS].iloc[::-1]),
            shown_table("Who was away, and for how long", tables.outages(self.runs)[OUTAGES]),
        ]
