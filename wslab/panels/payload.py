"""PayloadPanel: send messages of growing size to a server whose limits are yours, and see which one closes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import pandas as pd
from matplotlib.axes import Axes

from wslab.core.codes.closeframe import fields
from wslab.core.errors import BadValueError, MissingPackageError
from wslab.core.findings import find
from wslab.core.knobs import Knobs
from wslab.core.ladders import controlled, until_refused
from wslab.core.payloads import KINDS, SAFETY_CAP_BYTES
from wslab.core.runs import Run
from wslab.experiments import closure_visibility, find_limit, payload_sweep
from wslab.fieldguide.clients import CLIENTS
from wslab.net.server.lab_server import LabServer
from wslab.panels.code import call
from wslab.panels.control_kinds import Action, Choice, Control, Flag, Number, StepButton, knob
from wslab.panels.live import sighting_met
from wslab.panels.served import ServedPanel
from wslab.panels.shown import ShownTable, shown_table
from wslab.views import plots, tables
from wslab.views.verdicts import facts
from wslab.views.words import counted

OWN_CLIENT = "wslab"
SERVER_KNOBS = (
    *("max_message_bytes", "max_frame_bytes", "compression", "after_refusal"),
    *("reply", "close_after_message", "max_messages_per_s"),
)
GREETING = "welcome"
CONNECTIONS = {"per_message": "a connection each", "shared": "one connection"}
SIDES = ["client_saw_code", "server_sent_code", "agree", "tcp_end", "send_error", "server_error"]


class PayloadPanel(ServedPanel):
    """Controls that send one message, or ever larger ones, to a lab server with limits of your choice.

    Each message shows at once, at its size, with what it met; below, what each side saw of the closure, and the close
    frame byte by byte. A limit is changed live: it applies to connections opened from then on, and every message
    here has one of its own. Send may use another client, as an application would, and then shows what that one was
    told: its messages are binary and not compressed.

    Args:
        values: what the controls start with, by their names: max_message_bytes, max_frame_bytes, compression,
            after_refusal, client, payload, payload_bytes, connection, max_messages_per_s, reply, greeting (a flag),
            close_after_message.

    Raises:
        TypeError, ValueError: no such control, or a value out of its bounds.
    """

    TITLE = "How big is too big?"
    CONTROLS: ClassVar[tuple[Control, ...]] = (
        knob("max_message_bytes", "message limit", 65_536, optional=True),
        knob("max_frame_bytes", "frame limit", None, optional=True),
        Flag("compression", "compression (permessage-deflate)"),
        Choice(
            *("after_refusal", "after refusing, the server"),
            {"drain": "reads on", "reset": "resets TCP", "hold": "holds TCP open"},
            "drain",
        ),
        Choice(
            *("client", "client that sends"),
            {name: "wslab (reads on)" if name == OWN_CLIENT else name for name in CLIENTS},
            OWN_CLIENT,
            listed=True,
        ),
        Choice("payload", "payload", {kind: kind for kind in KINDS}, "text", listed=True),
        Number(
            *("payload_bytes", "payload size", "bytes", 0, SAFETY_CAP_BYTES, 1024),
            logarithmic=True,
            mark="max_message_bytes",
            steps=(
                StepButton("× 2", times=2),
                StepButton("to the limit", of="max_message_bytes"),
                StepButton("limit + 1", of="max_message_bytes", plus=1),
            ),
        ),
        Choice("connection", "growing messages share", CONNECTIONS, "per_message", more=True),
        knob("max_messages_per_s", "rate limit of a connection", None, optional=True, more=True),
        Choice("reply", "to a message, the server", {"echo": "echoes it", "deny": "says no"}, "echo", more=True),
        Flag("greeting", "the server speaks first", more=True),
        Flag("close_after_message", "it closes after each message", more=True),
    )
    ACTIONS: ClassVar[tuple[Action, ...]] = (
        Action("send", "Send", "send one message of this size", main=True),
        Action(
            *("grow", "Grow until it breaks", "double the size until one is refused, then close in on the limit"),
            ignores=("client", "payload_bytes"),
        ),
        Action(
            *("find", "Find the limit", "prove the exact limit without sending the bytes"),
            ignores=("client", "payload", "payload_bytes"),
        ),
    )
    VIEWS: ClassVar[tuple[str, ...]] = ("sizes",)
    GATHERS = True

    def knobs(self) -> Knobs:
        return Knobs(**_knobs_of(self.values))

    def turned(self) -> None:
        super().turned()
        shown = {name: self.values[name] for name in ("max_message_bytes", "payload_bytes")}
        self.scene = self.scene | shown

    def work(self, action: str) -> Run | None:
        server = self.server()
        if server.knobs != self.knobs():
            server.tune(**_knobs_of(self.values))
        if action == "find":
            verdict = find_limit(server, cancel=self._cancel)
            found = pd.DataFrame(facts(verdict), columns=["question", "answer"])
            self.tables = [*self.tables_of_sends(), shown_table("What the search found", found)]
            self.say(verdict.explanation, "done")
            return None
        if action == "send" and self.values["client"] != OWN_CLIENT:
            return self._send_by(self.values["client"], server)
        growing = controlled(until_refused(1024, SAFETY_CAP_BYTES), shared=self.values["connection"] == "shared")
        return payload_sweep(
            server,
            [self.values["payload_bytes"]] if action == "send" else growing,
            payload=self.values["payload"],
            compression=self.values["compression"],
            connection=self.values["connection"],
            on_record=self._live,
            cancel=self._cancel,
        )

    def _send_by(self, client: str, server: LabServer) -> Run:
        if why := CLIENTS[client].missing():
            raise MissingPackageError(f"{client} cannot send: {why}")
        if (limit_bytes := self.values["max_message_bytes"]) is None:
            raise BadValueError("give the server a message limit: what another client is told of it is what is shown")
        return closure_visibility(
            server,
            [self.values["payload_bytes"] - limit_bytes],
            clients=[client],
            after_refusals=[self.values["after_refusal"]],
            tries=1,
            on_record=self._live,
            cancel=self._cancel,
        )

    def code_for(self, values: Mapping[str, Any]) -> str:
        knobs = {name: value for name, value in _knobs_of(values).items() if value != getattr(Knobs(), name)}
        client = {"payload": values["payload"]} | ({"compression": True} if values["compression"] else {})
        way = {} if values["connection"] == "per_message" else {"connection": values["connection"]}
        size = values["payload_bytes"]
        shared = {"shared": True} if way else {}
        search = f"wslab.ladders.until_refused(1024, {SAFETY_CAP_BYTES:_})"
        growing = call("wslab.ladders.controlled", search, **shared)
        return "\n".join(
            [
                f"knobs = {call('wslab.Knobs', **knobs)}",
                "# Send",
                f"run = {call('wslab.payload_sweep', 'knobs', f'[{size:_}]', **client)}",
                "# Grow until it breaks",
                f"run = {call('wslab.payload_sweep', 'knobs', growing, **client, **way)}",
                "# Find the limit",
                "verdict = wslab.find_limit(knobs)",
                "",
                "wslab.show(wslab.plots.close_codes(run))",
            ]
        )

    def draw(self) -> Axes:
        told = tables.sightings(self.runs)
        met = [sighting_met(sighting)[0] for run in self.runs for sighting in run.sightings]
        told["outcome"] = pd.array(met, dtype="string")
        sent = pd.concat([tables.sends(self.runs), told], ignore_index=True)
        return plots.close_codes(sent, limit_bytes=self.values["max_message_bytes"])

    def tell_of(self, run: Run) -> str:
        return sweep_told(run)

    def tables_of(self, run: Run) -> list[ShownTable]:
        return self.tables_of_sends()

    def tables_of_sends(self) -> list[ShownTable]:
        if not self.runs:
            return []
        closures = [closure for run in self.runs for closure in run.closures]
        close = next((closure.received for closure in reversed(closures) if closure.received), None)
        told = self._what_others_were_told()
        shown = [] if told.empty else [shown_table("What another client was told, and what the server sent", told)]
        if close is None:
            return shown
        frame = pd.DataFrame(fields(close), columns=["bytes", "field", "says"])
        return [
            shown_table("The last close frame that came, byte by byte", frame, folded=False),
            *shown,
            shown_table("What each side saw", tables.both_sides(self.runs)[SIDES].iloc[::-1]),
        ]

    def _what_others_were_told(self) -> pd.DataFrame:
        told = tables.sightings(self.runs).rename(columns={"close_code": "client_saw_code"})
        sent = tables.accounts(self.runs).rename(columns={"sent_code": "server_sent_code"})
        both = told.merge(sent[["run", "connection_id", "server_sent_code"]], on=["run", "connection_id"], how="left")
        return both[["subject", "payload_bytes", "client_saw_code", "server_sent_code", "error"]].iloc[::-1]


def _knobs_of(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: values[name] for name in SERVER_KNOBS} | {"greeting": GREETING if values["greeting"] else None}


def sweep_told(run: Run) -> str:
    """Say what came of one message; of several, between which sizes the limit lies, if size is why any was refused."""
    if run.sightings:
        [sighting] = run.sightings
        return f"{counted(sighting.payload_bytes, 'byte')} by {sighting.subject}: {sighting_met(sighting)[1]}"
    if len(run.sends) != 1:
        rules = {finding.rule for finding in find(run)}
        if not rules or "size_refused" in rules:
            return plots.close_codes(run).get_title(loc="left")
        return f"{counted(len(run.sends), 'message')} sent, {sum(send.passed for send in run.sends)} accepted"
    [send] = run.sends
    met = f"{send.close_code} {send.close_reason or ''}".strip() if send.outcome == "closed" else send.outcome
    return f"{counted(send.payload_bytes, 'byte')}: {met}"
