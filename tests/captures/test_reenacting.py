"""A run that is written as packets is read from them as it was, by this package and by Wireshark."""

from __future__ import annotations

import io
import shutil
import subprocess
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wslab import Knobs, payload_sweep
from wslab.captures.capture import read_packets
from wslab.captures.reenacting import MAX_PAYLOAD_BYTES, reenact
from wslab.core.errors import BadValueError
from wslab.core.records import Close, Closure, Send, TcpEnd, closed_by
from wslab.core.runs import Run, load

DATA = Path(__file__).parents[2] / "data"
CODES = st.sampled_from([1000, 1001, 1005, 1008, 1009, 1011, 1012, 3000, 4999])
FRAMES = st.none() | st.builds(
    lambda code, reason: Close(code=code, reason="" if code == 1005 else reason), CODES, st.text(max_size=20)
)
KEPT = ("close_code", "close_reason", "clean", "closed_by", "received", "sent", "tcp_end", "received_messages")


def read(run: Run) -> Run:
    return read_packets(io.BytesIO(reenact(run)))


@given(
    st.lists(
        st.tuples(FRAMES, FRAMES, st.booleans(), st.sampled_from(["fin", "reset", "aborted"])), min_size=1, max_size=5
    )
)
def test_closures_are_read_as_they_were_written(ends: list[tuple[Close | None, Close | None, bool, TcpEnd]]) -> None:
    written = [closure(number, *end) for number, end in enumerate(ends)]
    run = Run(load(DATA / "story.jsonl").info, tuple(written))
    found = sorted(read(run).closures, key=lambda each: each.opened_at_s)
    for own, seen in zip(written, found, strict=True):
        assert [getattr(seen, name) for name in KEPT] == [getattr(own, name) for name in KEPT]
        assert seen.closed_at_s - seen.opened_at_s == pytest.approx(own.closed_at_s - own.opened_at_s, abs=1e-3)


def closure(number: int, received: Close | None, sent: Close | None, sent_first: bool, tcp_end: TcpEnd) -> Closure:
    whose = closed_by(received, sent, sent_first=sent_first, here="client")
    return Closure(
        client=number,
        connection_id=str(number),
        opened_at_s=1.0 + number,
        close_started_at_s=1.5 + number,
        closed_at_s=1.6 + number,
        close_code=received.code if received else 1006,
        close_reason=received.reason if received else "",
        clean=received is not None and sent is not None and tcp_end == "fin",
        closed_by=whose,
        received=received,
        sent=sent,
        recovered=False,
        send_error=None,
        tcp_end=tcp_end,
        sent_wire_bytes=0,
        received_wire_bytes=0,
        received_messages=0,
    )


def test_an_experiment_is_read_from_its_packets_as_it_was() -> None:
    run = payload_sweep(Knobs(max_message_bytes=4096), [1000, 4096, 5000])
    found = read(run)
    assert [send.payload_bytes for send in found.sends] == [send.payload_bytes for send in run.sends]
    assert [each.close_code for each in found.closures] == [each.close_code for each in run.closures]
    assert [each.closed_by for each in found.closures] == [each.closed_by for each in run.closures]


def test_frames_of_a_relay_are_read_as_they_passed() -> None:
    run = load(DATA / "relay-rewritten.jsonl")
    found = read(run)
    texts = [frame.payload_bytes for frame in run.frames if frame.opcode == "text"]
    assert [send.payload_bytes for send in found.sends] == texts
    assert [each.close_code for each in found.closures] == [each.close_code for each in run.closures] == [1011] * 5


def test_messages_beyond_any_file_are_refused() -> None:
    run = load(DATA / "sweep-until-refused.jsonl")
    huge = msgspec.structs.replace(run.sends[0], payload_bytes=MAX_PAYLOAD_BYTES + 1)
    assert isinstance(huge, Send)
    with pytest.raises(BadValueError, match="take a part of the run"):
        reenact(Run(run.info, (*run.records, huge)))


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
@pytest.mark.parametrize(
    "name", ["story.jsonl", "restart-graceful.jsonl", "restart-crash.jsonl", "relay-rewritten.jsonl"]
)
def test_wireshark_reads_the_same_close_codes(tmp_path: Path, name: str) -> None:
    run = load(DATA / name)
    packets = tmp_path / "run.pcapng"
    packets.write_bytes(reenact(run))
    fields = ["-Y", "websocket.opcode == 8", "-T", "fields", "-e", "websocket.payload.close.status_code"]
    told = subprocess.run(["tshark", "-r", packets, *fields], capture_output=True, text=True, check=True).stdout
    codes = [
        frame.code for each in run.closures for frame in (each.received, each.sent) if frame and frame.code != 1005
    ]
    assert sorted(map(int, told.replace(",", " ").split())) == sorted(codes)
    flawed = subprocess.run(
        ["tshark", "-r", packets, "-Y", "_ws.malformed || tcp.analysis.lost_segment || tcp.analysis.retransmission"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert flawed.stdout == ""
