"""What is fuzzed: functions of bytes that fail where a reader does not do what it promises, whatever it is given.

Every reader raises its own error or none. Where there are two ways to read the same, such as in one piece and byte by
byte, both must say the same. `run.py` lets coverage guide what they are given; the tests draw it, and try the corpus.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import zlib
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

from wslab.captures.explanation import explain
from wslab.captures.har import read_har
from wslab.captures.texts import read_text
from wslab.core.errors import CaptureError, RunFileError
from wslab.core.findings import find
from wslab.core.records import Side, Statement
from wslab.core.runs import load
from wslab.net.close_bodies import encode_close, read_close
from wslab.net.frames import FrameError, FrameStream, masked
from wslab.net.handshakes import HandshakeError, agreed_extensions, check_asking, check_opening
from wslab.net.heads import MAX_HEAD_BYTES, MAX_INTERIM, HeadError, read_request, read_response, retry_after_s
from wslab.net.herds.attempt import read_answer
from wslab.net.inflating import PIECE_BYTES, Inflater
from wslab.net.limits.answers import AnswerReader, ReadingBudget
from wslab.net.relay.passing_frames import unpacked
from wslab.net.relay.spotting import Spotter

KEY = "dGhlIHNhbXBsZSBub25jZQ=="


def cuts(data: bytes) -> Iterator[bytes]:
    """Yield it in pieces whose sizes are in its own bytes."""
    at = [0]
    while at[-1] < len(data):
        at.append(at[-1] + 1 + data[at[-1]] % 7)
    return (data[begin:end] for begin, end in pairwise(at))


def heads(data: bytes) -> None:
    """The heads of HTTP, and the herd's own quick reader of them."""
    with contextlib.suppress(HeadError, HandshakeError):
        if (response := read_response(data)) is not None:
            assert response.head_bytes <= MAX_HEAD_BYTES
            assert len(response.interim) <= MAX_INTERIM
            assert read_response(data[: response.head_bytes]) == response
            retry_after_s(response.fields)
            agreed_extensions(response.fields)
            check_opening(response, KEY)
    with contextlib.suppress(HeadError, HandshakeError):
        if (request := read_request(data)) is not None:
            assert read_request(data[: request.head_bytes]) == request
            check_asking(request)
    with contextlib.suppress(HeadError, HandshakeError):
        if (answer := read_answer(data, KEY)) is not None:
            assert data.endswith(answer.rest)


def frames(data: bytes) -> None:
    """The frame reader, of either side: pieces say what the whole says, and nothing is held but a header."""
    sender: Side = "client" if data[:1] >= b"\x80" else "server"
    deflate = data[1:2] >= b"\x80"
    whole, cut = FrameStream(sender, deflate=deflate), FrameStream(sender, deflate=deflate)
    assert _read_frames(whole, [data[2:]]) == _read_frames(cut, cuts(data[2:]))


def _read_frames(stream: FrameStream, parts: Iterator[bytes] | list[bytes]) -> list[object]:
    seen: list[object] = []
    try:
        for part in parts:
            for piece in stream.feed(part):
                if piece.begins:
                    seen += [piece.header, b""]
                seen[-1] += piece.payload  # type: ignore[operator]
    except FrameError as error:
        seen.append(str(error))
    return [*seen, stream.closed]


def close(data: bytes) -> None:
    """The decoder of close frames: what is valid goes back to the same bytes."""
    data = data[:125]  # no control frame holds more
    body = read_close(data)
    assert body.told_code == (1006 if body.error else body.code)
    if body.error is None:
        assert encode_close(body.close) == data


def inflate(data: bytes) -> None:
    """Compressed messages: in pieces of a bounded size, and like the library where that can."""
    inflater, out = Inflater(takeover=data[:1] < b"\x80"), []
    try:
        for content in inflater.feed(data[1:], ends=True):
            assert 0 < len(content) <= PIECE_BYTES
            out.append(content)
            if len(out) > 4:
                return
    except FrameError:
        return
    plain = zlib.decompressobj(-15)
    assert b"".join(out).startswith(plain.decompress(data[1:]))


def answers(data: bytes) -> None:
    """What the probe makes of frames: no more than it allows itself, and the same in pieces."""
    told = []
    for parts in ([data[1:]], cuts(data[1:])):
        reader = AnswerReader(deflate=data[:1] >= b"\x80", allowance=ReadingBudget(bytes=4096, frames=64, messages=16))
        reader.expect(5, lambda at, size: b"hello"[at : at + size])
        for part in parts:
            reader.feed(part)
        told.append(
            (
                reader.echoed_bytes,
                reader.own_messages,
                reader.replies,
                reader.close,
                reader.allowance.excess or reader.violation,
            )
        )
    assert told[0] == told[1] or len(data) > 4000


def spotting(data: bytes) -> None:
    """What a relay sees of what passes: all of it passes, and in one go or in pieces it is the same frames."""
    sender: Side = "client" if data[:1] >= b"\x80" else "server"

    def spotter() -> Spotter:
        watch = Spotter(sender, lambda head: len(head) and 1)
        watch.deflate = data[1:2] >= b"\x80"
        return watch

    def facts(watch: Spotter, parts: list[bytes]) -> list[object]:
        seen = [unpacked(frame, sender) for part in parts for frame in watch.pass_by(part, 0.0)]
        return [(one.first, one.mask, one.payload_bytes, one.number, one.preview) for one in seen]

    content = data[1:]
    whole, cut, bent = spotter(), spotter(), spotter()
    assert facts(whole, [content]) == facts(cut, list(cuts(content)))
    units = [unit for part in cuts(content) for unit in bent.feed(part, 0.0, hold=True)]
    passed = b"".join(unit.raw for unit in units)
    assert content.startswith(passed)
    assert bent.is_holding or passed == content
    assert whole.violation == cut.violation == bent.violation


def mask(data: bytes) -> None:
    """Masking twice changes nothing, wherever a piece begins."""
    key, at, payload = data[:4], len(data) % 7, data[4:]
    if len(key) == 4:
        assert masked(masked(payload, key, at), key, at) == payload


def packets(data: bytes) -> None:
    """Captures of packets, compressed ones too, and the findings about them."""
    with contextlib.suppress(CaptureError):
        find(explain(data).run.records)


def har(data: bytes) -> None:
    """HARs, and the findings about them."""
    with contextlib.suppress(CaptureError):
        if (run := read_har(data)) is not None:
            find(run.records)


def text(data: bytes) -> None:
    """Text that somebody pastes, by every pattern."""
    for statement in read_text(data.decode(errors="replace")).records:
        assert isinstance(statement, Statement)
        assert statement.close_code is None or 0 <= statement.close_code <= 65_535


_FOLDER = "/dev/shm" if os.path.isdir("/dev/shm") else tempfile.gettempdir()  # noqa: PTH112 (in memory, where there is)


def run(data: bytes) -> None:
    """Files of runs, plain and compressed: what is read is saved and read again as it was."""
    path = Path(_FOLDER, f"wslab-fuzz-{os.getpid()}.jsonl{'.gz' if data[:2] == bytes([31, 139]) else ''}")
    try:
        path.write_bytes(data)
        with contextlib.suppress(RunFileError):
            loaded = load(path, max_bytes=2**20)
            loaded.save(path)
            assert load(path) == loaded
            find(loaded.records)
    finally:
        path.unlink(missing_ok=True)


TARGETS: dict[str, Callable[[bytes], None]] = {
    target.__name__: target
    for target in (heads, frames, close, inflate, answers, spotting, mask, packets, har, text, run)
}
