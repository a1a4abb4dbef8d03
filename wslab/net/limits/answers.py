"""What a server answers, read from its frames without holding a payload: a reader that counts and compares. No I/O.

Whatever a peer sends, and for however long, reading it costs no more memory than a chunk of it, and ends at a bound.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from websockets.frames import Opcode

from wslab.core.limits.likeness import MAX_REPLY_CHARACTERS, kind_of, reply_text
from wslab.core.records import Close
from wslab.net.close_bodies import read_close
from wslab.net.frames import FrameError, FrameHeader, FrameStream, Piece, encode_header
from wslab.net.inflating import Inflater
from wslab.net.limits.offers import Piece as PieceOf

MAX_REPLIES = 4
"""Of a trial, whose words are kept."""

_HEAD_BYTES = 4 * MAX_REPLY_CHARACTERS
_LISTEN_BYTES = 2**16
_MAX_TO_SAY = 16


@dataclass(slots=True)
class ReadingBudget:
    """How much may still be read in a whole search, and, once it is used up, of what there was too much."""

    bytes: int
    frames: int = 4_000_000
    control_frames: int = 10_000
    messages: int = 50_000
    excess: str | None = None

    def spend(self, *, received_bytes: int = 0, frames: int = 0, messages: int = 0, control: str | None = None) -> None:
        self.bytes -= received_bytes
        self.frames -= frames
        self.messages -= messages
        self.control_frames -= control is not None
        if self.excess is not None:
            return
        if self.control_frames < 0:
            self.excess = f"It floods the connection with {control}s"
        elif self.frames < 0:
            self.excess = "It sends fragments without an end"
        elif self.messages < 0:
            self.excess = "It floods the connection with messages"
        elif self.bytes < 0:
            self.excess = "It sends without an end"

    def check(self, header: FrameHeader) -> None:
        """Refuse a frame that would use it up, before its payload comes."""
        if self.excess is None and header.payload_bytes > max(self.bytes, 2**16):
            self.excess = f"It announces a frame of {header.payload_bytes:,} bytes"


class AnswerReader:
    """Reads what a server sends, and keeps counts instead of payloads.

    Fields:
        echoed_bytes: payload, after inflation, of whole messages that repeat what is expected.
        matching_bytes: the same, and of the message that is coming in.
        own_messages: other data messages. replies: what the first of them say.
        to_say: texts that are due, see `answer_always`.
        pongs: the pings that were answered, of those in `awaited`. ping: the last one that was not answered yet.
        close: the close frame; close_bytes: the frame as it came; close_fault: the rule that it breaks. Nothing after
            it is read.
        violation: what was no frame of a server; nothing after it is read.
        allowance: nothing more is read once it is used up.
    """

    def __init__(self, *, deflate: bool = False, allowance: ReadingBudget | None = None) -> None:
        self.allowance = allowance or ReadingBudget(bytes=2**30)
        self.echoed_bytes = self.own_messages = 0
        self.replies: list[str] = []
        self.to_say: deque[str] = deque(maxlen=_MAX_TO_SAY)
        self.awaited: set[bytes] = set()
        self.pongs: set[bytes] = set()
        self.ping: bytes | None = None
        self.close: Close | None = None
        self.close_bytes = b""
        self.close_fault: str | None = None
        self.violation: str | None = None
        self._frames = FrameStream("server", deflate=deflate)
        self._inflater = Inflater()
        self._compressed = self._is_text = False
        self._expected: tuple[int, PieceOf] | None = None
        self._echo_at = self._message_bytes = 0
        self._matches = False
        self._head = bytearray()
        self._listening_for: set[bytes] = set()
        self._heard: set[bytes] = set()
        self._standing: Mapping[str, str] = {}
        self._chatter: Collection[str] = ()

    def listen_for(self, texts: Iterable[str]) -> None:
        """Note from now on when a message comes that holds one of these texts in its first 64 KiB."""
        self._listening_for = {text.encode() for text in texts}
        self._heard.clear()

    def heard(self, text: str) -> Callable[[], bool]:
        """Return whether a message with this text has come, as a question for later."""
        return lambda: text.encode() in self._heard

    def answer_always(self, standing: Mapping[str, str]) -> None:
        """Note what is `to_say` whenever such a text comes, which is no reply then."""
        self._standing = standing

    def disregard(self, chatter: Collection[str]) -> None:
        """Take messages of these kinds (`wslab.core.limits.likeness.kind_of`) for no reply from now on."""
        self._chatter = chatter

    @property
    def matching_bytes(self) -> int:
        return self.echoed_bytes + (self._message_bytes if self._matches else 0)

    @property
    def said(self) -> int:
        """Grows with each whole message."""
        return self.echoed_bytes + self.own_messages

    @property
    def is_over(self) -> bool:
        """Nothing more is read."""
        return self.close is not None or self.violation is not None or self.allowance.excess is not None

    def expect(self, payload_bytes: int, piece: PieceOf | None) -> None:
        """Take whole messages that together repeat this one as its echo, from now on, and forget what was said.

        Without a piece no echo is expected, and whatever comes is a message of the server's own.
        """
        self._expected = None if piece is None else (payload_bytes, piece)
        self._echo_at = 0
        self.replies.clear()

    def feed(self, data: bytes) -> None:
        """Read on with what has arrived."""
        if self.is_over:
            return
        self.allowance.spend(received_bytes=len(data))
        try:
            for piece in self._frames.feed(data):
                if piece.begins:
                    self.allowance.spend(frames=1)
                    self.allowance.check(piece.header)
                if self.allowance.excess is not None:
                    return
                if piece.header.is_control:
                    self._note_control(piece)
                else:
                    self._note_data(piece)
        except FrameError as error:
            self.violation = str(error)

    def _note_control(self, piece: Piece) -> None:
        opcode, payload = piece.header.opcode, piece.payload
        if opcode == Opcode.CLOSE:
            body = read_close(payload)
            self.close, self.close_bytes = body.close, encode_header(opcode, len(payload)) + payload
            self.close_fault = None if body.error is None else str(body.error)
        elif opcode == Opcode.PING:
            self.allowance.spend(control="ping")
            self.ping = payload  # of several it is enough to answer the last (RFC 6455 §5.5.3)
        elif payload in self.awaited:
            self.pongs.add(payload)
        else:
            self.allowance.spend(control="pong")

    def _note_data(self, piece: Piece) -> None:
        if piece.begins and piece.header.opcode != Opcode.CONT:
            self._compressed, self._is_text = piece.header.rsv1, piece.header.opcode == Opcode.TEXT
            self._message_bytes, self._matches = 0, self._expected is not None
            self._head.clear()
        ends = piece.ends and piece.header.final
        for content in self._inflater.feed(piece.payload, ends=ends) if self._compressed else [piece.payload]:
            self.allowance.spend(received_bytes=len(content) if self._compressed else 0)
            self._compare(content)
            if self.allowance.excess is not None:
                return
        if ends:
            self._note_message()

    def _compare(self, content: bytes) -> None:
        if self._matches and self._expected is not None:
            payload_bytes, piece = self._expected
            at = self._echo_at + self._message_bytes
            self._matches = at + len(content) <= payload_bytes and piece(at, len(content)) == content
        kept_bytes = _LISTEN_BYTES if self._listening_for else _HEAD_BYTES
        if len(self._head) < kept_bytes:
            self._head += content[: kept_bytes - len(self._head)]
        self._message_bytes += len(content)

    def _note_message(self) -> None:
        self._heard |= {text for text in self._listening_for if text in self._head}
        said = self._standing.get(self._head.decode(errors="replace")) if self._standing else None
        if said is not None:
            self.to_say.append(said)
        elif self._matches and self._message_bytes and self._expected is not None:
            self.echoed_bytes += self._message_bytes
            self._echo_at = (self._echo_at + self._message_bytes) % self._expected[0]
        else:
            self.allowance.spend(messages=1)
            self._note_reply(reply_text(bytes(self._head), is_text=self._is_text))
        self._matches, self._message_bytes = False, 0

    def _note_reply(self, reply: str) -> None:
        if self._chatter and kind_of(reply, "words") in self._chatter:
            return
        self.own_messages += 1
        if len(self.replies) < MAX_REPLIES:
            self.replies.append(reply)
