"""Listening: what a server says unasked, before the first message and between messages, and the target's greeting."""

from __future__ import annotations

import asyncio

from websockets.exceptions import ConnectionClosed

from wslab.core.printable import printable
from wslab.core.records import Receipt
from wslab.core.replies import Acquaintance
from wslab.core.target import Target
from wslab.net.client.connection import RecordingConnection
from wslab.net.recording import Recorder

KEPT_CHARACTERS = 200
MAX_RECEIPTS = 20
"""Unasked messages per connection that become records; the closure counts the rest."""

GREETS_WITHIN_S = 0.25
"""A server that is silent for this long on its first connection is assumed to wait for the client."""

QUIET_S = 0.05
LISTENS_AT_MOST_S = 1.0
"""The longest that a client listens to a server that never stops."""


class Hearing:
    """The ears of one client, for one connection after another.

    Args:
        listens_first: whether it waits for unasked messages before the first message on a connection, and takes those
            that have arrived before each later one.
        keeps_words: whether records hold the beginning of each message.

    Fields:
        known: what the server is known to say unasked.
        emits: whether unasked messages become records.
        not_ready: why nothing may be sent: the greeting was not answered. None: messages may be sent.
    """

    def __init__(
        self, target: Target, recorder: Recorder, client: int, *, listens_first: bool, keeps_words: bool
    ) -> None:
        self.known = Acquaintance()
        self.not_ready: str | None = None
        self.emits = True
        self._target = target
        self._recorder = recorder
        self._client = client
        self._listens_first = listens_first
        self._keeps_words = keeps_words
        self._usual: int | None = None  # number of messages at the beginning of a connection; None: not known yet
        self._heard = 0
        self._has_listened = False

    def begin(self, connection: RecordingConnection) -> None:
        """Switch to a new connection."""
        self._connection = connection
        self.not_ready = None
        self._heard = 0
        self._has_listened = False

    async def greet(self) -> None:
        """Carry out the target's greeting; `not_ready` says which step was not answered."""
        for step in self._target.steps:
            text = self._target.said(step, self._client)
            try:
                async with asyncio.timeout(self._target.open_timeout_s):
                    if step.kind == "say":
                        await self._connection.send(text)
                    else:
                        await self._await(text.encode())
            except TimeoutError:
                within = f"within {self._target.open_timeout_s:g} s ({self._heard} other messages came)"
                self.not_ready = f"the greeting was not answered: no message with {step.text!r} {within}"
                return
            except ConnectionClosed:
                return  # its closure says how

    async def listen(self) -> None:
        """Take the messages that have arrived, and on a new connection wait for the server's first ones."""
        if not self._listens_first:
            return
        if not self._has_listened:
            if self._usual is None:
                await self._hear(GREETS_WITHIN_S, QUIET_S)
                self._usual = self._heard
            elif self._usual > self._heard:
                await self._hear(LISTENS_AT_MOST_S, QUIET_S, self._usual - self._heard)
        self._has_listened = True
        await asyncio.sleep(0)  # lets the loop read what the kernel holds
        if self._connection.has_heard:
            await self._hear(0.0, 0.0)

    def note(self, message: bytes) -> None:
        """Learn, and perhaps record, a message that came unasked."""
        self.known.learn(message)
        self._heard += 1
        if not self.emits or self._heard > MAX_RECEIPTS:
            return
        now_s = self._recorder.now()
        self._recorder.emit(
            Receipt(
                client=self._client,
                number=self._heard,
                connection_id=self._connection.connection_id,
                started_at_s=now_s,
                ended_at_s=now_s,
                payload_kind=self._connection.received_kind,
                payload_bytes=len(message),
                announced_bytes=len(message),
                fragment_count=1,
                wire_bytes=len(message),
                complete=True,
                unasked=True,
                words=self.words(message),
            )
        )

    def words(self, message: bytes | None) -> str | None:
        """Return the beginning of a message, printable, if words are kept."""
        if message is None or not self._keeps_words:
            return None
        text = message[: 4 * KEPT_CHARACTERS].decode(errors="replace")[:KEPT_CHARACTERS]
        return printable(text) + ("…" if len(message) > len(text.encode()) else "")

    async def _await(self, text: bytes) -> None:
        while text not in (message := await self._connection.receive()):
            self.note(message)
        self.note(message)

    async def _hear(self, first_within_s: float, quiet_s: float, messages: int | None = None) -> None:
        """Note messages until the server is quiet, `messages` have come, or the connection ends."""
        loop = asyncio.get_running_loop()
        due_s, end_s = loop.time() + first_within_s, loop.time() + LISTENS_AT_MOST_S
        while messages is None or messages > 0:
            try:
                async with asyncio.timeout_at(min(due_s, end_s)):
                    message = await self._connection.receive()
            except (TimeoutError, ConnectionClosed):
                return
            self.note(message)
            due_s = loop.time() + quiet_s
            messages = None if messages is None else messages - 1
