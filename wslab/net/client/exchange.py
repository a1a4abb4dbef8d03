"""One message on its way, and what became of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Literal

from wslab.core.errors import in_words
from wslab.core.records import SendOutcome
from wslab.net.client.connection import RecordingConnection
from wslab.net.recording import Recorder

Confirmation = Literal["reply", "ping", "none"]


@dataclass
class Exchange:
    """A message that is being sent; its fields say what came of it, also while it is on its way."""

    recorder: Recorder
    outcome: SendOutcome = "unopened"
    fragment_count: int = 1
    wire_bytes: int = 0
    sent_at_s: float | None = None
    confirmed_at_s: float | None = None
    reply_bytes: int | None = None
    error: str | None = None

    async def conduct(
        self,
        connection: RecordingConnection,
        payload: str | bytes,
        fragment_bytes: int | None,
        confirm: Confirmation,
        timeout_s: float,
    ) -> None:
        wire_before = connection.sent_wire_bytes
        self.outcome, self.error = "interrupted", None  # until something else comes of it
        try:
            async with asyncio.timeout(timeout_s):
                await self._send(connection, payload, fragment_bytes)
                self.sent_at_s = self.recorder.now()
                self.wire_bytes = connection.sent_wire_bytes - wire_before
                await self._confirm(connection, confirm)
                self.outcome, self.error = "unconfirmed" if confirm == "none" else "accepted", None
        except TimeoutError:
            self.outcome, self.error = "timeout", f"neither confirmation nor closure within {timeout_s} s"
        except Exception as failure:  # ConnectionClosed, and whatever else the library raises once TCP has ended
            self.outcome, self.error = "closed", in_words(failure)
            await connection.wait_closed()
        self.wire_bytes = self.wire_bytes or connection.sent_wire_bytes - wire_before

    async def _send(self, connection: RecordingConnection, payload: str | bytes, fragment_bytes: int | None) -> None:
        if fragment_bytes is None:
            await connection.send(payload)
            return
        chunks = cut(payload, fragment_bytes)
        self.fragment_count = len(chunks)
        await connection.send_fragments(chunks, text=isinstance(payload, str))

    async def _confirm(self, connection: RecordingConnection, confirm: Confirmation) -> None:
        if confirm == "reply":
            self.reply_bytes = len(await connection.recv(decode=False))
        elif confirm == "ping":
            await (await connection.ping())
        else:
            return
        self.confirmed_at_s = self.recorder.now()


def cut(payload: str | bytes, fragment_bytes: int) -> list[bytes]:
    """Return the payload's bytes in pieces of at most so many; an empty one is one empty piece."""
    whole = encoded(payload)
    return [whole[i : i + fragment_bytes] for i in range(0, len(whole), fragment_bytes)] or [b""]


def encoded(payload: str | bytes) -> bytes:
    return payload.encode() if isinstance(payload, str) else payload
