"""One connection through a relay: a client's end, a target's end, and a lane in each direction between them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random
from typing import Protocol

from wslab.core.errors import WslabError, in_words
from wslab.core.records import Close, Side
from wslab.core.relay.faults import Fault, ResetPeer, SendClose, Timeout, Unavailable
from wslab.net.close_bodies import encode_close
from wslab.net.heads import read_request, read_response, retry_after_s
from wslab.net.relay.connection_log import ConnectionLog
from wslab.net.relay.end import PassageEnd
from wslab.net.relay.entrance import Entrance, OwnAnswer, by_fault, request_bytes
from wslab.net.relay.lane import Lane
from wslab.net.relay.memory import RelayMemory
from wslab.net.relay.passing_frames import Passed, PassingFrame, PlainFrame

HANDSHAKE_TIMEOUT_S = 120.0
"""A client has this long for its request, and the target to accept TCP."""

LINGER_S = 5.0
"""When the relay itself ends a connection, what was written already has this long to be read."""


class Host(Protocol):
    """What a passage needs of its relay."""

    memory: RelayMemory
    entrance: Entrance

    @property
    def port(self) -> int: ...

    async def connect(self, end: PassageEnd) -> None: ...

    def ended(self, passage: Passage) -> None: ...


class Passage:
    """One connection, from the client's TCP to the end of both.

    Args:
        client: its number.
        rng: what this connection draws from.
    """

    def __init__(self, host: Host, client: int, rng: Random) -> None:
        self._host, self._client, self._rng = host, client, rng
        self._log = ConnectionLog(client, host.memory)
        self._asked = b""
        self._faults: dict[str, Fault] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._later("handshake", HANDSHAKE_TIMEOUT_S, lambda: self.end(f"no request within {HANDSHAKE_TIMEOUT_S:g} s"))
        self._connecting: asyncio.Task[None] | None = None
        self.front, self.back = PassageEnd(self), PassageEnd(self)
        self.front.other, self.back.other = self.back, self.front
        self._up = self._lane("client", request_bytes)
        self._down = self._lane("server", self._read_response)

    def _lane(self, sender: Side, on_head: Callable[[bytes], int]) -> Lane:
        source, sink = (self.front, self.back) if sender == "client" else (self.back, self.front)
        return Lane(
            source,
            sink,
            sender,
            self._rng,
            on_head=on_head,
            now=self._host.memory.now,
            tell=self._tell_frames,
            end=lambda reset: self.end("a fault of the relay ended it", reset=reset),
        )

    # Faults

    def draw(self, label: str, fault: Fault) -> None:
        """Let a fault befall this connection, if its toxicity has it so."""
        if self._rng.random() >= fault.toxicity:
            return
        self._faults[label] = fault
        if self.front.lane is not None:
            self._apply(label, fault)

    def release(self, label: str) -> None:
        """Let a fault befall it no longer."""
        self._faults.pop(label, None)
        for lane in (self._up, self._down):
            lane.remove(label)
        self._cancel(label)

    def _apply(self, label: str, fault: Fault) -> None:
        for lane in self._lanes_of(fault):
            lane.add(label, fault)
        match fault:
            case Timeout(timeout_s=timeout_s) if timeout_s:
                self._later(label, timeout_s, lambda: self._end_by_fault(fault))
            case ResetPeer(timeout_s=timeout_s):
                self._later(label, timeout_s, lambda: self._end_by_fault(fault, reset=True))
            case SendClose() if self._log.opened_at_s is not None:
                self._later(label, fault.after_s, lambda: self._send_close(fault))

    def _lanes_of(self, fault: Fault) -> tuple[Lane, ...]:
        one = {"upstream": (self._up,), "downstream": (self._down,)}
        return one.get(fault.direction, (self._up, self._down))

    def _send_close(self, fault: SendClose) -> None:
        if fault.code == 1006:
            self._end_by_fault(fault)
            return
        payload = encode_close(Close(code=fault.code, reason="" if fault.code == 1005 else fault.reason))
        for lane in self._lanes_of(fault):
            lane.insert(payload)

    def _end_by_fault(self, fault: Fault, *, reset: bool = False) -> None:
        self.end(f"the relay's fault {fault.name} ended it", reset=reset)

    def _later(self, label: str, delay_s: float, do: Callable[[], None]) -> None:
        self._timers[label] = asyncio.get_running_loop().call_later(delay_s, do)

    def _cancel(self, label: str) -> None:
        if timer := self._timers.pop(label, None):
            timer.cancel()

    # The opening handshake

    def ask(self, data: bytes) -> None:
        """Collect the client's request until it is complete; then connect to the target, or refuse."""
        self._asked += data
        if self._connecting is not None:
            self.front.read_on("connecting", False)
            return
        request = None
        try:
            request = read_request(self._asked)
            if request is None:
                return
        except WslabError as error:  # what cannot be read passes as it is, to a target that may know better
            self._log.fail("client", str(error))
        refusal = self._host.entrance.refusal(request) or self._refusal_by_fault()
        if refusal is not None:
            self._refuse(refusal)
            return
        self.front.read_on("connecting", False)
        self._connecting = asyncio.get_running_loop().create_task(self._connect())

    async def _connect(self) -> None:
        try:
            await self._host.connect(self.back)
        except (OSError, WslabError) as error:  # also a certificate that is not trusted, or a proxy that leads nowhere
            self._log.fail("server", in_words(error))
            self._refuse(OwnAnswer(502, f"the target: {in_words(error)}"))
            return
        if self.front.is_lost:
            self.back.end(reset=False)
            return
        self._cancel("handshake")
        self.front.lane, self.back.lane = self._up, self._down
        for label, fault in self._faults.items():
            self._apply(label, fault)
        asked, self._asked = self._asked, b""
        self._up.receive(self._host.entrance.addressed(asked, client=self._client, port=self._host.port))
        self.front.read_on("connecting", True)

    def _refusal_by_fault(self) -> OwnAnswer | None:
        return next((by_fault(fault) for fault in self._faults.values() if isinstance(fault, Unavailable)), None)

    def _refuse(self, refusal: OwnAnswer) -> None:
        self._log.error = self._log.error or refusal.words
        self._log.reject(refusal.status, None if refusal.retry_after_s is None else float(refusal.retry_after_s))
        self.front.write(refusal.answer())
        self.front.end(reset=False)

    def _read_response(self, data: bytes) -> int:
        response = read_response(data)
        if response is None:
            return 0
        self._log.connection_id = response.fields.get("X-Wslab-Connection") or None
        self._note_violations()
        if response.status != 101:
            self._log.reject(response.status, retry_after_s(response.fields))
            return -1
        for lane in (self._up, self._down):
            lane.spotter.agree(response.fields)
        self._log.open(self._down.spotter.at_s)
        for label, fault in self._faults.items():
            if isinstance(fault, SendClose):
                self._apply(label, fault)
        return response.head_bytes

    # The end

    def end(self, why: str, *, reset: bool = False) -> None:
        """End both sides, for a reason of the relay's own."""
        self._log.note_own_end(why)
        for end in (self.front, self.back):
            end.end(reset=reset)
        if not reset:
            self._later("linger", LINGER_S, lambda: self.end(why, reset=True))

    @property
    def is_over(self) -> bool:
        """Whether the relay has ended it."""
        return self._log.ended_by_relay

    def abandon(self, why: str | None = None) -> None:
        """Finish a connection whose client never got so far as to ask; `why` says what the client did wrong."""
        if why is not None:
            self._log.fail("client", why)
        self._finish()

    def ends(self, end: PassageEnd, *, reset: bool) -> None:
        """Note which side ended first."""
        self._log.note_end("client" if end is self.front else "server", reset=reset)

    def lost(self, end: PassageEnd, exc: Exception | None) -> None:
        """Pass on that the TCP of one side is over, or finish if it was the other's already."""
        other = self.back if end is self.front else self.front
        if end is self.front and self._connecting is not None:
            self._connecting.cancel()  # which does nothing once it is through
        if end.lane is not None and (exc is not None or not end.has_ended or end.lane.is_slow()):
            end.lane.receive_end(reset=exc is not None)  # after all that still waits
        elif not other.is_lost:
            other.end(reset=exc is not None)
        if all(one.is_lost or one.transport is None for one in (self.front, self.back)):
            self._finish()

    def _finish(self) -> None:
        for label in tuple(self._timers):
            self._cancel(label)
        for lane in (self._up, self._down):
            lane.stop(by_relay=self._log.ended_by_relay)
        self._note_violations()
        self._log.end(
            asked=self.front.lane is not None,
            sent=self._up.close,
            received=self._down.close,
            wire_bytes=(self._up.wire_bytes, self._down.wire_bytes),
        )
        self._host.ended(self)

    def _note_violations(self) -> None:
        for lane in (self._down, self._up):
            if lane.spotter.violation:
                self._log.fail(lane.sender, lane.spotter.violation)

    def _tell_frames(self, sender: Side, seen: list[PassingFrame | PlainFrame]) -> None:
        self._host.memory.note(Passed(self._client, self._log.connection_id, sender, seen))
