"""What a server answers, read from its frames without holding a payload: a reader that only counts. No I/O."""

from __future__ import annotations

from websockets.frames import Opcode

from wslab.core.records import Close
from wslab.net.frames import FrameError, FrameStream, Inflater, Piece, encode_header, read_close


class FrameReader:
    """Reads what a server sends, and keeps counts instead of payloads.

    Fields:
        echoed_bytes: payload, after inflation, of frames that hold nothing but bytes of `fill`.
        own_messages: data messages that hold something else, or nothing.
        pongs: payloads of the pongs received. pings: those of pings not yet taken.
        close: the close frame; close_bytes: the frame as it came. Nothing after it is read.
        violation: what was no frame of a server; nothing after it is read.
    """

    def __init__(self, fill: bytes, *, deflate: bool = False) -> None:
        self.fill = fill
        self.echoed_bytes = 0
        self.own_messages = 0
        self.pongs: list[bytes] = []
        self.pings: list[bytes] = []
        self.close: Close | None = None
        self.close_bytes = b""
        self.violation: str | None = None
        self._frames = FrameStream("server", deflate=deflate)
        self._inflater = Inflater()
        self._compressed = False
        self._message_bytes = self._foreign_bytes = 0

    def feed(self, data: bytes) -> None:
        """Read on with what has arrived."""
        if self.violation is not None:
            return
        try:
            for piece in self._frames.feed(data):
                if piece.header.is_control:
                    self._note_control(piece)
                else:
                    self._note_data(piece)
        except FrameError as error:
            self.violation = str(error)

    def _note_control(self, piece: Piece) -> None:
        opcode, payload = piece.header.opcode, piece.payload
        if opcode == Opcode.CLOSE:
            self.close, self.close_bytes = read_close(payload).close, encode_header(opcode, len(payload)) + payload
        else:
            (self.pings if opcode == Opcode.PING else self.pongs).append(payload)

    def _note_data(self, piece: Piece) -> None:
        if piece.begins and piece.header.opcode != Opcode.CONT:
            self._compressed = piece.header.rsv1
            self._message_bytes = self._foreign_bytes = 0
        ends = piece.ends and piece.header.final
        for content in self._inflater.feed(piece.payload, ends=ends) if self._compressed else [piece.payload]:
            self._message_bytes += len(content)
            if sum(map(content.count, {bytes([byte]) for byte in self.fill})) == len(content):
                self.echoed_bytes += len(content)
            else:
                self._foreign_bytes += len(content)
        if ends and (self._foreign_bytes or not self._message_bytes):
            self.own_messages += 1
