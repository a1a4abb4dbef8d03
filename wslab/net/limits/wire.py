"""An open WebSocket driven by hand: it sends half a frame as readily as a whole one, and keeps all that came back.

Nothing here knows about limits. One coroutine drives a `Wire`; a task of its own reads meanwhile, so that what the
server says while it is still being sent to is seen at once and never lost.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterable
from itertools import cycle
from typing import Literal

from websockets.frames import Opcode

from wslab.net.frames import control_frame, text_frame
from wslab.net.limits.answers import AnswerReader, ReadingBudget
from wslab.net.limits.tcp import TcpStream

CLOSE_NORMALLY = b"\x03\xe8"
SLICES = 4
MAX_LAG_S = 0.002
LATE_SLICE = 0.25
"""What a slice of waiting counts in which this very process was not served in time: it says little of the server."""

_RESET_TAKES_S = 1.0
_FAREWELL_S = 0.05

Sending = Literal["taken", "failed", "blocked"]


class Wire:
    """One connection after its opening handshake.

    Fields:
        answers: what has been received. deflate: permessage-deflate was agreed.
        sent_bytes: of frames, headers and masks included. bytes_per_s: sends no faster, on average.
        is_whole: the last frame was sent to its end, so that another may follow.
        messages: sent or begun. opened_at_s: on the loop's clock.
        active_at_s: when anything but its end last went over it.
        spoke_at_s: when a whole message first came from the server since this was last set to None.
    """

    def __init__(
        self,
        stream: TcpStream,
        early: bytes,
        *,
        allowance: ReadingBudget | None = None,
        deflate: bool = False,
        bytes_per_s: float = math.inf,
    ) -> None:
        self.answers = AnswerReader(deflate=deflate, allowance=allowance)
        self.deflate = deflate
        self.sent_bytes = self.messages = 0
        self.is_whole = True
        self.opened_at_s = self.active_at_s = asyncio.get_running_loop().time()
        self.over_at_s: float | None = None
        self.spoke_at_s: float | None = None
        self._stream = stream
        self._bytes_per_s = bytes_per_s
        self._pings = cycle(bytes([number]) for number in range(256))
        self._news = asyncio.Event()
        self._over = asyncio.Event()
        self._reading = asyncio.create_task(self._read(early))

    @property
    def tcp_ended(self) -> bool:
        return self._stream.end is not None

    @property
    def was_reset(self) -> bool:
        return self._stream.end == "reset"

    @property
    def has_ended(self) -> bool:
        """A close frame came, or the end of TCP, or what is no frame, or too much."""
        return self.tcp_ended or self.answers.is_over

    async def until(
        self, settled: Callable[[], bool], timeout_s: float, progress: Callable[[], int] | None = None
    ) -> bool:
        """Wait until `settled` or the end of the connection, at most `timeout_s`, anew whenever `progress` grows.

        On a machine that is too busy to wake this process in time it waits longer, up to four times.
        """
        loop = asyncio.get_running_loop()
        slice_s = timeout_s / SLICES
        seen, left, due = -1, 0.0, 0.0
        while not settled() and not self.has_ended:
            now_seen = progress() if progress is not None else 0
            if now_seen != seen:
                seen, left, due = now_seen, SLICES, loop.time() + slice_s
            self._news.clear()
            try:
                async with asyncio.timeout_at(due):
                    await self._news.wait()
            except TimeoutError:
                left -= 1.0 if loop.time() - due < MAX_LAG_S else LATE_SLICE
                if left <= 0:
                    break
                due = loop.time() + slice_s
            await self._answer()
        return settled()

    async def rest(self, seconds: float) -> None:
        """Leave the connection alone for so long, or until it ends."""
        if seconds > 0:
            await self.until(_never, seconds)

    async def send(self, parts: Iterable[bytes], stall_s: float, *, bytes_per_s: float = math.inf) -> bool:
        """Send a frame, or a beginning of one, part by part; stop at the connection's end.

        Returns:
            Whether all was handed to the kernel: False where the connection ended, or where the server took nothing
            for `stall_s`.
        """
        self.is_whole = False
        pace = min(bytes_per_s, self._bytes_per_s)
        for part in parts:
            if self.has_ended or await self._send_part(part, stall_s) != "taken":
                return False
            if pace < math.inf:
                await self.rest(len(part) / pace)
            await asyncio.sleep(0)  # at least, let the reader have its turn
        self.is_whole = True
        return True

    async def announce(self, parts: Iterable[bytes], stall_s: float) -> bool:
        """Send the beginning of a frame that will not be completed."""
        sent = await self.send(parts, stall_s)
        self.is_whole = False
        return sent

    async def send_regardless(self, parts: Iterable[bytes], stall_s: float) -> Sending:
        """Send all of it, whatever the server says meanwhile, as a client does that has much left to send."""
        self.is_whole = False
        for part in parts:
            sending = await self._send_part(part, stall_s, heed_end=False)
            if sending != "taken":
                return sending
            if self._bytes_per_s < math.inf:
                await asyncio.sleep(len(part) / self._bytes_per_s)
        return "taken"

    async def ping(self, stall_s: float) -> Callable[[], bool]:
        """Send a ping of one byte; return whether it has been answered, as a question to be asked later."""
        payload = next(self._pings)
        self.answers.awaited.add(payload)
        self.answers.pongs.discard(payload)
        await self.send([control_frame(Opcode.PING, payload)], stall_s)
        return lambda: payload in self.answers.pongs

    async def end_of_tcp(self, wait_s: float) -> None:
        """Tell the other side that nothing more will come, and wait for its end."""
        self._stream.half_close()
        await asyncio.wait({self._reading}, timeout=wait_s)

    async def leave(self) -> None:
        """Close, with a closing handshake where one is possible, and wait for it only briefly."""
        try:
            if self.is_whole and not self.has_ended:
                await self._send_part(control_frame(Opcode.CLOSE, CLOSE_NORMALLY), _FAREWELL_S)
                await asyncio.wait({self._reading}, timeout=_FAREWELL_S)
        finally:  # also where the search's time is up in the middle of the farewell
            self._reading.cancel()
            try:
                await asyncio.wait({self._reading})
            finally:
                self._stream.close()

    async def _read(self, data: bytes) -> None:
        while True:
            said = self.answers.said
            self.answers.feed(data)
            if self.spoke_at_s is None and self.answers.said > said:
                self.spoke_at_s = asyncio.get_running_loop().time()
            if self.has_ended:
                self._note_end()
            elif data:
                self.active_at_s = asyncio.get_running_loop().time()
            self._news.set()
            if self.answers.allowance.excess is not None:
                return
            await asyncio.sleep(0)  # the socket may have more at once, for ever: let the others have their turn
            data = await self._stream.receive()
            if not data:
                self._note_end()
                self._news.set()
                return

    def _note_end(self) -> None:
        if not self._over.is_set():
            self.over_at_s = asyncio.get_running_loop().time()
        self._over.set()

    async def _send_part(self, part: bytes, stall_s: float, *, heed_end: bool = True) -> Sending:
        sending = asyncio.ensure_future(self._stream.send(part))
        over = asyncio.ensure_future(self._over.wait())
        try:
            awaited = {sending, over} if heed_end else {sending}
            await asyncio.wait(awaited, timeout=stall_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            over.cancel()
            if not sending.done():
                sending.cancel()
        if not sending.done() or sending.cancelled():
            await asyncio.wait({sending})
            return "blocked"
        if sending.exception() is not None:
            await asyncio.wait({self._reading}, timeout=_RESET_TAKES_S)  # what came before the reset is still there
            return "failed"
        self.sent_bytes += len(part)
        self.active_at_s = asyncio.get_running_loop().time()
        return "taken"

    async def _answer(self) -> None:
        """Send what is due between messages: a pong, and what the application's own heartbeat wants."""
        if self.is_whole and self.answers.ping is not None and not self.has_ended:
            payload, self.answers.ping = self.answers.ping, None
            await self._send_part(control_frame(Opcode.PONG, payload), _FAREWELL_S)
        while self.is_whole and self.answers.to_say and not self.has_ended:
            await self._send_part(text_frame(self.answers.to_say.popleft()), _FAREWELL_S)


def _never() -> bool:
    return False
