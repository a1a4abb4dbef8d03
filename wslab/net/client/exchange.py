"""One message and its outcome, including which of the server's messages is the answer, if any."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Self

from websockets.exceptions import ConnectionClosed

from wslab.core.errors import in_words
from wslab.core.records import SendOutcome
from wslab.core.replies import Acquaintance
from wslab.net.client.connection import RecordingConnection
from wslab.net.recording import Recorder

Confirmation = Literal["reply", "ping", "none"]

REFUSES_WITHIN_S = 0.05
TALKER_REFUSES_WITHIN_S = 0.5
"""After a message that may not be the answer: how long a server that has read ours may take to refuse it. A message
proves less if the server is known to speak unasked."""

PONG_WITHIN_S = 1.0
RAISED_S = 1.0
"""After an exception of the library, how long the end of TCP may take to show. If it does not, the fault is the
library's own, on a live connection, which is then ended."""


class Outgoing(NamedTuple):
    """A message to send, encoded once; `characters` is None for a binary message."""

    content: bytes
    characters: int | None

    @classmethod
    def of(cls, payload: str | bytes) -> Self:
        return cls(payload.encode(), len(payload)) if isinstance(payload, str) else cls(payload, None)

    @property
    def is_text(self) -> bool:
        return self.characters is not None

    def cut(self, fragment_bytes: int) -> list[bytes]:
        """Return the content in pieces of at most `fragment_bytes`; an empty message is one empty piece."""
        whole = self.content
        return [whole[i : i + fragment_bytes] for i in range(0, len(whole), fragment_bytes)] or [b""]


@dataclass
class Exchange:
    """One message being sent; its fields hold the outcome so far.

    Fields:
        known: what the server says unasked. on_unasked: called with each message that is not the answer.
        reply: the answer. unasked_messages: number of messages before it.
    """

    recorder: Recorder
    known: Acquaintance = field(default_factory=Acquaintance)
    on_unasked: Callable[[bytes], None] = lambda _: None
    outcome: SendOutcome = "unopened"
    fragment_count: int = 1
    wire_bytes: int = 0
    sent_at_s: float | None = None
    confirmed_at_s: float | None = None
    reply: bytes | None = None
    unasked_messages: int = 0
    error: str | None = None

    async def conduct(
        self,
        connection: RecordingConnection,
        message: Outgoing,
        fragment_bytes: int | None,
        confirm: Confirmation,
        timeout_s: float,
    ) -> None:
        wire_before = connection.sent_wire_bytes
        self.outcome, self.error = "interrupted", None  # until there is another outcome
        try:
            async with asyncio.timeout(timeout_s):
                await self._send(connection, message, fragment_bytes)
                self.sent_at_s = self.recorder.now()
                self.wire_bytes = connection.sent_wire_bytes - wire_before
                await self._confirm(connection, message.content, confirm)
                self.outcome, self.error = "unconfirmed" if confirm == "none" else "accepted", None
        except TimeoutError:
            self.outcome, self.error = "timeout", self._late(timeout_s)
        except Exception as failure:  # ConnectionClosed, or anything else that the library raises once TCP has ended
            self.outcome, self.error = "closed", connection.bound or in_words(failure)
            await _over(connection, None if isinstance(failure, ConnectionClosed) else RAISED_S)
        self.wire_bytes = self.wire_bytes or connection.sent_wire_bytes - wire_before

    async def _send(self, connection: RecordingConnection, message: Outgoing, fragment_bytes: int | None) -> None:
        if fragment_bytes is None:
            await connection.send(message.content, text=message.is_text)
            return
        chunks = message.cut(fragment_bytes)
        self.fragment_count = len(chunks)
        await connection.send_fragments(chunks, text=message.is_text)

    async def _confirm(self, connection: RecordingConnection, payload: bytes, confirm: Confirmation) -> None:
        if confirm == "reply":
            await self._await_answer(connection, payload)
        elif confirm == "ping":
            await (await connection.ping())
            self.confirmed_at_s = self.recorder.now()

    async def _await_answer(self, connection: RecordingConnection, payload: bytes) -> None:
        while True:
            message = await connection.receive()
            judgement = "unasked" if connection.is_answered(message) else self.known.judge(payload, message)
            if judgement == "unasked":
                self._note_unasked(message)
                continue
            self.reply, self.confirmed_at_s = message, self.recorder.now()
            if judgement == "words":
                await self._see_whether_it_stays(connection, payload)
            return

    async def _see_whether_it_stays(self, connection: RecordingConnection, payload: bytes) -> None:
        """Wait until the server has read the message and not refused it; a later echo is the answer instead."""
        within_s = TALKER_REFUSES_WITHIN_S if self.known.speaks_first else REFUSES_WITHIN_S
        settled = asyncio.ensure_future(_settled(connection, within_s))
        try:
            while True:
                receiving = asyncio.ensure_future(connection.receive())
                await asyncio.wait({receiving, settled}, return_when=asyncio.FIRST_COMPLETED)
                if not receiving.done():
                    receiving.cancel()
                    with contextlib.suppress(asyncio.CancelledError):
                        await receiving
                    return
                message = receiving.result()  # or raises how the connection ended
                if self.known.judge(payload, message) == "echo":
                    assert self.reply is not None
                    self._note_unasked(self.reply)
                    self.reply, self.confirmed_at_s = message, self.recorder.now()
                    return
                self._note_unasked(message)
        finally:
            settled.cancel()
            await asyncio.wait({settled})

    def _note_unasked(self, message: bytes) -> None:
        self.unasked_messages += 1
        self.on_unasked(message)

    def _late(self, timeout_s: float) -> str:
        late = f"neither confirmation nor closure within {timeout_s} s"
        if not self.unasked_messages:
            return late
        return (
            f"{late}: {self.unasked_messages} messages came, but the server also sends such messages unasked; if it "
            "never answers otherwise, wait for a pong instead (confirm='ping')"
        )


async def _over(connection: RecordingConnection, within_s: float | None) -> None:
    """Wait for the connection's end; after `within_s`, end it."""
    try:
        async with asyncio.timeout(within_s):
            await connection.wait_closed()
    except TimeoutError:
        connection.abort()
        await connection.wait_closed()


async def _settled(connection: RecordingConnection, refuses_within_s: float) -> None:
    """Return once the server has had time to refuse: some time after its pong, or without one."""
    with contextlib.suppress(Exception):  # the receiving side sees the connection's end
        async with asyncio.timeout(PONG_WITHIN_S):
            await (await connection.ping())
    await asyncio.sleep(refuses_within_s)
