"""The chunk protocol, receiving side: uploads that grow out of chunks, in whatever order, however often each comes.

An upload is handed over once: when it is whole and its digest right. Memory is bounded by what one upload may announce,
by what all of them together may, and by their number. One whose connection has ended waits to be resumed, and gives
way, the oldest first, when its room is needed; its sender then hears that everything is missing, and nothing is lost.
The messages are those of `wslab.core.chunks.sending`; no byte is moved here.
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
"""Smaller chunks of an upload of several are refused: keeping account of them would take more memory than they do."""

MAX_RANGES = 100
"""The missing ranges told at once; the next offer brings the next. Their message stays below any limit in use."""


class Upload(NamedTuple):
    """A whole upload, its digest verified, as the application gets it."""

    name: str
    content: bytes


class Taken(NamedTuple):
    """What follows from one message: an answer to send, or an upload to hand over and then to `settle` or `release`."""

    answer: bytes | None = None
    upload: Upload | None = None


BUSY = Taken()
"""Another connection brought this upload, and it is being handed over: take the same message again a little later."""


class Inbox:
    """The uploads of all connections of one receiver. Not for several threads.

    Args:
        max_upload_bytes: largest upload accepted.
        max_held_bytes: what all unfinished uploads together may announce. While one is handed over it takes its size
            twice, and each chunk some 150 bytes more than its content.
        max_uploads: unfinished ones at a time.
        remembered: names of finished uploads that are kept, so that none is accepted twice; the oldest are forgotten.
        done: names and digests of uploads finished earlier, such as `finished` of an inbox before a crash.

    Raises:
        TypeError, ValueError: an argument is out of its bounds.
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
        """What the unfinished uploads will take once they are whole; never more than `max_held_bytes`."""
        return sum(growing.offer.total_bytes for growing in self._growing.values())

    def take(self, message: str | bytes, connection: object) -> Taken:
        """Take in one message that `connection` brought, and say what follows from it."""
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
        """Note that the application has the upload, and return the answer that says so."""
        self._finished[name] = self._growing.pop(name).offer.digest
        if len(self._finished) > self._remembered:
            del self._finished[next(iter(self._finished))]
        return encode(Done(upload=name))

    def release(self, name: str) -> None:
        """Note that the application could not take the upload: the next offer of it hands it over again."""
        self._growing[name].handed_over = False

    def leave(self, connection: object) -> None:
        """Note that a connection has ended: its uploads can be resumed on another, until their room is needed."""
        for growing in self._growing.values():
            if growing.connection is connection:
                growing.connection = None

    def _admit(self, newcomer: _Growing) -> Refused | None:
        """Find room for an upload, or say why there is none."""
        offer = newcomer.offer
        known = self._growing.get(offer.upload)
        # The same content, cut differently, begins again, since the limit on messages may have changed in a restart.
        if known is not None and known.offer.digest != offer.digest and not known.is_abandoned:
            return _other_content(offer)
        if offer.total_bytes > self._max_upload_bytes:
            return _refusal(
                offer,
                f"the upload has {offer.total_bytes:,} bytes, but at most {self._max_upload_bytes:,} are accepted; "
                "split the content, or raise the receiver's max_upload_bytes",
            )
        if offer.chunk_bytes < MIN_CHUNK_BYTES < offer.total_bytes:
            return _refusal(offer, f"chunks of {offer.chunk_bytes} bytes; cut it into at least {MIN_CHUNK_BYTES} bytes")
        self._growing.pop(offer.upload, None)
        if not self._make_room(offer.total_bytes):
            return _refusal(
                offer,
                f"{len(self._growing)} unfinished uploads of {self.announced_bytes:,} bytes in all leave no room; "
                "try again later",
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
    """One upload that is not finished, and the chunks that are here."""

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
        """Keep a chunk unless it is here; return what is wrong with it, or nothing."""
        offer = self.offer
        if number >= offer.chunk_count:
            return f"chunk number {number:,}, but {offer.chunk_count:,} chunks make this upload, counted from 0"
        due_bytes = min(offer.chunk_bytes, offer.total_bytes - number * offer.chunk_bytes)
        if len(data) != due_bytes:
            return f"chunk {number:,} has {len(data):,} bytes, but must have {due_bytes:,}"
        self._chunks.setdefault(number, bytes(data))
        while (chunk := self._chunks.get(self._first_missing)) is not None:
            self._hash.update(chunk)  # as the chunks come, so that no event loop waits for the whole content at once
            self._first_missing += 1
        return ""

    def content(self) -> bytes:
        return b"".join(self._chunks[number] for number in range(self.offer.chunk_count))

    def missing_ranges(self) -> Iterator[tuple[int, int]]:
        """Yield the gaps between the chunks that are here, as (first, one after the last)."""
        beyond = sorted(number for number in self._chunks if number > self._first_missing)
        for before, after in pairwise([self._first_missing - 1, *beyond, self.offer.chunk_count]):
            if after - before > 1:
                yield before + 1, after


def _refusal(offer: Offer, reason: str, *, is_retryable: bool = False) -> Refused:
    return Refused(upload=offer.upload, reason=reason, is_retryable=is_retryable)


def _other_content(offer: Offer) -> Refused:
    return _refusal(offer, "an upload of this name has other content; give each content a name of its own")
