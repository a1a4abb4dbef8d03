"""The laws of the chunk protocol, both sides of it, over a channel that loses, repeats, disorders and damages."""

from __future__ import annotations

import contextlib
import zlib
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wslab.core.chunks import sending as chunks
from wslab.core.chunks.inbox import Inbox
from wslab.core.chunks.sending import (
    Chunk,
    Damaged,
    Done,
    Header,
    Kept,
    Missing,
    Offer,
    Refused,
    Sender,
)
from wslab.core.errors import DamagedMessageError, UploadRefusedError

LIMIT_BYTES = 1024
contents = st.binary(max_size=3000) | st.integers(5000, 40_000).map(lambda size: Random(size).randbytes(size))
names = st.from_regex(r"\A[A-Za-z0-9_.:-]{1,64}\Z")


def said(message: bytes | None) -> Header:
    assert message is not None
    return chunks.decode(message)[0]


def next_message(sender: Sender) -> bytes:
    message = sender.next_message()
    assert message is not None
    return message


def number_of(message: bytes) -> int:
    chunk = said(message)
    assert isinstance(chunk, Chunk)
    return chunk.number


def offer_of(message: bytes) -> Offer:
    offer = said(message)
    assert isinstance(offer, Offer)
    return offer


def reply(inbox: Inbox, message: str | bytes) -> bytes:
    answer = inbox.take(message, "c").answer
    assert answer is not None
    return answer


def answer(inbox: Inbox, message: bytes, connection: object, kept: list[bytes]) -> bytes:
    """Do what a receiver does with one message, its application keeping what it is handed."""
    taken = inbox.take(message, connection)
    if taken.upload is not None:
        kept.append(taken.upload.content)
        return inbox.settle(taken.upload.name)
    assert taken.answer is not None
    return taken.answer


@given(contents, names, st.integers(LIMIT_BYTES, 5000))
def test_sender_cuts_within_the_limit_and_loses_nothing(content: bytes, name: str, limit_bytes: int) -> None:
    inbox = Inbox()
    kept: list[bytes] = []
    answers: list[bytes] = []
    sizes: list[int] = []
    sender = Sender(content, upload=name, max_message_bytes=limit_bytes)
    while not sender.done:
        message = sender.next_message()
        if message is None:
            sender.hear(answers.pop(0))
        else:
            sizes.append(len(message))
            answers.append(answer(inbox, message, "c", kept))
    assert kept == [content]
    assert max(sizes) <= limit_bytes
    assert inbox.announced_bytes == 0


@pytest.mark.parametrize("memory_level", range(1, 10))
@pytest.mark.parametrize("limit_bytes", [1024, 4096, 65_536, 2**20])
def test_sender_leaves_room_for_what_deflate_adds(memory_level: int, limit_bytes: int) -> None:
    content = Random(0).randbytes(limit_bytes)
    message = all_messages(content, "x" * 64, max_message_bytes=limit_bytes)[1]
    for window_bits in (-10, -12, -15):
        deflate = zlib.compressobj(6, zlib.DEFLATED, window_bits, memory_level)
        frame = deflate.compress(message) + deflate.flush(zlib.Z_SYNC_FLUSH)
        assert len(frame) - 4 <= limit_bytes  # RFC 7692 §7.2.1 takes off the last four


class Channel:
    """Carries messages both ways and, as its chances say, drops, repeats, delays or damages them."""

    def __init__(self, rng: Random, chance: float) -> None:
        self.rng = rng
        self.chance = chance
        self.under_way: list[bytes] = []

    def put(self, message: bytes) -> None:
        fate = self.rng.random() / self.chance if self.chance else 1.0
        if fate < 0.25:
            return
        if fate < 0.5:
            flipped = bytearray(message)
            flipped[self.rng.randrange(len(message))] ^= 1 << self.rng.randrange(8)
            message = bytes(flipped)
        self.under_way += [message] * (2 if 0.5 <= fate < 0.75 else 1)
        if 0.75 <= fate < 1:
            self.rng.shuffle(self.under_way)

    def take(self) -> bytes | None:
        return self.under_way.pop(0) if self.under_way else None


def one_connection(content: bytes, inbox: Inbox, kept: list[bytes], rng: Random, chance: float) -> bool:
    """Upload over one bad connection, cut at any moment; return whether the sender was told that it is done."""
    there, back, connection = Channel(rng, chance), Channel(rng, chance), object()
    sender = Sender(content, upload="same", max_message_bytes=LIMIT_BYTES, window=rng.randint(1, 40))
    try:
        for _ in range(rng.randint(1, 300)):
            if rng.random() < 0.6 and (message := sender.next_message()) is not None:
                there.put(message)
            if (message := there.take()) is not None:
                back.put(answer(inbox, message, connection, kept))
            if (message := back.take()) is not None:
                sender.hear(message)
            if sender.done:
                return True
    except UploadRefusedError:
        pass  # the same chunks were lost too often; the next connection may do better
    finally:
        while (message := there.take()) is not None:  # what the kernel had taken arrives, the answer does not
            answer(inbox, message, connection, kept)
        inbox.leave(connection)
    return False


@settings(max_examples=60, deadline=None)
@given(contents, st.integers(), st.sampled_from([0.0, 0.1, 0.4]))
def test_upload_over_bad_connections_is_kept_exactly_once(content: bytes, seed: int, chance: float) -> None:
    rng, inbox = Random(seed), Inbox()
    kept: list[bytes] = []
    told_done = 0
    for attempt in range(400):
        if told_done >= 2:  # the second time round it is resumed although it is done
            break
        told_done += one_connection(content, inbox, kept, rng, chance if attempt < 50 else 0.0)
    assert told_done == 2
    assert kept == [content]


