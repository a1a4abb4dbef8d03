"""Previews of payloads that pass a relay: their beginnings as text, inflated if they are compressed."""

from __future__ import annotations

from wslab.core.bounds import MAX_CONTROL_BYTES
from wslab.core.printable import printable
from wslab.net.frames import FrameError
from wslab.net.inflating import Inflater

PREVIEW_BYTES = MAX_CONTROL_BYTES
HEX_BYTES = 24
MAX_INFLATED_BYTES = 2**24
"""The most that a message may inflate to for display; a larger one is shown compressed, and so are later messages that
refer to it."""


def shown(payload: bytes, *, is_text: bool = True) -> str:
    r"""Return the beginning of a payload as text that is safe to show, or as hexadecimal digits if it is no text.

    >>> shown(b"hi \x1b[31m"), shown(b"hi", is_text=False), shown(bytes([0xff, 1]))
    ('hi \\x1b[31m', '68 69', 'ff 01')
    """
    if is_text:
        try:
            return printable(payload.decode())
        except UnicodeDecodeError as error:
            if error.start >= len(payload) - 3 and len(payload) == PREVIEW_BYTES:  # it is cut there
                return printable(payload[: error.start].decode())
    return payload[:HEX_BYTES].hex(" ")


class Inflation:
    """Inflates the messages of one direction, as far as they are shown."""

    def __init__(self, takeover: bool) -> None:
        self._takeover = takeover
        self._inflater: Inflater | None = Inflater(takeover=takeover)
        self._compressed = self._is_text = False
        self._inflated_bytes = 0
        self._shown = b""

    def begin(self, *, compressed: bool, is_text: bool) -> None:
        """Begin a message."""
        self._compressed, self._is_text = compressed, is_text
        self._inflated_bytes, self._shown = 0, b""
        if not self._takeover:
            self._inflater = Inflater(takeover=False)

    def look(self, piece: bytes, *, ends: bool) -> str | None:
        """Take a piece of its payload, and return the preview so far; None if only the bytes can be shown."""
        if not self._compressed or self._inflater is None:
            return None
        try:
            for content in self._inflater.feed(piece, ends=ends):
                self._inflated_bytes += len(content)
                self._shown = (self._shown + content[:PREVIEW_BYTES])[:PREVIEW_BYTES]
                if self._inflated_bytes > MAX_INFLATED_BYTES:
                    self._inflater = None
                    break
        except FrameError:
            self._inflater = None
        return shown(self._shown, is_text=self._is_text) if self._shown else None
