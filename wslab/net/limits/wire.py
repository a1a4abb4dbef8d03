"""An open WebSocket driven by hand: it sends half a frame as readily as a whole one, and keeps all that came back.

Nothing here knows about limits. One coroutine drives a `Wire`; a task of its own reads meanwhile, so that what the
server says while it is still being sent to is seen at once and never lost.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
from collections.abc import Callable, Iterable

from websockets.frames import Opcode

from wslab.core.limits.verdicts import AfterRefusal
from wslab.net.frames import control_frame
from wslab.net.limits.answers import FrameReader
from wslab.net.limits.tcp import TcpStream

CLOSE_NORMALLY = b"\x03\xe8"
SLICES = 4
MAX_LAG_S = 0.002
LATE_SLICE = 0.25
"""What a slice of waiting counts in which this very process was not served in time: it says little of the server."""

_RESET_TAKES_S = 1.0
_FAREWELL_S = 0.05


class Wire:
    """One connection after its opening handshake.

    Fields:
        frames: what has been received. deflate: permessage-deflate was agreed.
        sent_bytes: of frames, headers and masks included. bytes_per_s: sends no faster, on average.
        is_whole: the last frame was sent to its end, so that another may follow.
    """

    def __init__(
        self, stream: TcpStream, early: bytes, *, fill: bytes, deflate: bool, bytes_per_s: float = math.inf
    ) -> None:
        self.frames = FrameReader(fill, deflate=deflate)
        self.deflate = deflate
        self.sent_bytes = 0
        self.received_bytes = 0
        self.is_whole = True
        self.reads_on_briefly = False
        self._stream = stream
        self._bytes_per_s = bytes_per_s
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
        """A close frame came, or the end of TCP, or what is no frame."""
        return self.tcp_ended or self.frames.close is not None or self.frames.violation is not None

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
            await self._answer_pings()
        return settled()

    async def send(self, parts: Iterable[bytes], stall_s: float) -> bool:
        """Send a frame, or a beginning of one, part by part; stop at the connection's end.

        Returns:
            Whether all was handed to the kernel: False where the connection ended, or where the server took nothing
            for `stall_s`.
        """
        self.is_whole = False
        for part in parts:
            if self.has_ended or not await self._send_part(part, stall_s):
                return False
            await asyncio.sleep(len(part) / self._bytes_per_s)  # at least, let the reader have its turn
        self.is_whole = True
        return True

    async def announce(self, parts: Iterable[bytes], stall_s: float) -> bool:
        """Send the beginning of a frame that will not be completed."""
        sent = await self.send(parts, stall_s)
        self.is_whole = False
        return sent

    async def ping(self, stall_s: float) -> Callable[[], bool]:
        """Send a ping; return whether it has been answered, as a question to be asked later."""
        payload = os.urandom(4)
        await self.send([control_frame(Opcode.PING, payload)], stall_s)
        return lambda: payload in self.frames.pongs

    async def what_follows(self, announced_bytes: int, *, wait_s: float, hold_s: float) -> AfterRefusal:
        """Find out what the server does after it has refused a message and before it was told that we know.

        Args:
            announced_bytes: how much of the refused message's payload is not sent yet.
            wait_s: how long a RST may take. hold_s: how long a server that reads on may take to end TCP.

        Two small pieces are sent: where the server has closed TCP, the first meets a RST and the second an error.
        Where both are taken, the end of our side tells a server that reads on from one that does not.
        `reads_on_briefly` is set where the server takes the first piece and then closes TCP by itself.
        """
        pieces = [b"\x00"] * min(2, announced_bytes) or [control_frame(Opcode.PING)] * 2
        for piece in pieces * (2 // len(pieces)):
            await self._send_part(piece, wait_s, heed_end=False)
            if self._reading.done():  # TCP was half-closed, or ended: a RST shows in sending only
                await asyncio.sleep(wait_s)
            else:
                await asyncio.wait({self._reading}, timeout=wait_s)
        if self.was_reset:
            return "reset"
        farewell = control_frame(Opcode.CLOSE, CLOSE_NORMALLY) if announced_bytes == 0 else b"\x00"
        await self._send_part(farewell, wait_s, heed_end=False)
        self.reads_on_briefly = self.was_reset
        self._stream.half_close()
        await asyncio.wait({self._reading}, timeout=hold_s)
        if self.was_reset and not self.reads_on_briefly:
            return "reset"
        return "drain" if self.tcp_ended else "hold"

    async def leave(self) -> None:
        """Close, with a closing handshake where one is possible, and wait for it only briefly."""
        if self.is_whole and not self.has_ended:
            await self._send_part(control_frame(Opcode.CLOSE, CLOSE_NORMALLY), _FAREWELL_S)
            await asyncio.wait({self._reading}, timeout=_FAREWELL_S)
        self._reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._reading
        self._stream.close()

    async def _read(self, data: bytes) -> None:
        while True:
            self.received_bytes += len(data)
            self.frames.feed(data)
            if self.has_ended:
                self._over.set()
            self._news.set()
            await asyncio.sleep(0)  # the socket may have more at once, for ever: let the others have their turn
            data = await self._stream.receive()
            if not data:
                self._over.set()
                self._news.set()
                return

    async def _send_part(self, part: bytes, stall_s: float, *, heed_end: bool = True) -> bool:
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
            return False
        if sending.exception() is not None:
            await asyncio.wait({self._reading}, timeout=_RESET_TAKES_S)  # what came before the reset is still there
            return False
        self.sent_bytes += len(part)
        return True

    async def _answer_pings(self) -> None:
        while self.is_whole and self.frames.pings and not self.has_ended:
            await self._send_part(control_frame(Opcode.PONG, self.frames.pings.pop()), _FAREWELL_S)
