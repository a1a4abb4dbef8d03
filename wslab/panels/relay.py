"""RelayPanel: stand between a client and a server, see each frame that passes, and bend what passes."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Mapping
from typing import Any, ClassVar

from wslab.core.errors import BadValueError
from wslab.core.knobs import Knobs
from wslab.core.payloads import SAFETY_CAP_BYTES
from wslab.core.records import Injection, Record
from wslab.core.relay.faults import Down, Fault
from wslab.core.runs import Run
from wslab.core.target import Target, as_target
from wslab.core.watch.roles import ROLES
from wslab.experiments import payload_sweep, watch
from wslab.net.relay.addressing import check_relayed
from wslab.net.relay.relay import Relay
from wslab.panels.code import call
from wslab.panels.control_kinds import Action, Control, Number, Words
from wslab.panels.fault_controls import changed_settings, chosen_fault, fault_controls
from wslab.panels.passing import LatestRows
from wslab.panels.payload import sweep_told
from wslab.panels.served import ServedPanel
from wslab.panels.shown import ShownTable, shown_table
from wslab.views import tables
from wslab.views.words import counted

CLOSURES = ["client", "close_code", "close_reason", "closed_by", "closed_at_s"]
FRAMES = ["at_s", "client", "sent_by", "opcode", "final", "rsv1", "payload_bytes", "fate", "close_code", "preview"]
INJECTIONS = ["at_s", "label", "on", "settings"]
STAYS_ROWS = 40

TALK: dict[str, Any] = {"clients": len(ROLES), "interval_s": 0.5, "apart_s": 0.1, "pong_timeout_s": 2.0}
"""How the panel's clients stay connected: most faults show within seconds."""


