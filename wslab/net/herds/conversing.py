"""A held connection that speaks: the target's greeting first, then its standing answers."""

from __future__ import annotations

import contextlib
from typing import Protocol

from websockets.frames import Opcode

from wslab.core.target import CLIENT
from wslab.net.frames import FrameHeader, text_frame
from wslab.net.herds.attempt import Opening
from wslab.net.herds.destination import Destination
from wslab.net.herds.held import MAX_HEARD_BYTES, Closing, Held, HeldKeeper
from wslab.net.herds.readiness import Deadlines


class ConversingKeeper(HeldKeeper, Protocol):
    """The owner of such a connection."""

    destination: Destination
    greetings: Deadlines

    def not_greeted(self, awaited: str) -> None:
        """Called when a step of the greeting was not answered in time; the connection stays open."""


class Conversing(Held):
    """A `Held` connection for targets with a greeting or answers; it takes a few hundred bytes more."""

    __slots__ = ("_message", "_steps", "host")

    def __init__(self, keeper: ConversingKeeper, opening: Opening, outages: int) -> None:
        super().__init__(keeper, opening, outages)
        self.host = keeper
        self._steps = list(keeper.destination.greeting)
        self._message = b""

    @property
    def hears(self) -> bool:  # type: ignore[override]
        return bool(self._steps or self.host.destination.answers) and self.closing is None

    def begin(self) -> None:
        self._go_on()
        super().begin()

    def expired(self) -> None:
        if self.closing is not None:
            super().expired()
        elif self._steps:
            self.host.not_greeted(self._steps[0].text)
            self._steps.clear()

    def _go_on(self) -> None:
        """Say the next steps, up to one that awaits a message."""
        self.host.greetings.end(self)
        while self._steps and self._steps[0].kind == "say":
            self._say(self._steps.pop(0).text)
        if self._steps:
            self.host.greetings.begin(self, self.host.loop.now())

    def _say(self, text: str) -> None:
        with contextlib.suppress(OSError):  # TCP has ended, as the next read will show
            self._send(text_frame(text.replace(CLIENT, str(self.client))))

    def _hear(self, header: FrameHeader, payload: bytes) -> None:
        self._message = (payload if header.opcode != Opcode.CONT else self._message + payload)[:MAX_HEARD_BYTES]
        if not header.final:
            return
        message, self._message = self._message.decode(errors="replace"), b""
        answer = self.host.destination.answers.get(message)
        if answer is not None:
            self._say(answer)
        elif self._steps and self._steps[0].text.replace(CLIENT, str(self.client)) in message:
            del self._steps[0]
            self._go_on()

    def _begin_closing(self) -> Closing:
        self.host.greetings.end(self)
        return super()._begin_closing()
