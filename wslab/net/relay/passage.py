"""One connection through a relay: a client's end, a server's end, and a lane in each direction between them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random
from typing import Protocol

from wslab.core.errors import WslabError, in_words
from wslab.core.records import Attempt, AttemptOutcome, Close, Closure, Record, Side, TcpEnd, closed_by
from wslab.core.relay.faults import Fault, ResetPeer, SendClose, Timeout, Unavailable
from wslab.net.close_bodies import encode_close
from wslab.net.handshakes import agreed_extensions
from wslab.net.heads import Fields, RequestHead, read_request, read_response, retry_after_s
from wslab.net.relay.addressing import has_token
from wslab.net.relay.end import PassageEnd
from wslab.net.relay.lane import Lane
from wslab.net.relay.passed import Passed
from wslab.net.relay.spotting import PassingFrame, Spotter

HANDSHAKE_TIMEOUT_S = 120.0
"""A client has this long to ask, and the target to accept."""

REFUSALS = {
    403: "this relay wants its token in the query: ?token=…",
    502: "the relay's target",
    503: "not now",
}


class Host(Protocol):
    """What a passage needs of its relay."""

    token: str | None

    def why_foreign(self, request: RequestHead) -> str | None: ...

    def now(self) -> float: ...

    def emit(self, record: Record) -> None: ...

    def note(self, passed: Passed) -> None: ...

    async def connect(self, end: PassageEnd) -> None: ...

    def addressed(self, asked: bytes, client: int) -> bytes: ...

    def faults_of(self, passage: Passage) -> dict[str, Fault]: ...

    def ended(self, passage: Passage) -> None: ...


class Passage:
    """One connection, from the client's TCP to the end of both.

    Args:
        client: its number.
        rng: what this connection draws from.
    """

    def __init__(self, host: Host, client: int, rng: Random) -> None:
        self.client = client
        self.rng = rng
        self._host = host
        self._asked = b""
        self._began_at_s = host.now()
        self._opened_at_s: float | None = None
        self._connection_id: str | None = None
        self._error: str | None = None
        self._tcp_end: TcpEnd | None = None
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._later("handshake", HANDSHAKE_TIMEOUT_S, lambda: self.end(reset=False))
        self._connecting: asyncio.Task[None] | None = None
        self._is_told = False
        self.front = PassageEnd(self)
        self.back = PassageEnd(self)
        self.front.other, self.back.other = self.back, self.front
        self.up = self._lane(self.front, self.back, "client", self._read_request)
        self.down = self._lane(self.back, self.front, "server", self._read_response)

    def _lane(self, source: PassageEnd, sink: PassageEnd, sender: Side, on_head: Callable[[bytes], int]) -> Lane:
        watch = Spotter(sender, on_head, self._host.now)
        return Lane(source, sink, watch, self.rng, tell=self._tell_frames, end=lambda reset: self.end(reset=reset))

    @property
    def is_connected(self) -> bool:
        """Whether the target has accepted."""
        return self.front.lane is not None

    # Faults

    def apply(self, label: str, fault: Fault) -> None:
        """Let a fault befall this connection."""
        for lane in self._lanes_of(fault):
            lane.add(label, fault)
        match fault:
            case Timeout(timeout_s=timeout_s) if timeout_s:
                self._later(label, timeout_s, lambda: self.end(reset=False))
            case ResetPeer(timeout_s=timeout_s):
                self._later(label, timeout_s, lambda: self.end(reset=True))
            case SendClose() if self._opened_at_s is not None:
                self._later(label, fault.after_s, lambda: self._send_close(fault))

    def release(self, label: str) -> None:
        """Let a fault befall it no longer."""
        for lane in (self.up, self.down):
            lane.remove(label)
        if timer := self._timers.pop(label, None):
            timer.cancel()

    def _lanes_of(self, fault: Fault) -> tuple[Lane, ...]:
        match fault.direction:
            case "upstream":
                return (self.up,)
            case "downstream":
                return (self.down,)
        return (self.up, self.down)

    def _later(self, label: str, delay_s: float, do: Callable[[], None]) -> None:
        self._timers[label] = asyncio.get_running_loop().call_later(delay_s, do)

    def _send_close(self, fault: SendClose) -> None:
        for lane in self._lanes_of(fault):
            if fault.code == 1006:
                self.end(reset=False)
            else:
                lane.insert(encode_close(Close(code=fault.code, reason="" if fault.code == 1005 else fault.reason)))

    # The opening handshake

    def ask(self, data: bytes) -> None:
        """Take the client's bytes until its request is complete; then connect to the target, or refuse."""
        self._asked += data
        if self._connecting is not None:
            self.front.read_on("connecting", False)
            return
        try:
            request = read_request(self._asked)
        except WslabError as error:
            self._error = str(error)
            request = None
            if self._host.token is not None:
                self._refuse(403)
                return
        if request is None and self._error is None:
            return
        if request is not None and self._host.token is not None and not has_token(request.resource, self._host.token):
            self._refuse(403)
            return
        if request is not None and (why := self._host.why_foreign(request)) is not None:
            self._error = why
            self._refuse(403)
            return
        refusal = next((one for one in self._host.faults_of(self).values() if isinstance(one, Unavailable)), None)
        if refusal is not None:
            self._refuse(refusal.status, refusal.retry_after_s)
            return
        self.front.read_on("connecting", False)
        self._connecting = asyncio.get_running_loop().create_task(self._connect())

    async def _connect(self) -> None:
        try:
            await self._host.connect(self.back)
        except (OSError, WslabError) as error:  # a certificate that is not trusted, or a proxy that leads nowhere, too
            self._error = f"the target: {in_words(error)}"
            self._refuse(502)
            return
        if self.front.is_lost:
            self.back.end(reset=self._tcp_end == "reset")
            return
        self.release("handshake")
        self.front.lane, self.back.lane = self.up, self.down
        for label, fault in self._host.faults_of(self).items():
            self.apply(label, fault)
        asked, self._asked = self._asked, b""
        self.up.receive(self._host.addressed(asked, self.client))
        self.front.read_on("connecting", True)

    def _refuse(self, status: int, retry_after: int | None = None) -> None:
        words = REFUSALS.get(status, "refused") if self._error is None else self._error
        header = "" if retry_after is None else f"Retry-After: {retry_after}\r\n"
        body = f"{words}\n".encode()
        self.front.write(
            f"HTTP/1.1 {status} Relay\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {len(body)}\r\n"
            f"Connection: close\r\n{header}\r\n".encode()
            + body
        )
        self._tell_attempt("rejected", status, None if retry_after is None else float(retry_after))
        self.front.end(reset=False)

    def _read_request(self, data: bytes) -> int:
        request = read_request(data)
        return 0 if request is None else request.head_bytes

    def _read_response(self, data: bytes) -> int:
        response = read_response(data)
        if response is None:
            return 0
        self._connection_id = response.fields.get("X-Wslab-Connection") or None
        if response.status != 101:
            self._tell_attempt("rejected", response.status, retry_after_s(response.fields))
            return -1
        self._agree(response.fields)
        self._opened_at_s = self._host.now()
        self._tell_attempt("opened", 101, None)
        for label, fault in self._host.faults_of(self).items():
            if isinstance(fault, SendClose):
                self.apply(label, fault)
        return response.head_bytes

    def _agree(self, fields: Fields) -> None:
        agreed = agreed_extensions(fields).get("permessage-deflate")
        for lane in (self.up, self.down):
            lane.watch.deflate = agreed is not None
            lane.watch.takeover = agreed is None or f"{lane.watch.sender}_no_context_takeover" not in agreed

    # The end

    def end(self, *, reset: bool) -> None:
        """End both sides."""
        for end in (self.front, self.back):
            end.end(reset=reset)

    def lost(self, end: PassageEnd, exc: Exception | None) -> None:
        """One side's TCP has ended."""
        if self._tcp_end is None:
            self._tcp_end = "aborted" if end is self.front else "reset" if exc is not None else "fin"
        other = self.back if end is self.front else self.front
        if end is self.front and self._connecting is not None:
            self._connecting.cancel()  # which does nothing once it is through
        if end.lane is not None and (exc is not None or not end.has_ended or end.lane.is_slow()):
            end.lane.receive_end(reset=exc is not None)  # behind all that still waits
        elif not other.is_lost:
            other.end(reset=exc is not None)
        if all(one.is_lost or one.transport is None for one in (self.front, self.back)):
            self._finish()

    def _finish(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        for lane in (self.up, self.down):
            lane.stop()
        if self._opened_at_s is not None:
            self._host.emit(self._closure(self._opened_at_s))
        elif self._error is not None or not self._is_told:
            self._tell_attempt("failed", None, None)
        self._host.ended(self)

    # Records

    def _tell_frames(self, watch: Spotter, seen: list[PassingFrame]) -> None:
        self._host.note(Passed(self.client, self._connection_id, watch.sender, seen))

    def _tell_attempt(self, outcome: AttemptOutcome, status: int | None, retry_after: float | None) -> None:
        if self._is_told:
            return
        self._is_told = True
        self._host.emit(
            Attempt(
                client=self.client,
                outage=0,
                number=1,
                delay_s=0.0,
                due_at_s=self._began_at_s,
                started_at_s=self._began_at_s,
                ended_at_s=self._host.now(),
                outcome=outcome,
                http_status=status,
                retry_after_s=retry_after,
                connection_id=self._connection_id,
                error=self._error or self.down.watch.violation or self.up.watch.violation,
            )
        )

    def _closure(self, opened_at_s: float) -> Closure:
        ended_at_s = self._host.now()
        received, sent = self.down.close, self.up.close
        times = [close[1] for close in (received, sent) if close is not None]
        close = received[0] if received else None
        sent_first = sent is not None and sent[1] == min(times)
        return Closure(
            client=self.client,
            connection_id=self._connection_id,
            opened_at_s=opened_at_s,
            close_started_at_s=min(times, default=ended_at_s),
            closed_at_s=ended_at_s,
            close_code=close.code if close else 1006,
            close_reason=close.reason if close else "",
            clean=received is not None and sent is not None,
            closed_by=closed_by(close, sent[0] if sent else None, sent_first=sent_first, here="client"),
            received=close,
            sent=sent[0] if sent else None,
            recovered=False,
            send_error=self.down.watch.violation or self.up.watch.violation,
            tcp_end=self._tcp_end or "unseen",
            sent_wire_bytes=self.up.wire_bytes,
            received_wire_bytes=self.down.wire_bytes,
        )