class RelayPanel(ServedPanel):
    """Controls that add faults to a relay and remove them while it runs, and a table of the frames that pass.

    The relay listens on this machine for any client of yours; Send and Keep talking connect clients of the panel's own.
    Clear starts over: it ends all connections and removes the faults. The relay stops when no page shows the panel.

    Args:
        target: where the relay leads: a ws:// or wss:// URL, or a `Target`; None uses a lab server of the panel's own.
        values: initial values of controls, by name: payload_bytes, fault, direction, toxicity, port, talk_s, and the
            settings of the faults, such as latency_s.

    Raises:
        TypeError, ValueError: there is no such control, or a value is out of bounds; no relay can lead to the target.
    """

    TITLE = "What goes between them?"
    CONTROLS: ClassVar[tuple[Control, ...]] = (
        Words("target", "server", none="the panel's own lab server"),
        Number("payload_bytes", "payload size", "bytes", 0, SAFETY_CAP_BYTES, 64, logarithmic=True),
        *fault_controls(),
        Number("talk_s", "keep talking for", "s", 1, 600, 10, slider=False, more=True),
        Number("port", "port of the relay", "(0: a free one)", 0, 65_535, 0, slider=False, more=True),
    )
    ACTIONS: ClassVar[tuple[Action, ...]] = (
        Action("send", "Send", "open a connection through the relay, send one message, and close", main=True),
        Action("talk", "Keep talking", "keep clients connected through the relay: silent, pinging, talking"),
        Action("add", "Add the fault", "bend what passes from now on", at_once=True),
        Action("remove", "Remove all faults", "let everything pass as it comes", at_once=True),
        Action("explain", "Explain", "say what follows from all that passed so far"),
    )
    VIEWS: ClassVar[tuple[str, ...]] = ("passing",)
    GATHERS = True

    def __init__(self, target: Target | str | None = None, **values: Any) -> None:
        self._target: Target | None = None  # as given; no control holds its secrets
        self._relay: Relay | None = None
        self._relaying = threading.RLock()
        self._told = ""
        self._port = 0  # of the last relay; the next one uses it again
        super().__init__(**values, target=target)
        self._live = LatestRows(self._tell_all)

    # What a cell may do with it, besides pressing buttons

    def relay(self) -> Relay:
        """Return the running relay; start one if none runs, or if another server or port was chosen."""
        with self._relaying:
            target = self._target or as_target(self.server().url)
            port = self.values["port"]
            if self._relay is not None and (self._relay.target != target or port not in (0, self._relay.port)):
                self._stop_relay()
            if self._relay is None:
                self._start_relay(target)
            assert self._relay is not None
            return self._relay

    @property
    def run(self) -> Run:
        """What passed so far, and which faults were switched.

        Raises:
            ValueError: no relay has been started yet.
        """
        if self._relay is not None:
            return self._relay.run()
        if self.runs:
            return self.runs[-1]
        raise BadValueError("there is no relay yet; press a button first")

    def turn(self, **values: Any) -> None:
        if "target" in values:
            values["target"] = self._aimed(values["target"])
        super().turn(**values)

    def clear(self) -> None:
        with self._relaying:
            began = self._relay is not None
            self._stop_relay()
            super().clear()
            self._live = LatestRows(self._tell_all)
            if began:
                self.relay()

    # What it says as a panel

    def knobs(self) -> Knobs:
        return Knobs()

    def prepare(self) -> None:
        self.relay()

    def close_server(self) -> None:
        with self._relaying:
            self._stop_relay()
        super().close_server()

    def to_save(self) -> Run:
        return self.run

    def heard(self, message: dict[str, Any]) -> None:
        if message["do"] == "lift":
            label = message["label"]
            threading.Thread(target=lambda: self._in_words(lambda: self._lift(label)), daemon=True).start()

    def work(self, action: str) -> Run | None:
        relay = self.relay()
        match action:
            case "add":
                label = relay.add(chosen_fault(self.values))
                self._say_only(f"{label} is on")
                return None
            case "remove":
                relay.clear()
                self._say_only("no fault is on")
                return None
            case "send":
                sizes = [self.values["payload_bytes"]]
                self._told = sweep_told(
                    payload_sweep(relay.url, sizes, payload="text", timeout_s=5, cancel=self._cancel)
                )
            case "talk":
                met = watch(relay.url, duration_s=self.values["talk_s"], **TALK, cancel=self._cancel)
                self._told = _talk_told(met)
            case _:
                self._told = "what passed so far"
        self.runs.clear()
        return relay.run()

    def code_for(self, values: Mapping[str, Any]) -> str:
        fault, size = chosen_fault(values), values["payload_bytes"]
        where = json.dumps(values["target"]) if values["target"] else "server.url"
        needs = "" if values["target"] else "wslab.LabServer() as server, "
        return "\n".join(
            [
                f"with {needs}wslab.Relay({where}) as relay:",
                f"    label = {call('relay.add', json.dumps(fault.name), **changed_settings(fault))}",
                f"    {call('wslab.payload_sweep', 'relay.url', f'[{size:_}]', payload='text')}",
                "    relay.remove(label)",
                "    run = relay.run()",
                "wslab.tables.frames(run)",
            ]
        )

    def still(self) -> tuple[str, str]:
        passed = tables.frames(self.runs[-1])[FRAMES].tail(STAYS_ROWS)
        html = passed.to_html(index=False, border=0, na_rep="–")
        return f"<p><strong>{self.TITLE}</strong></p>{html}", f"{self.TITLE}\n{passed.to_string(index=False)}"

    def tell_of(self, run: Run) -> str:
        return self._told

    def tables_of(self, run: Run) -> list[ShownTable]:
        return [
            shown_table("How each connection ended for its client", tables.closures(run)[CLOSURES].iloc[::-1]),
            shown_table("Faults, as they were switched", tables.injections(run)[INJECTIONS]),
            shown_table("Every frame, the latest first", tables.frames(run)[FRAMES].iloc[::-1]),
        ]

    # How

    def _aimed(self, target: Target | str | None) -> str:
        """Take the target, and return its URL as the control may show it."""
        if not target:
            self._target = None
            return ""
        if self._target is None or target != self._target.shown_url:
            made = as_target(target)
            check_relayed(made)
            self._target = made
        return self._target.shown_url

    def _start_relay(self, target: Target) -> None:
        port, self._port = self.values["port"] or self._port, 0
        relay = Relay(target, port=port)
        relay.listeners.append(self._hear_record)
        self._relay = relay.start()
        self._port = relay.port
        self.scene = self.scene | {"relay": {"url": relay.url, "target": target.shown_url}, "faults": []}

    def _stop_relay(self) -> None:
        relay, self._relay = self._relay, None
        if relay is not None:
            relay.stop()
            if self.runs:
                self.runs[:] = [relay.run()]

    def _hear_record(self, record: Record) -> None:
        """Called on the background loop."""
        self._live(record)
        if isinstance(record, Injection) and self._relay is not None:
            on = [{"label": label, "words": _words_of(label, fault)} for label, fault in self._relay.faults.items()]
            self.scene = self.scene | {"faults": on}

    def _lift(self, label: str) -> None:
        self.relay().remove(label)
        self._say_only(f"{label} is off")

    def _say_only(self, words: str) -> None:
        self.say(words, "busy" if self.busy else "done")


def _talk_told(run: Run) -> str:
    codes = Counter(closure.close_code for closure in run.closures)
    ended = ", ".join(f"{counted(count, 'connection')} with {code}" for code, count in codes.most_common())
    return f"ended: {ended}" if ended else "no connection opened"


def _words_of(label: str, fault: Fault) -> str:
    settings = "" if isinstance(fault, Down) else ", ".join(f"{k}={v}" for k, v in changed_settings(fault).items())
    return f"{label} ({settings})" if settings else label
