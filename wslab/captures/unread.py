"""What one side of a captured connection sent and nothing has read yet, with the time of each part."""

from __future__ import annotations

import re
from collections.abc import Iterator

from wslab.net.heads import HeadError, ResponseHead, read_response

MAX_LINE_BYTES = 4096
"""How far back the first line of an HTTP head is looked for."""

_REQUEST = re.compile(rb"(?:GET|POST|PUT|HEAD|OPTIONS|PATCH|DELETE|CONNECT) [^ \r\n]+ HTTP/1\.[01]\r?\n")
_RESPONSE = re.compile(rb"HTTP/1\.[01] [1-5]\d\d[ \r]")

MAX_UNREAD_BYTES = 2**18


class Unread:
    """Bytes in order; at most the last `MAX_UNREAD_BYTES` of them."""

    def __init__(self) -> None:
        self.content = b""
        self._parts: list[tuple[int, int]] = []  # when the part came, and its length

    def add(self, at_ns: int, data: bytes) -> None:
        if data:
            self.content += data
            self._parts.append((at_ns, len(data)))
            self.keep_last(MAX_UNREAD_BYTES)

    def at_ns(self, offset: int) -> int:
        """Return when the byte at `offset` came."""
        for at_ns, length in self._parts:
            offset -= length
            if offset < 0:
                return at_ns
        return self._parts[-1][0] if self._parts else 0

    def find_request(self) -> int | None:
        """Return where a request begins, or None."""
        begin = _REQUEST.search(self.content)
        return None if begin is None else begin.start()

    def find_response(self) -> tuple[int, ResponseHead] | None:
        """Return the next response head and where it begins. A body of unknown length may contain false ones."""
        for begin in _RESPONSE.finditer(self.content):
            try:
                response = read_response(self.content[begin.start() :])
            except HeadError:
                continue
            return None if response is None else (begin.start(), response)
        self.keep_last(MAX_LINE_BYTES)
        return None

    def drop(self, dropped_bytes: int) -> None:
        self.content = self.content[dropped_bytes:]
        while self._parts and dropped_bytes > 0:
            at_ns, length = self._parts[0]
            if length > dropped_bytes:
                self._parts[0] = at_ns, length - dropped_bytes
                return
            del self._parts[0]
            dropped_bytes -= length

    def keep_last(self, kept_bytes: int) -> None:
        if len(self.content) > kept_bytes:
            self.drop(len(self.content) - kept_bytes)

    def take(self) -> Iterator[tuple[int, bytes]]:
        """Yield the remaining parts, and forget them."""
        at, content, parts = 0, self.content, self._parts
        self.clear()
        for at_ns, length in parts:
            yield at_ns, content[at : at + length]
            at += length

    def clear(self) -> None:
        self.content, self._parts = b"", []

    @property
    def part_count(self) -> int:
        return len(self._parts)
