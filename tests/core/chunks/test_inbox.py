"""What the receiving side refuses, forgets and remembers."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from wslab.core.chunks import sending as chunks
from wslab.core.chunks.inbox import BUSY, MAX_RANGES, Inbox, Taken
from wslab.core.chunks.sending import Chunk, Done, Header, Kept, Missing, Offer, Refused

CHUNK_BYTES = 600


def offer(content: bytes, name: str = "a", **changed: Any) -> bytes:
    return chunks.encode(Offer(**_fields(content, name) | changed))


def chunk(content: bytes, number: int, name: str = "a", /, **changed: Any) -> bytes:
    data = content[number * CHUNK_BYTES :][:CHUNK_BYTES]
    return chunks.encode(Chunk(**_fields(content, name) | {"number": number} | changed), data)


def _fields(content: bytes, name: str) -> dict[str, Any]:
    digest = hashlib.sha256(content).hexdigest()
    return {"upload": name, "total_bytes": len(content), "chunk_bytes": CHUNK_BYTES, "digest": digest}


def said(taken: Taken) -> Header:
    assert taken.answer is not None
    return chunks.decode(taken.answer)[0]


def refusal(taken: Taken) -> Refused:
    header = said(taken)
    assert isinstance(header, Refused)
    return header


def missing(taken: Taken) -> Missing:
    header = said(taken)
    assert isinstance(header, Missing)
    return header


CONTENT = bytes(range(256)) * 10
COUNT = 5


@pytest.fixture
def inbox() -> Inbox:
    return Inbox(max_upload_bytes=3000, max_held_bytes=6000, max_uploads=3)


def upload(inbox: Inbox, content: bytes = CONTENT, name: str = "a") -> None:
    for number in range(COUNT):
        taken = inbox.take(chunk(content, number, name), "c")
    assert taken.upload is not None
    inbox.settle(name)


def test_offer_is_answered_with_the_gaps(inbox: Inbox) -> None:
    inbox.take(chunk(CONTENT, 1), "c")
    inbox.take(chunk(CONTENT, 3), "c")
    assert said(inbox.take(offer(CONTENT), "c")) == Missing(upload="a", chunks=3, ranges=[(0, 1), (2, 3), (4, 5)])


def test_offer_of_an_empty_content_is_handed_over_at_once(inbox: Inbox) -> None:
    assert inbox.take(offer(b""), "c").upload == ("a", b"")


def test_offer_of_many_gaps_is_answered_with_the_first_of_them() -> None:
    content = bytes(CHUNK_BYTES * (4 * MAX_RANGES))
    inbox = Inbox()
    for number in range(1, 4 * MAX_RANGES, 2):
        inbox.take(chunk(content, number), "c")
    told = missing(inbox.take(offer(content), "c"))
    assert told.chunks == 2 * MAX_RANGES
    assert told.ranges == [(2 * n, 2 * n + 1) for n in range(MAX_RANGES)]


def test_upload_resumes_on_another_connection(inbox: Inbox) -> None:
    inbox.take(chunk(CONTENT, 0), "first")
    inbox.leave("first")
    assert missing(inbox.take(offer(CONTENT), "second")).ranges == [(1, COUNT)]


def test_finished_upload_is_answered_done_and_not_handed_over_again(inbox: Inbox) -> None:
    upload(inbox)
    for message in (offer(CONTENT), chunk(CONTENT, 2)):
        assert said(inbox.take(message, "c")) == Done(upload="a")


def test_finished_upload_is_known_to_the_next_inbox_too(inbox: Inbox) -> None:
    upload(inbox)
    assert said(Inbox(done=inbox.finished).take(offer(CONTENT), "c")) == Done(upload="a")


def test_name_of_a_finished_upload_is_refused_to_other_content(inbox: Inbox) -> None:
    upload(inbox)
    refused = refusal(inbox.take(offer(b"other"), "c"))
    assert "different content" in refused.reason
    assert not refused.is_retryable


def test_oldest_finished_name_is_forgotten_first() -> None:
    inbox = Inbox(remembered=2)
    for name in "abc":
        upload(inbox, name=name)
    assert [name for name, _ in inbox.finished] == ["b", "c"]


def test_name_in_use_is_refused_to_other_content_until_its_connection_has_ended(inbox: Inbox) -> None:
    inbox.take(chunk(CONTENT, 0), "first")
    assert isinstance(said(inbox.take(offer(b"other"), "second")), Refused)
    inbox.leave("first")
    assert isinstance(said(inbox.take(offer(b"other"), "second")), Missing)


def test_upload_that_is_being_handed_over_makes_others_wait(inbox: Inbox) -> None:
    for number in range(COUNT):
        taken = inbox.take(chunk(CONTENT, number), "first")
    assert taken.upload == ("a", CONTENT)
    assert inbox.take(offer(CONTENT), "second") is BUSY
    inbox.settle("a")
    assert said(inbox.take(offer(CONTENT), "second")) == Done(upload="a")


def test_upload_that_could_not_be_kept_is_handed_over_again(inbox: Inbox) -> None:
    for number in range(COUNT):
        inbox.take(chunk(CONTENT, number), "first")
    inbox.release("a")
    assert inbox.take(offer(CONTENT), "second").upload == ("a", CONTENT)


def test_same_content_cut_anew_begins_again(inbox: Inbox) -> None:
    inbox.take(chunk(CONTENT, 0), "c")
    assert said(inbox.take(offer(CONTENT, chunk_bytes=1000), "c")) == Missing(upload="a", chunks=3, ranges=[(0, 3)])


def test_absurd_total_is_refused_and_takes_no_room(inbox: Inbox) -> None:
    refused = refusal(inbox.take(offer(CONTENT, total_bytes=2**50), "c"))
    assert "1,125,899,906,842,624 bytes, but at most 3,000 are accepted" in refused.reason
    assert "max_upload_bytes" in refused.reason
    assert inbox.announced_bytes == 0


def test_tiny_chunks_are_refused(inbox: Inbox) -> None:
    assert "must have at least 512" in refusal(inbox.take(offer(CONTENT, chunk_bytes=10), "c")).reason


def test_live_uploads_are_not_driven_out(inbox: Inbox) -> None:
    for name in "ab":
        inbox.take(offer(CONTENT, name), name)
    refused = refusal(inbox.take(offer(CONTENT, "c"), "c"))
    assert refused.is_retryable
    assert "no room beside 2 unfinished uploads of 5,120 bytes in all; try again later" in refused.reason


def test_abandoned_uploads_give_way_the_oldest_first(inbox: Inbox) -> None:
    for name in "ab":
        inbox.take(chunk(CONTENT, 0, name), name)
        inbox.leave(name)
    assert isinstance(said(inbox.take(offer(CONTENT, "c"), "c")), Missing)
    assert missing(inbox.take(offer(CONTENT, "b"), "b")).chunks == COUNT - 1


def test_number_of_uploads_is_bounded(inbox: Inbox) -> None:
    for name in "abc":
        inbox.take(offer(b"tiny", name), name)
    assert refusal(inbox.take(offer(b"tiny", "d"), "d")).is_retryable


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (chunk(CONTENT, 9), "chunk number is 9, but this upload has 5 chunks, counted from 0"),
        (chunk(CONTENT, 4, number=0), "chunk 0 has 160 bytes, but must have 600"),
    ],
)
def test_chunk_that_cannot_be_is_refused(inbox: Inbox, message: bytes, reason: str) -> None:
    assert refusal(inbox.take(message, "c")).reason == reason


def test_content_that_is_not_what_was_announced_is_refused_and_forgotten(inbox: Inbox) -> None:
    wrong = "0" * 64
    for number in range(COUNT):
        taken = inbox.take(chunk(CONTENT, number, digest=wrong), "c")
    assert f"but {wrong} was announced" in refusal(taken).reason
    assert inbox.announced_bytes == 0
    assert isinstance(said(inbox.take(chunk(CONTENT, 0), "c")), Kept)


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ({"max_upload_bytes": 0}, "max_upload_bytes is 0, but must be at least 1 bytes"),
        (
            {"max_upload_bytes": 10, "max_held_bytes": 5},
            "max_held_bytes is 5, but must be at least 10 bytes; one upload",
        ),
        ({"max_uploads": 0}, "max_uploads is 0"),
    ],
)
def test_inbox_refuses_a_bad_bound(bounds: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Inbox(**bounds)
