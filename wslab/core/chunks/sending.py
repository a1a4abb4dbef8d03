"""The chunk protocol, sending side: one large content as many small messages, each of which says where it belongs.

Smaller frames do not avoid a limit on messages (1009), since they are reassembled before they are counted; smaller
messages do. RFC 6455 has no way to link messages, so the application must do it:

    sender                              receiver
    Offer(upload, length, digest)  →    what do you have of it?
                                   ←    Missing(these numbers)
    Chunk(the same, and number)    →    as many as the window allows, in any order
                                   ←    Kept(number), one per chunk
                                   ←    Done: complete, its digest right, and handed to the application

Every message is binary: a CRC-32 of the rest (4 bytes), a header in JSON, a newline, the chunk's bytes. Each gets
exactly one answer. The sender keeps no state between connections: after a closure it offers the same upload again, and
the receiver (`wslab.core.chunks.inbox`) says what is missing. There is no I/O here; see `wslab.net.chunks`.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator
from itertools import chain
from typing import Annotated

import msgspec
from msgspec import Meta

from wslab.core.arguments import check_whole
from wslab.core.errors import BadTypeError, BadValueError, DamagedMessageError, UploadRefusedError

MIN_MESSAGE_BYTES = 1024
MAX_ROUNDS_WITHOUT_PROGRESS = 3
DEFLATE_MAY_ADD = 16
"""permessage-deflate lengthens incompressible content, by less than a sixteenth at any of zlib's memory levels; and
some servers count the bytes of a frame on the wire."""
_CRC_BYTES = 4
_MAX_HEADER_BYTES = 16_384

Count = Annotated[int, Meta(ge=0, lt=2**53)]  # larger ones are not exact in every JSON reader
UploadId = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9_.:-]{1,64}\Z")]


class Header(msgspec.Struct, frozen=True, kw_only=True, tag_field="is"):
    """The base of all headers, of either side."""


class Offer(Header, frozen=True, kw_only=True, tag="offer"):
    """Sender: this is the upload; what are you missing?

    Fields:
        upload: the name under which it is resumed, and accepted once.
        total_bytes: of the content. chunk_bytes: of each chunk except the last, which may be shorter.
        digest: SHA-256 of the content, as `sha256sum` prints it.
    """

    upload: UploadId
    total_bytes: Count
    chunk_bytes: Annotated[int, Meta(ge=1, lt=2**53)]
    digest: Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]

    @property
    def chunk_count(self) -> int:
        return -(-self.total_bytes // self.chunk_bytes)

    @property
    def grid(self) -> tuple[str, int, int]:
        """The values that chunks of the same upload share."""
        return self.digest, self.total_bytes, self.chunk_bytes


class Chunk(Offer, frozen=True, kw_only=True, tag="chunk"):
    """Sender: the bytes from `number * chunk_bytes` on. It repeats the offer, so that order does not matter."""

    number: Count


class Missing(Header, frozen=True, kw_only=True, tag="missing"):
    """Receiver: the number of missing chunks, and the first of them as ranges (first, last + 1)."""

    upload: str
    chunks: Count
    ranges: list[tuple[Count, Count]]


class Kept(Header, frozen=True, kw_only=True, tag="kept"):
    """Receiver: this chunk is here, possibly since earlier."""

    upload: str
    number: Count


class Done(Header, frozen=True, kw_only=True, tag="done"):
    """Receiver: the upload is complete, its digest is right, the application has it. It is not accepted again."""

    upload: str


class Refused(Header, frozen=True, kw_only=True, tag="refused"):
    """Receiver: the upload is not accepted. `is_retryable`: it may be later."""

    upload: str
    reason: str
    is_retryable: bool


class Damaged(Header, frozen=True, kw_only=True, tag="damaged"):
    """Receiver: a message arrived damaged; it is unknown which, so the next offer finds it missing."""

    reason: str


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Offer | Chunk | Missing | Kept | Done | Refused | Damaged).decode


def encode(header: Header, data: bytes | memoryview = b"") -> bytes:
    """Return the message with this header and data."""
    head = _encode(header) + b"\n"
    return b"".join((zlib.crc32(data, zlib.crc32(head)).to_bytes(_CRC_BYTES, "big"), head, data))


def decode(message: str | bytes) -> tuple[Header, memoryview]:
    """Return the header and the data of a message.

    Raises:
        DamagedMessageError: it was damaged, or does not belong to this protocol; the message says what is wrong.

    >>> decode(encode(Kept(upload="a", number=3), b"xyz"))[0]
    Kept(upload='a', number=3)
    >>> decode(b"hello")
    Traceback (most recent call last):
    ...
    wslab.core.errors.DamagedMessageError: a message of 5 bytes does not match its checksum
    """
    if isinstance(message, str):
        raise DamagedMessageError(f"a text message of {len(message):,} characters, but chunks are binary messages")
    view = memoryview(message)
    if int.from_bytes(view[:_CRC_BYTES], "big") != zlib.crc32(view[_CRC_BYTES:]):
        raise DamagedMessageError(f"a message of {len(message):,} bytes does not match its checksum")
    end = message.find(b"\n", _CRC_BYTES, _MAX_HEADER_BYTES)
    try:
        return _decode(view[_CRC_BYTES : max(end, _CRC_BYTES)]), view[end + 1 :]
    except msgspec.DecodeError as error:
        raise DamagedMessageError(f"a message's header is not of the chunk protocol: {error}") from None


class Sender:
    """One upload on one connection: returns what to send next, and takes the answers.

    Args:
        content: the bytes to upload.
        upload: its name, 1 to 64 letters, digits and `_ . : -`; the same name and content resume an upload.
        max_message_bytes: the largest message, including header and what permessage-deflate may add; at least 1024.
        window: messages in flight without an answer, 1 to 1024.

    Raises:
        TypeError, ValueError: an argument is out of bounds.

    >>> sender = Sender(b"content", upload="a")
    >>> decode(sender.next_message())[0].total_bytes, sender.next_message()
    (7, None)
    """

    def __init__(self, content: bytes, *, upload: str, max_message_bytes: int = 65_536, window: int = 16) -> None:
        if not isinstance(content, (bytes, bytearray, memoryview)):
            raise BadTypeError(f"content is of type {type(content).__name__}, but chunks are cut from bytes; encode it")
        check_whole("max_message_bytes", max_message_bytes, low=MIN_MESSAGE_BYTES, high=2**30, unit="bytes")
        check_whole("window", window, low=1, high=1024, unit="messages")
        self.done = False
        self._content = memoryview(content).cast("B")
        self._window = window
        self._offer = self._first_offer(upload, max_message_bytes)
        self._wanted: Iterator[int] = iter(())
        self._unanswered = 0
        self._fewest_missing: int | None = None
        self._rounds_without_progress = 0

    def _first_offer(self, upload: str, max_message_bytes: int) -> Offer:
        try:
            msgspec.convert(upload, UploadId)
        except msgspec.ValidationError:
            raise BadValueError(
                f"upload is {upload!r}, but must be 1 to 64 letters, digits and any of _ . : -"
            ) from None
        total_bytes, digest = self._content.nbytes, hashlib.sha256(self._content).hexdigest()
        longest = Chunk(
            upload=upload, total_bytes=total_bytes, chunk_bytes=max_message_bytes, digest=digest, number=total_bytes
        )
        chunk_bytes = max_message_bytes - max_message_bytes // DEFLATE_MAY_ADD - len(encode(longest))
        return Offer(upload=upload, total_bytes=total_bytes, chunk_bytes=chunk_bytes, digest=digest)

    def next_message(self) -> bytes | None:
        """Return the next message; None: wait for the next answer first."""
        number = next(self._wanted, None) if self._unanswered < self._window else None
        if number is None and self._unanswered:
            return None
        self._unanswered += 1
        # Everything is answered, but the upload is not done: a message was damaged or dropped, so ask what is missing.
        return encode(self._offer) if number is None else self._chunk(number)

    def hear(self, answer: str | bytes) -> None:
        """Take one answer of the receiver.

        Raises:
            UploadRefusedError: it refuses the upload, or keeps losing the same chunks.
        """
        try:
            header, _ = decode(answer)
        except DamagedMessageError:
            header = Damaged(reason="")  # the next offer makes up for whatever it said
        if getattr(header, "upload", self._offer.upload) != self._offer.upload:
            return  # it answers an upload that this connection carried before
        self._unanswered = max(0, self._unanswered - 1)
        match header:
            case Done():
                self.done = True
            case Refused(reason=reason, is_retryable=is_retryable):
                raise UploadRefusedError(reason, is_retryable=is_retryable)
            case Missing(chunks=chunks, ranges=ranges):
                self._check_progress(chunks)
                self._wanted = chain.from_iterable(
                    range(first, min(stop, self._offer.chunk_count)) for first, stop in ranges
                )

    def _chunk(self, number: int) -> bytes:
        offer = self._offer
        header = Chunk(
            upload=offer.upload,
            total_bytes=offer.total_bytes,
            chunk_bytes=offer.chunk_bytes,
            digest=offer.digest,
            number=number,
        )
        return encode(header, self._content[number * offer.chunk_bytes :][: offer.chunk_bytes])

    def _check_progress(self, missing: int) -> None:
        if self._fewest_missing is None or missing < self._fewest_missing:
            self._fewest_missing, self._rounds_without_progress = missing, 0
            return
        self._rounds_without_progress += 1
        if self._rounds_without_progress >= MAX_ROUNDS_WITHOUT_PROGRESS:
            raise UploadRefusedError(
                f"after {MAX_ROUNDS_WITHOUT_PROGRESS} more rounds {missing:,} chunks are still missing: messages of "
                "this size are dropped or damaged on the way; try a smaller max_message_bytes",
                is_retryable=False,
            )
