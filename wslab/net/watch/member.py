"""One client of a watch: it plays its role, records the traffic of its connection, and reconnects."""

from __future__ import annotations

import asyncio
import contextlib
from random import Random
from typing import Any, cast

from websockets.exceptions import ConnectionClosed
from websockets.frames import DATA_OPCODES, Frame, Opcode

from wslab.core.records import Closure, Ping, Pong, Receipt
from wslab.core.watch.roles import BURST_MESSAGES, Role
from wslab.net.client.client import Client
from wslab.net.client.connection import RecordingConnection
from wslab.net.recording import Recorder
from wslab.net.watch.allowance import Allowance, Pace

CHATTY_S = 1.0
"""If a server sends all the time, only one message per second is recorded, and the last one."""

PROVOKED_S = 0.2
"""A closure this soon after an action of the client may be a reaction to it, and says nothing about a clock."""

LONG_BURSTS = (2, 3)
"""Of every four bursts, counted from 1, those with long messages; so some connections begin with long ones."""

MOST_BACK_S = 30.0
"""The longest pause of a client between attempts."""


class WatchedConnection(RecordingConnection):
    """A connection that shows each frame to its member, and leaves pings unanswered if the role says so."""

    member: Member | None = None

    def process_event(self, event: Any) -> None:
        if isinstance(event, Frame) and self.member is not None:
            self.member.note_frame(event)
        super().process_event(event)

    def send_data(self) -> None:
        if self.member is not None and not self.member.role.answers_pings:
            # The library answers pings by itself (RFC 6455 §5.5.2); the first byte of a whole pong is 0x8A.
            self.protocol.writes = [frame for frame in self.protocol.writes if frame[:1] != b"\x8a"]
        super().send_data()


class Member:
    """A client with a role, kept connected until cancelled.

    Args:
        pace: how often it acts; shared by all members. allowance: what all members together may send and open.
        says: the message of a talking member, and the long one for half of its bursts.
    """

    def __init__(
        self,
        client: Client,
        role: Role,
        pace: Pace,
        allowance: Allowance,
        says: tuple[str | bytes, str | bytes],
        pong_timeout_s: float,
    ) -> None:
        self.client = client
        self.role = role
        self._recorder: Recorder = client.recorder
        self._pace = pace
        self._allowance = allowance
        self._says = says
        self._bursts = 0
        self._pong_timeout_s = pong_timeout_s
        self._rng = Random(client.client)
        self._heard_s = -CHATTY_S
        self._acted_s = 0.0
        self._unsaid: Receipt | None = None
        self._received = 0
        client.connection_class = WatchedConnection
        client.on_open = self._adopt

    async def stay(self, *, after_s: float) -> None:
        """Connect after `after_s` seconds, play the role, and reconnect after each closure, until cancelled."""
        await asyncio.sleep(after_s)
        outage, number, delay_s = 0, 1, 0.0
        while True:
            await self._allowance.opening()
            attempt = await self.client.open(outage=outage, number=number, delay_s=delay_s)
            if attempt.outcome == "opened":
                age_s = await self._live()
                outage, number = outage + 1, 1
                short = age_s < self._pace.back_s
                delay_s = min(MOST_BACK_S, 2 * delay_s + self._pace.back_s) if short else self._back_s()
            else:
                number += 1
                delay_s = max(min(MOST_BACK_S, 2 * delay_s), self._back_s(), attempt.retry_after_s or 0.0)
            await asyncio.sleep(delay_s)

    async def _live(self) -> float:
        acting = asyncio.create_task(self._act())
        try:
            closure: Closure = await self.client.closed()
        finally:
            acting.cancel()
            await asyncio.gather(acting, return_exceptions=True)
            self._say_last()
        if closure.close_started_at_s - self._acted_s > PROVOKED_S:
            self._pace.note(closure)
        return closure.close_started_at_s - closure.opened_at_s

    def _back_s(self) -> float:
        # Random, since clients that were closed together and came back together would no longer be told apart.
        return self._rng.uniform(1, 3) * self._pace.back_s

    async def _act(self) -> None:
        opened_at_s, due_s = self._recorder.now(), 0.0
        for number, step_s in enumerate(self.role.steps(1.0)):
            self._bursts += self.role.rhythm == "bursts" and number % BURST_MESSAGES == 0
            due_s += step_s * self._pace.interval_s
            await asyncio.sleep(opened_at_s + due_s - self._recorder.now())
            await self._allowance.message()
            self._acted_s = self._recorder.now()
            with contextlib.suppress(ConnectionClosed, OSError):  # the closure says how it ended
                await self._do()

    async def _do(self) -> None:
        match self.role.deed:
            case "message":
                await self.client.send_message(self._says[self._bursts % 4 in LONG_BURSTS], confirm="none")
            case "ping":
                await self._ping()
            case "pong":
                connection = self._connection()
                await connection.pong()
                record = Pong(
                    client=self.client.client,
                    connection_id=connection.connection_id,
                    sent_by="client",
                    sent_at_s=self._recorder.now(),
                )
                self._recorder.emit(record)

    async def _ping(self) -> None:
        """Ping, and wait for the pong; without one, assume that the peer is gone and close with 1011."""
        connection = self._connection()
        sent_at_s = self._recorder.now()
        answered_at_s: float | None = None
        try:
            async with asyncio.timeout(self._pong_timeout_s):
                await (await connection.ping())
            answered_at_s = self._recorder.now()
        except TimeoutError:
            await self.client.close(1011, "keepalive ping timeout")
        finally:
            self._emit_ping("client", sent_at_s, answered_at_s, 4)

    def note_frame(self, frame: Frame) -> None:
        """Record a frame from the server."""
        now_s = self._recorder.now()
        if frame.opcode is Opcode.PING:
            self._emit_ping("server", now_s, now_s if self.role.answers_pings else None, len(frame.data))
        elif frame.opcode in DATA_OPCODES and frame.fin:
            self._received += 1
            receipt = self._receipt(frame, now_s)
            if now_s - self._heard_s >= CHATTY_S * min(1.0, self._pace.interval_s / 4):
                self._heard_s = now_s
                self._unsaid = None
                self._recorder.emit(receipt)
            else:
                self._unsaid = receipt

    def _receipt(self, frame: Frame, now_s: float) -> Receipt:
        return Receipt(
            client=self.client.client,
            number=self._received,
            connection_id=None if self.client.connection is None else self.client.connection.connection_id,
            started_at_s=now_s,
            ended_at_s=now_s,
            payload_kind="text" if frame.opcode is Opcode.TEXT else "binary",
            payload_bytes=len(frame.data),
            announced_bytes=len(frame.data),
            fragment_count=1,
            wire_bytes=len(frame.data) + 2,
            complete=True,
        )

    def _say_last(self) -> None:
        """Record the server's last message, even if it was one of many."""
        if self._unsaid is not None:
            self._recorder.emit(self._unsaid)
            self._unsaid = None

    def _emit_ping(self, sent_by: Any, sent_at_s: float, answered_at_s: float | None, payload_bytes: int) -> None:
        ping = Ping(
            client=self.client.client,
            connection_id=None if self.client.connection is None else self.client.connection.connection_id,
            sent_by=sent_by,
            sent_at_s=sent_at_s,
            payload_bytes=payload_bytes,
            answered_at_s=answered_at_s,
        )
        self._recorder.emit(ping)

    def _adopt(self, connection: RecordingConnection) -> None:
        cast("WatchedConnection", connection).member = self

    def _connection(self) -> RecordingConnection:
        assert self.client.connection is not None, "acts only while it is connected"
        return self.client.connection