def all_messages(content: bytes, name: str = "a", max_message_bytes: int = LIMIT_BYTES) -> list[bytes]:
    """Return an offer and every chunk of an upload, as a sender with an endless window sends them."""
    sender = Sender(content, upload=name, max_message_bytes=max_message_bytes, window=1024)
    offer = next_message(sender)
    count = offer_of(offer).chunk_count
    sender.hear(chunks.encode(Missing(upload=name, chunks=count, ranges=[(0, count)])))
    return [offer, *(next_message(sender) for _ in range(count))]


@given(st.integers(1, 20_000).map(lambda size: Random(size).randbytes(size)), st.randoms(), st.data())
def test_inbox_takes_chunks_in_any_order_however_often(content: bytes, rng: Random, data: st.DataObject) -> None:
    messages = all_messages(content)[1:]
    messages += data.draw(st.lists(st.sampled_from(messages), max_size=10))
    rng.shuffle(messages)
    inbox = Inbox()
    kept: list[bytes] = []
    answers = [said(answer(inbox, message, "c", kept)) for message in messages]
    assert kept == [content]
    done = [isinstance(one, Done) for one in answers]
    assert done == sorted(done), "once done, always done"
    assert {type(one) for one in answers} <= {Kept, Done}


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 12)), max_size=60))
def test_inbox_never_holds_more_than_its_bounds(steps: list[tuple[int, int]]) -> None:
    inbox = Inbox(max_upload_bytes=3000, max_held_bytes=6000, max_uploads=3)
    uploads = [all_messages(Random(n).randbytes(700 * (n + 1)), f"u{n}") for n in range(6)]
    for number, step in steps:
        messages = uploads[number]
        inbox.take(messages[step % (len(messages) - 1)], f"c{number}")  # never the last: none is ever whole
        if step == 12:
            inbox.leave(f"c{number}")
        assert inbox.announced_bytes <= 6000
        assert len(inbox._growing) <= 3


@given(st.binary(max_size=300) | st.text())
def test_decode_of_anything_is_a_header_or_a_damaged_message(message: bytes | str) -> None:
    with contextlib.suppress(DamagedMessageError):
        assert isinstance(chunks.decode(message)[0], Header)


@given(st.integers(0, 400), st.integers(0, 7))
def test_decode_notices_any_flipped_bit(place: int, bit: int) -> None:
    message = bytearray(all_messages(b"x" * 500)[1])
    message[place % len(message)] ^= 1 << bit
    with pytest.raises(DamagedMessageError):
        chunks.decode(bytes(message))


def test_digest_is_the_one_that_sha256sum_prints() -> None:
    offer = offer_of(next_message(Sender(b"abc", upload="a")))
    assert offer.digest == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_sender_waits_for_answers_when_its_window_is_full() -> None:
    sender = Sender(bytes(10_000), upload="a", max_message_bytes=LIMIT_BYTES, window=2)
    count = offer_of(next_message(sender)).chunk_count
    assert sender.next_message() is None
    sender.hear(chunks.encode(Missing(upload="a", chunks=count, ranges=[(0, count)])))
    assert [number_of(next_message(sender)) for _ in range(2)] == [0, 1]
    assert sender.next_message() is None
    sender.hear(chunks.encode(Kept(upload="a", number=0)))
    assert number_of(next_message(sender)) == 2


def test_sender_gives_up_where_the_same_chunks_are_lost_again_and_again() -> None:
    inbox = Inbox()
    sender = Sender(bytes(10_000), upload="a", max_message_bytes=LIMIT_BYTES)

    def send_for_ever() -> None:
        while True:
            message = next_message(sender)
            damaged = isinstance(said(message), Chunk)
            sender.hear(reply(inbox, message[:-1] if damaged else message))

    with pytest.raises(UploadRefusedError, match=r"chunks are still missing.*smaller max_message_bytes"):
        send_for_ever()


def test_sender_ignores_answers_to_another_upload() -> None:
    sender = Sender(b"x", upload="mine")
    sender.next_message()
    sender.hear(chunks.encode(Done(upload="another")))
    assert not sender.done
    assert sender.next_message() is None


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"content": "text"}, TypeError, "content is of type str, but chunks are cut from bytes; encode it"),
        ({"upload": ""}, ValueError, "upload is '', but must be 1 to 64 letters"),
        ({"upload": "a b"}, ValueError, "upload is 'a b'"),
        ({"upload": "a\n"}, ValueError, r"upload is 'a\\n'"),
        ({"max_message_bytes": 100}, ValueError, "max_message_bytes is 100, but must be between 1,024"),
        ({"window": 0}, ValueError, "window is 0, but must be between 1 and 1,024 messages"),
    ],
)
def test_sender_refuses_a_bad_argument(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Sender(**({"content": b"x", "upload": "a"} | arguments))


def test_refusal_carries_the_receivers_words() -> None:
    sender = Sender(bytes(2000), upload="a")
    with pytest.raises(UploadRefusedError, match="2,000 bytes, but at most 1,000 are accepted") as refused:
        sender.hear(reply(Inbox(max_upload_bytes=1000, max_held_bytes=1000), next_message(sender)))
    assert not refused.value.is_retryable


def test_damaged_answer_names_what_is_no_message_of_a_sender() -> None:
    damaged = said(reply(Inbox(), "hello"))
    assert isinstance(damaged, Damaged)
    assert "text message" in damaged.reason
    refused = chunks.encode(Refused(upload="a", reason="", is_retryable=True))
    assert isinstance(said(reply(Inbox(), refused)), Damaged)
