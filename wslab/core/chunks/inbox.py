"""The chunk protocol, receiving side: uploads assembled from chunks, which may come in any order and more than once.

An upload is handed over once, when it is complete and its digest is right. Three bounds limit the memory: on the size
of one upload, on the size of all unfinished uploads together, and on their number. An upload whose connection has ended
waits to be resumed. If its room is needed, the oldest is dropped; its sender is then told that everything is missing,
so nothing is lost. The messages are defined in `wslab.core.chunks.sending`; there is no I/O here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from itertools import islice, pairwise
from typing import NamedTuple

from wslab.core.arguments import check_whole
from wslab.core.chunks.sending import (
    Chunk,
    Damaged,
    Done,
    Kept,
    Missing,
    Offer,
    Refused,
    decode,
    encode,
)
from wslab.core.errors import DamagedMessageError

MIN_CHUNK_BYTES = 512
"""An upload in smaller chunks is refused: tracking them would take more memory than their content."""

MAX_RANGES = 100
"""Missing ranges reported at once, which keeps the message below any limit in use; the next offer brings more."""


class Upload(NamedTuple):
    """A complete upload, its digest verified, as handed to the application."""

    name: str
    content: bytes


class Taken(NamedTuple):
    """The result of one message: an answer to send, or an upload to hand over and then to `settle` or `release`."""

    answer: bytes | None = None
    upload: Upload | None = None


BUSY = Taken()
"""This upload came over another connection and is being handed over: take the same message again a little later."""


class Inbox:
    """The uploads of all connections of one receiver. Not thread-safe.

    Args:
        max_upload_bytes: the largest upload accepted.
        max_held_bytes: the size of all unfinished uploads together. An upload takes twice its size while it is handed
            over, and each chunk takes about 150 bytes more than its content.
        max_uploads: unfinished uploads at a time.
        remembered: finished uploads whose names are kept, so that none is accepted twice; the oldest are forgotten.
        done: names and digests of uploads finished earlier, such as the `finished` of an inbox before a crash.

    Raises:
        TypeError, ValueError: an argument is out of bounds.
    """

    def __init__(
        self,
        *,
        max_upload_bytes: int = 64 * 2**20,
        max_held_bytes: int = 256 * 2**20,
        max_uploads: int = 64,
        remembered: int = 10_000,
        done: Iterable[tuple[str, str]] = (),
    ) -> None:
        check_whole("max_upload_bytes", max_upload_bytes, low=1, unit="bytes")
        check_whole("max_held_bytes", max_held_bytes, low=max_upload_bytes, unit="bytes", hint="one upload must fit")
        check_whole("max_uploads", max_uploads, low=1, unit="uploads")
        check_whole("remembered", remembered, low=1, unit="names")
        self._max_upload_bytes = max_upload_bytes
        self._max_held_bytes = max_held_bytes
        self._max_uploads = max_uploads
        self._remembered = remembered
        self._finished = dict(done)
        self._growing: dict[str, _Growing] = {}

    @property
    def finished(self) -> tuple[tuple[str, str], ...]:
        """The names and digests of the uploads that will not be accepted again, oldest first."""
        return tuple(self._finished.items())

    @property
    def announced_bytes(self) -> int:
        """The size of the unfinished uploads once complete; never more than `max_held_bytes`."""
        return sum(growing.offer.total_bytes for growing in self._growing.values())

    def take(self, message: str | bytes, connection: object) -> Taken:
        """Take one message that came over `connection`, and return what to do next."""
        try:
            header, data = decode(message)
        except DamagedMessageError as error:
            return Taken(encode(Damaged(reason=str(error))))
        if not isinstance(header, Offer):
            return Taken(encode(Damaged(reason=f"a receiver takes offers and chunks, but this is {header!r}")))
        if header.upload in self._finished:
            same = self._finished[header.upload] == header.digest
            return Taken(encode(Done(upload=header.upload) if same else _other_content(header)))
        growing = self._growing.get(header.upload)
        if growing is not None and growing.handed_over:
            return BUSY
        if growing is None or growing.offer.grid != header.grid:
            growing = _Growing(header)
            if refusal := self._admit(growing):
                return Taken(encode(refusal))
        growing.connection = connection
        return self._grow(growing, header, data)

    def settle(self, name: str) -> bytes:
        """Note that the application has the upload, and return the answer to its sender."""
        self._finished[name] = self._growing.pop(name).offer.digest
        if len(self._finished) > self._remembered:
            del self._finished[next(iter(self._finished))]
        return encode(Done(upload=name))

    def release(self, name: str) -> None:
        """Note that the application could not take the upload; the next offer hands it over again."""
        self._growing[name].handed_over = False

    def leave(self, connection: object) -> None:
        """Note that a connection has ended: its uploads can be resumed on another until their room is needed."""
        for growing in self._growing.values():
            if growing.connection is connection:
                growing.connection = None

    def _admit(self, newcomer: _Growing) -> Refused | None:
        """Make room for an upload, or return why there is none."""
        offer = newcomer.offer
        known = self._growing.get(offer.upload)
        # The same content, cut differently, starts over: the limit on messages may have changed in a restart.
        if known is not None and known.offer.digest != offer.digest and not known.is_abandoned:
            return _other_content(offer)
        if offer.total_bytes > self._max_upload_bytes:
            return _refusal(
                offer,
                f"the upload has {offer.total_bytes:,} bytes, but at most {self._max_upload_bytes:,} are accepted; "
                "split the content, or raise the receiver's max_upload_bytes",
            )
        if offer.chunk_bytes < MIN_CHUNK_BYTES < offer.total_bytes:
            return _refusal(offer, f"chunks have {offer.chunk_bytes} bytes, but must have at least {MIN_CHUNK_BYTES}")
        self._growing.pop(offer.upload, None)
        if not self._make_room(offer.total_bytes):
            return _refusal(
                offer,
                f"there is no room beside {len(self._growing)} unfinished uploads of {self.announced_bytes:,} bytes in "
                "all; try again later",
                is_retryable=True,
            )
        self._growing[offer.upload] = newcomer
        return None

    def _make_room(self, total_bytes: int) -> bool:
        abandoned = [name for name, growing in self._growing.items() if growing.is_abandoned]
        while len(self._growing) >= self._max_uploads or self.announced_bytes + total_bytes > self._max_held_bytes:
            if not abandoned:
                return False
            del self._growing[abandoned.pop(0)]
        return True

    def _grow(self, growing: _Growing, header: Offer, data: memoryview) -> Taken:
        if isinstance(header, Chunk) and (wrong := growing.put(header.number, data)):
            return Taken(encode(_refusal(header, wrong)))
        if growing.is_whole:
            return self._hand_over(growing)
        if isinstance(header, Chunk):
            return Taken(encode(Kept(upload=header.upload, number=header.number)))
        ranges = list(islice(growing.missing_ranges(), MAX_RANGES))
        return Taken(encode(Missing(upload=header.upload, chunks=growing.missing_count, ranges=ranges)))

    def _hand_over(self, growing: _Growing) -> Taken:
        offer = growing.offer
        if growing.digest != offer.digest:
            del self._growing[offer.upload]
            reason = f"the content's SHA-256 is {growing.digest}, but {offer.digest} was announced"
            return Taken(encode(_refusal(offer, reason)))
        growing.handed_over = True
        return Taken(upload=Upload(offer.upload, growing.content()))


class _Growing:
    """One unfinished upload, and its chunks so far."""

    def __init__(self, offer: Offer) -> None:
        self.offer = offer
        self.connection: object = None
        self.handed_over = False
        self._chunks: dict[int, bytes] = {}
        self._first_missing = 0
        self._hash = hashlib.sha256()

    @property
    def is_abandoned(self) -> bool:
        return self.connection is None and not self.handed_over

    @property
    def missing_count(self) -> int:
        return self.offer.chunk_count - len(self._chunks)

    @property
    def is_whole(self) -> bool:
        return self.missing_count == 0

    @property
    def digest(self) -> str:
        """The SHA-256 of the content up to the first missing chunk."""
        return self._hash.hexdigest()

    def put(self, number: int, data: memoryview) -> str:
        """Keep a chunk unless it is already here; return what is wrong with it, or an empty string."""
        offer = self.offer
        if number >= offer.chunk_count:
            return f"chunk number is {number:,}, but this upload has {offer.chunk_count:,} chunks, counted from 0"
        due_bytes = min(offer.chunk_bytes, offer.total_bytes - number * offer.chunk_bytes)
        if len(data) != due_bytes:
            return f"chunk {number:,} has {len(data):,} bytes, but must have {due_bytes:,}"
        self._chunks.setdefault(number, bytes(data))
        while (chunk := self._chunks.get(self._first_missing)) is not None:
            self._hash.update(chunk)  # as chunks come, so that the event loop never waits for the whole content
            self._first_missing += 1
        return ""

    def content(self) -> bytes:
        return b"".join(self._chunks[number] for number in range(self.offer.chunk_count))

    def missing_ranges(self) -> Iterator[tuple[int, int]]:
        """Yield the gaps between the chunks so far, as (first, last + 1)."""
        beyond = sorted(number for number in self._chunks if number > self._first_missing)
        for before, after in pairwise([self._first_missing - 1, *beyond, self.offer.chunk_count]):
            if after - before > 1:
                yield before + 1, after


def _refusal(offer: Offer, reason: str, *, is_retryable: bool = False) -> Refused:
    return Refused(upload=offer.upload, reason=reason, is_retryable=is_retryable)


def _other_content(offer: Offer) -> Refused:
    return _refusal(offer, "an upload of this name has different content; give each content its own name")
