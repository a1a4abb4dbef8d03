"""browser_drill: the same end of a connection, seen by a page's WebSocket and by Python's client.

A page learns less than another client: of a failed opening handshake only that it failed (WHATWG WebSockets, feedback
from the protocol). It may close with few codes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from websockets.exceptions import ProtocolError

from wslab.core.arguments import check_choice, check_number, check_whole
from wslab.core.errors import BadTypeError, BadValueError, in_words
from wslab.core.knobs import Knobs
from wslab.core.payloads import SAFETY_CAP_BYTES
from wslab.core.records import Attempt, Notice
from wslab.core.runs import Run
from wslab.experiments.call import Call
from wslab.experiments.conduct import Bench, Cancel, OnRecord, conduct
from wslab.experiments.page import Page, Visitor
from wslab.net.client.client import Client
from wslab.net.recording import Recorder
from wslab.net.server.lab_server import LabServer

Case = Literal["restart", "crash", "oversized", "close", "down"]

GREETING = "x"


def browser_drill(
    target: LabServer | Knobs,
    case: Case,
    *,
    page: Page | None = None,
    overshoot_bytes: int = 1,
    close_code: int = 1000,
    timeout_s: float = 10.0,
    on_record: OnRecord | None = None,
    cancel: Cancel | None = None,
) -> Run:
    """Put a page and Python's client through the same case, and return the run of what each of them was told.

    The run holds the page's `Notice` records, in order, and the `Attempt`, `Send`, `Closure` and `Account` records of
    Python's client and the server; `wslab.tables.page(run)` compares them.

    Args:
        target: a running lab server, or the knobs of one to start for the drill.
        case: "restart" and "crash" end both connections; in "oversized" each sends one message over the limit; in
            "close" each closes with `close_code`; in "down" both connect while the server is down (see its knob
            `while_down`).
        page: the page. Without one, or if it is `missing()`, only Python's half runs; `info.parameters["page"]` says
            so.
        overshoot_bytes: how far the message exceeds the limit, 1 byte to 64 MiB.
        close_code: 0 to 65535. A client that throws instead of sending it then closes by its default: a page without a
            code, Python's client with 1000.
        timeout_s: for each step.
        on_record, cancel: as in `payload_sweep`.

    Raises:
        TypeError, ValueError: an argument is out of its bounds, or the case is "oversized" and the server has no limit.
        LabServerError: the server does not run, or did not come up again.
    """
    call = Call.taken(browser_drill, locals())
    check_choice("case", case, get_args(Case))
    check_whole("overshoot_bytes", overshoot_bytes, low=1, high=SAFETY_CAP_BYTES, unit="bytes")
    check_whole("close_code", close_code, low=0, high=65_535, unit="(a close code)")
    check_number("timeout_s", timeout_s, low=0.1, high=600, unit="seconds")
    if not isinstance(target, LabServer | Knobs):
        raise BadTypeError(f"target is {target!r}, but must be a LabServer, or Knobs to start one with")
    knobs = target if isinstance(target, Knobs) else target.knobs
    if case == "oversized" and knobs.max_message_bytes is None:
        raise BadValueError("target has no limit on messages, so nothing can exceed it; set its max_message_bytes")
    payload_bytes = (knobs.max_message_bytes or 0) + overshoot_bytes
    missing = "none was asked for" if page is None else page.missing()

    call.add(payload_bytes=payload_bytes)
    call.instead("page", page={"missing": missing} if missing or page is None else page.describe())

    async def measure(bench: Bench) -> None:
        client = Client(bench.target.replace(open_timeout_s=timeout_s), bench.recorder, listens_first=False)
        visitor = Visitor(None if missing else page, bench.server, bench.recorder, timeout_s)
        drill = _Drill(bench.server, client, visitor, bench.recorder, timeout_s)
        try:
            await drill.go_through(case, payload_bytes, close_code)
        finally:
            visitor.close()
            await client.close()

    return conduct(measure, call)


@dataclass
class _Drill:
    """Takes page and client through one case, one after the other."""

    server: LabServer
    client: Client
    page: Visitor
    recorder: Recorder
    timeout_s: float

    async def go_through(self, case: Case, payload_bytes: int, close_code: int) -> None:
        match case:
            case "restart":
                await self.end("graceful")
            case "crash":
                await self.end("crash")
            case "oversized":
                await self.exceed(payload_bytes)
            case "close":
                await self.close(close_code)
            case "down":
                await self.knock()

    async def end(self, kind: Literal["graceful", "crash"]) -> None:
        await self._greet_by_page()
        opened = await self._greet_by_client()
        await self.server.restart_async(kind)
        if opened.outcome == "opened":
            await self.client.closed()
        await self.page.until("close")

    async def exceed(self, payload_bytes: int) -> None:
        await self._greet_by_page()
        self.page.send(payload_bytes)
        await self.page.until("close")
        await self._greet_by_client()
        await self.client.send_message("x" * payload_bytes, timeout_s=self.timeout_s)

    async def close(self, close_code: int) -> None:
        await self._greet_by_page()
        self.page.close(close_code)
        await self.page.until("thrown")
        self.page.close()
        await self.page.until("close")
        opened = await self._greet_by_client()
        try:
            await self.client.close(close_code)
        except ProtocolError as error:
            thrown = Notice(
                subject="wslab",
                connection_id=opened.connection_id,
                elapsed_s=self.recorder.now() - opened.started_at_s,
                event="thrown",
                call=f"close({close_code})",
                words=in_words(error),
            )
            self.recorder.emit(thrown)

    async def knock(self) -> None:
        """Take the server down, connect, and bring it up again."""
        comes_back = self.server.knobs.comes_back
        await self.server.tune_async(comes_back=False)  # a restart then returns as soon as it is down
        await self.server.restart_async("graceful")
        try:
            self.page.connect()
            await self.page.until("close")
            if (await self.client.open()).outcome == "opened":
                await self.client.closed()
        finally:
            await self.server.restart_async("reload", downtime_s=0, comes_back=True)
            await self.server.tune_async(comes_back=comes_back)

    async def _greet_by_page(self) -> None:
        """Connect and send one small message, so that the page also sees an answer."""
        self.page.connect()
        await self.page.until("open")
        if self.server.knobs.reply == "echo":
            self.page.send(len(GREETING))
            await self.page.until("message")

    async def _greet_by_client(self) -> Attempt:
        opened = await self.client.open()
        if self.server.knobs.reply == "echo":
            await self.client.send_message(GREETING, timeout_s=self.timeout_s)
        return opened
