"""What a capture shows of a connection, from its first segment to its last, and what it cannot show."""

from __future__ import annotations

import contextlib
import io
import random
import zlib

import pytest
from dpkt import ip
from hypothesis import given, settings
from hypothesis import strategies as st

from wslab.captures.capture import read_packets
from wslab.captures.containers import Packet
from wslab.core.errors import CaptureError
from wslab.core.findings import find
from wslab.core.records import Close, Side, Trace
from wslab.net.frames import encode_frame

from .conftest import BINARY, CLOSE, KEY, PING, PONG, TEXT, Script, accepted, captured, read


def only_trace(script: Script) -> Trace:
    [trace] = read(script.packets).traces
    return trace


def test_a_clean_close_by_the_server_is_told_from_both_sides(script: Script) -> None:
    script.shake_hands().frame("client", b"hello").frame("server", b"hello back")
    script.close("server", 1012, "service restart").close("client", 1012).part_in_order()
    run = read(script.packets)
    [closure], [send], [receipt], [trace] = run.closures, run.sends, run.receipts, run.traces
    assert (closure.close_code, closure.close_reason, closure.closed_by) == (1012, "service restart", "server")
    assert (closure.received, closure.sent) == (Close(code=1012, reason="service restart"), Close(code=1012))
    assert (closure.clean, closure.tcp_end, closure.recovered) == (True, "fin", False)
    assert (send.payload_bytes, send.payload_kind, send.wire_bytes) == (5, "text", 11)
    assert (receipt.payload_bytes, receipt.complete) == (10, True)
    assert (trace.opening_seen, trace.ending_seen, trace.ended_by, trace.end) == (True, True, "server", "fin")
    assert trace.url == "ws://127.0.0.1:8080/feed"
    assert [attempt.outcome for attempt in run.attempts] == ["opened"]


def test_the_query_of_a_url_is_nowhere_in_the_run(script: Script) -> None:
    assert "secret" not in repr(read(script.shake_hands().part_in_order().packets))


def test_a_message_that_was_never_finished_is_the_one_that_closed(script: Script) -> None:
    script.shake_hands().frame("client", b"small").frame("server", b"fine").wait_ms(5000)
    script.say("client", b"\x82\xff" + (2_000_000).to_bytes(8, "big") + bytes(4) + bytes(100_000))
    script.close("server", 1009, "too big").reset("server")
    run = read(script.packets)
    [small, large] = run.sends
    assert (small.outcome, large.outcome, large.payload_bytes, large.close_code) == (
        "accepted",
        "closed",
        2_000_000,
        1009,
    )
    [trace] = run.traces
    assert (trace.unfinished_bytes, trace.announced_bytes, trace.end) == (100_014, 2_000_000, "reset")
    [closure] = run.closures
    assert closure.recovered  # the reset may have kept the frame from the application


def test_of_messages_without_answers_the_largest_is_taken_for_the_one_that_closed(script: Script) -> None:
    script.shake_hands()
    for payload_bytes in (10, 5000, 20):
        script.frame("client", bytes(payload_bytes), BINARY)
    run = read(script.close("server", 1009).part_in_order().packets)
    assert [send.outcome for send in run.sends] == ["unconfirmed", "closed", "unconfirmed"]


def test_a_push_of_the_servers_just_before_the_end_confirms_nothing(script: Script) -> None:
    script.shake_hands().frame("client", b"x" * 500).frame("server", b"news").close("server", 1008).part_in_order()
    [send] = read(script.packets).sends
    assert send.outcome == "unconfirmed"


def test_fragments_and_control_frames_between_them(script: Script) -> None:
    script.shake_hands().frame("client", b"ab", final=False).frame("client", b"beat", PING)
    script.frame("server", b"beat", PONG).frame("client", b"cd", 0).frame("server", b"", PING)
    run = read(script.packets)
    [send] = run.sends
    assert (send.payload_bytes, send.fragment_count) == (4, 2)
    answered, unanswered = run.pings
    assert (answered.sent_by, answered.payload_bytes, answered.answered_at_s is not None) == ("client", 4, True)
    assert (unanswered.sent_by, unanswered.answered_at_s) == ("server", None)


@pytest.mark.parametrize("parameters", ["", "; client_no_context_takeover; server_no_context_takeover"])
def test_compressed_messages_have_the_size_that_they_inflate_to(script: Script, parameters: str) -> None:
    script.shake_hands(extensions=f"permessage-deflate{parameters}")
    for side in ("client", "server"):
        deflate = zlib.compressobj(wbits=-15)
        for _ in range(3):
            if parameters:
                deflate = zlib.compressobj(wbits=-15)
            content = deflate.compress(b"again and again " * 100) + deflate.flush(zlib.Z_SYNC_FLUSH)
            script.frame(side, content[:-4], rsv1=True)
    run = read(script.packets)
    assert [send.payload_bytes for send in run.sends] == [1600] * 3
    assert [receipt.payload_bytes for receipt in run.receipts] == [1600] * 3
    assert all(send.compression and send.wire_bytes and send.wire_bytes < 100 for send in run.sends)


def test_a_message_that_inflates_without_end_has_no_known_size(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wslab.captures.streams.MAX_INFLATED_BYTES", 1000)
    deflate = zlib.compressobj(wbits=-15)
    bomb = deflate.compress(bytes(3_000_000)) + deflate.flush(zlib.Z_SYNC_FLUSH)
    script.shake_hands(extensions="permessage-deflate").frame("server", bomb[:-4], rsv1=True)
    [receipt] = read(script.packets).receipts
    assert (receipt.payload_bytes, receipt.announced_bytes) == (None, len(bomb) - 4)


FRONTS: dict[str, tuple[list[tuple[Side, bytes]], str | None]] = {
    "nothing": ([], None),
    "SOCKS 5": (
        [
            ("client", b"\5\1\0"),
            ("server", b"\5\0"),
            ("client", b"\5\1\0\3\4host\0\x50"),
            ("server", b"\5\0\0\1" + bytes(6)),
        ],
        "SOCKS",
    ),
    "PROXY": ([("client", b"PROXY TCP4 192.0.2.1 192.0.2.2 5 80\r\n")], "the PROXY protocol"),
    "CONNECT": (
        [("client", b"CONNECT host:80 HTTP/1.1\r\nHost: host\r\n\r\n"), ("server", b"HTTP/1.1 200 OK\r\n\r\n")],
        "CONNECT host:80",
    ),
    "another request, whose answer looks like one": (
        [
            ("client", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
            ("server", b"HTTP/1.1 200 OK\r\nContent-Length: 24\r\n\r\nHTTP/1.1 101 is no answer"[:-1]),
        ],
        None,
    ),
    "a request with a body": (
        [
            ("client", b"POST / HTTP/1.1\r\nContent-Length: 20\r\n\r\nGET / HTTP/1.1\r\n\r\n.."),
            ("server", b"HTTP/1.1 204 No Content\r\n\r\n"),
        ],
        None,
    ),
}


@pytest.mark.parametrize("front", FRONTS)
def test_a_handshake_is_found_behind(script: Script, front: str) -> None:
    said, via = FRONTS[front]
    script.open()
    for side, content in said:
        script.say(side, content)
    script.ask().accept().close("client").close("server").part_in_order()
    run = read(script.packets)
    [closure], [trace] = run.closures, run.traces
    assert (closure.closed_by, closure.clean) == ("client", True)
    assert (via is None) == (not trace.remarks)
    assert via is None or via in trace.remarks[0]


def test_what_a_syn_carries_is_read(script: Script) -> None:
    """TCP Fast Open sends the request with the SYN (RFC 7413)."""
    script.shake_hands().frame("client", b"x").close("server", 1012).part_in_order()
    syn, request = (ip.IP(script.packets[place].data) for place in (0, 3))
    syn.data.data, syn.len = request.data.data, request.len
    data = bytes(syn)
    run = read([Packet(script.packets[0].at_ns, 101, data, len(data)), *script.packets[1:3], *script.packets[4:]])
    assert (run.closures[0].close_code, run.traces[0].client_missing_bytes) == (1012, 0)


def test_silence_before_the_end_ends_where_leave_is_taken(script: Script) -> None:
    script.shake_hands().frame("client", b"x").wait_ms(60_000).close("server", 1001).part_in_order()
    assert read(script.packets).traces[0].silence_s == pytest.approx(60, abs=0.1)


def test_two_handshakes_on_one_connection_are_two_attempts(script: Script) -> None:
    script.open().ask().say("server", b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 4\r\nRetry-After: 7\r\n\r\nno!\n")
    script.ask().accept().close("server", 1001).close("client", 1001).part_in_order()
    run = read(script.packets)
    assert [(attempt.outcome, attempt.http_status, attempt.retry_after_s) for attempt in run.attempts] == [
        ("rejected", 401, 7.0),
        ("opened", 101, None),
    ]
    assert [closure.close_code for closure in run.closures] == [1001]


def test_an_answer_that_no_client_takes_is_told(script: Script) -> None:
    script.open().ask().say("server", accepted(key="A" + KEY[1:-3] + "Q=="))
    assert "Sec-WebSocket-Accept" in only_trace(script).remarks[0]


def test_frames_before_the_answer_has_come_are_read(script: Script) -> None:
    """A server may push in the segment of its answer; a client should wait, and some do not."""
    script.open().ask().frame("client", b"early").say("server", accepted() + b"\x81\x02hi").close(
        "server"
    ).part_in_order()
    run = read(script.packets)
    assert [send.payload_bytes for send in run.sends] == [5]
    assert [receipt.payload_bytes for receipt in run.receipts] == [2]


def test_a_capture_that_begins_in_the_middle_says_so(script: Script) -> None:
    script.shake_hands()
    skipped = len(script.packets)
    script.frame("client", b"hello").frame("server", b"back").close("server", 1009, "too big").close("client", 1009)
    run = read(script.part_in_order().packets[skipped:])
    [closure], [trace] = run.closures, run.traces
    assert (closure.close_code, closure.closed_by) == (1009, "server")
    assert (trace.opening_seen, trace.guessed, trace.client_address) == (False, True, "127.0.0.1:4000")
    assert "the capture begins in the middle of it" in trace.remarks
    assert run.attempts == ()


def test_a_capture_that_begins_with_a_long_message_reads_the_next_one_whole(script: Script) -> None:
    script.open().say("client", b"what was said before").packets.clear()
    begin = encode_frame(TEXT, b"x" * 40_000, sender="client")
    script.say("client", begin[:20_000]).say("client", begin[20_000:40_000]).say("client", begin[40_000:])
    script.frame("server", b"y" * 40_000).frame("client", b"x" * 40_001).close("server", 1009).close("client", 1009)
    run = read(script.part_in_order().packets)
    assert [send.payload_bytes for send in run.sends] == [40_000, 40_001]


def test_a_capture_that_begins_in_a_message_is_read_from_the_next_frames_on(script: Script) -> None:
    script.shake_hands().frame("client", bytes(range(256)) * 300, BINARY)
    script.packets = script.packets[-6:]  # the end of the large message
    script.frame("client", b"hello").frame("server", b"back").close("client", 1000)
    [trace] = read(script.packets).traces
    assert (trace.guessed, trace.sent_messages, trace.received_messages) == (True, 1, 1)


def test_a_capture_that_ends_before_the_connection_says_so(script: Script) -> None:
    run = read(script.shake_hands().frame("client", b"hello").packets)
    [trace] = run.traces
    assert (trace.ending_seen, run.closures) == (False, ())
    assert "the capture ends before it does" in trace.remarks


def test_a_close_frame_without_the_end_of_tcp_is_a_closure(script: Script) -> None:
    [closure] = read(script.shake_hands().close("server", 1001).packets).closures
    assert (closure.close_code, closure.tcp_end) == (1001, "unseen")


def test_a_gap_in_a_message_costs_its_content_and_nothing_else(script: Script) -> None:
    script.shake_hands().frame("client", bytes(100_000), BINARY)
    del script.packets[-4]  # a segment within the message
    script.frame("client", b"next").close("client").close("server").part_in_order()
    run = read(script.packets)
    assert [(send.payload_bytes, send.fragment_count) for send in run.sends] == [(100_000, 1), (4, 1)]
    [trace] = run.traces
    assert trace.client_missing_bytes == 16_384
    assert not trace.guessed


def test_behind_a_gap_with_a_header_in_it_reading_goes_on_at_the_next_frames(script: Script) -> None:
    script.shake_hands().frame("client", b"one").frame("client", b"two").frame("client", b"three")
    script.close("server", 1012)
    packets = [packet for packet in script.packets if b"two" not in unmasked(packet.data)]
    run = read(packets)
    [trace] = run.traces
    assert any("gap" in remark for remark in trace.remarks)
    assert [closure.close_code for closure in run.closures] == [1012]


def unmasked(data: bytes) -> bytes:
    """Return the last bytes of a packet as the payload of a small masked frame."""
    mask = data[-7:-3]
    return bytes(a ^ b for a, b in zip(data[-3:], mask, strict=False))


@pytest.mark.parametrize(
    ("noise", "protocol"),
    [
        (b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" + bytes(300), "tls"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(100), "http2"),
    ],
)
def test_what_nobody_can_look_into_is_named(script: Script, noise: bytes, protocol: str) -> None:
    script.open().say("client", noise).say("server", bytes(500)).reset("server")
    trace = only_trace(script)
    assert (trace.protocol, trace.ended_by, trace.end, trace.server_bytes) == (protocol, "server", "reset", 500)


def test_other_connections_are_counted_and_not_told(script: Script) -> None:
    script.open().say("client", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").say("server", b"HTTP/1.1 200 OK\r\n\r\nbody")
    script.part_in_order()
    other = Script(port=4001, server_port=5432).open().say("client", bytes(9000)).part_in_order()
    run = read([*script.packets, *other.packets])
    assert run.records == ()
    assert run.info.losses == ["connections of HTTP without a WebSocket: 1", "connections of another protocol: 1"]


def test_a_proxy_that_refuses_the_tunnel_is_told_with_its_status(script: Script) -> None:
    script.open().say("client", b"CONNECT host.example:443 HTTP/1.1\r\nHost: host.example:443\r\n\r\n")
    script.say("server", b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n").part_in_order()
    assert read(script.packets).info.losses == ["connections of an HTTP proxy that answered CONNECT with 407: 1"]


def test_a_client_that_comes_back_is_one_client_with_an_outage() -> None:
    packets = Script(port=1).shake_hands().close("server", 1012).close("client", 1012).part_in_order().packets
    at_ns = packets[-1].at_ns
    for port, refused in ((2, True), (3, True), (4, False)):
        script = Script(port=port)
        script.at_ns = at_ns = at_ns + 10**9
        packets += script.tcp.ask_in_vain(at_ns, refused=True) if refused else script.shake_hands().packets
    run = read(packets)
    [outage] = run.outages
    assert (outage.close_code, outage.attempts, outage.gave_up) == (1012, 3, None)
    assert outage.time_to_reconnect_s == pytest.approx(3.0, abs=0.1)
    assert [attempt.outcome for attempt in run.attempts] == ["opened", "refused", "refused", "opened"]
    assert {attempt.client for attempt in run.attempts} == {0}


def test_clients_that_overlap_are_clients_of_their_own() -> None:
    packets = [packet for port in (1, 2) for packet in Script(port=port).shake_hands().close("server", 1012).packets]
    run = read(sorted(packets, key=lambda packet: packet.at_ns))
    assert {closure.client for closure in run.closures} == {0, 1}
    assert run.outages == ()


@pytest.mark.parametrize("missing", [0, 3])  # also where its SYN was not captured
def test_a_port_that_is_used_again_is_another_connection(script: Script, missing: int) -> None:
    script.shake_hands().close("server", 1001).close("client", 1001).part_in_order()
    again = Script()
    again.at_ns = script.at_ns + 10**9
    again.tcp = type(script.tcp)(("127.0.0.1", 4000), ("127.0.0.1", 8080), first_seq=77_777)
    run = read([*script.packets, *again.shake_hands().close("server", 1012).packets[missing:]])
    assert [closure.close_code for closure in run.closures] == [1001, 1012]


def test_a_rule_that_is_broken_is_named_with_who_broke_it(script: Script) -> None:
    script.shake_hands().say("server", b"\x83\x00").close("client", 1002)
    assert only_trace(script).violation == "the server: a frame that begins with 83, an unknown opcode (RFC 6455 §5.2)"


@pytest.mark.parametrize("body", [b"\x03", b"\x03\xee", b"\x13\x88\xff"])
def test_a_close_frame_that_nobody_may_send_is_1006_to_the_application(script: Script, body: bytes) -> None:
    script.shake_hands().frame("server", body, CLOSE)
    run = read(script.packets)
    [closure], [trace] = run.closures, run.traces
    assert closure.close_code == 1006
    assert trace.violation is not None


def test_an_interrupt_ends_the_reading_and_keeps_what_was_read(script: Script) -> None:
    script.shake_hands().close("server", 1012).close("client", 1012).part_in_order()
    for _ in range(3000):
        script.say("client", b"x")

    def interrupt(read_bytes: int) -> None:
        assert read_bytes > 0
        raise KeyboardInterrupt

    run = read_packets(io.BytesIO(captured(script.packets)), on_bytes=interrupt)
    assert [closure.close_code for closure in run.closures] == [1012]
    assert run.info.partial
    assert "interrupted after 4,096 packets" in run.info.losses[-1]


def test_each_side_is_told_what_the_other_sent(script: Script) -> None:
    script.shake_hands().close("server", 1009).frame("client", b"more").reset("server")
    run = read(script.packets)
    [closure], [trace] = run.closures, run.traces
    assert (closure.close_code, trace.server_told_code) == (1009, 1006)
    assert any(
        "bytes of the client's, behind the server's close frame, were not read" in each for each in trace.remarks
    )


def test_a_capture_without_tcp_says_what_is_there() -> None:
    with pytest.raises(CaptureError, match="no TCP in 0 packets"):
        read([])


@settings(deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 40))
def test_any_damage_to_a_capture_ends_in_records_or_in_a_sentence(seed: int, changes: int) -> None:
    script = Script().shake_hands(extensions="permessage-deflate").frame("client", b"hello", TEXT)
    content = bytearray(captured(script.frame("server", b"hi").close("server", 1009).part_in_order().packets))
    rng = random.Random(seed)
    for _ in range(changes):
        content[rng.randrange(len(content))] = rng.randrange(256)
    with contextlib.suppress(CaptureError):
        read_packets(io.BytesIO(bytes(content)))


def test_a_body_that_looks_like_an_answer_is_none(script: Script) -> None:
    fake = b"20\r\nHTTP/1.1 101 fake" + b"x" * 15 + b"\r\n0\r\n\r\n"
    script.open().ask().say("server", b"HTTP/1.1 401 Unauthorized\r\nTransfer-Encoding: chunked\r\n\r\n" + fake)
    run = read(script.ask().accept().close("server", 1001).packets)
    assert [attempt.http_status for attempt in run.attempts] == [401, 101]
    assert [closure.close_code for closure in run.closures] == [1001]


@pytest.mark.parametrize(("port", "side"), [(8080, "server"), (4000, "client")])
@pytest.mark.parametrize("messages", [1, 30])
def test_a_capture_of_one_direction_alone_is_read_as_that(script: Script, port: int, side: Side, messages: int) -> None:
    script.shake_hands()
    for _ in range(messages):
        script.frame("client", b"x" * 100).frame("server", b"y" * 200)
    script.close("server", 1009, "too big").close("client", 1009)
    half = [packet for packet in script.packets if int.from_bytes(packet.data[20:22]) == port]
    run = read(half)
    [trace] = run.traces
    assert any(f"what the {side} sent" in remark for remark in trace.remarks)
    assert any(f"the {side}'s close frame says 1009" in remark for remark in trace.remarks)
    assert not run.closures  # it may be an answer to a close frame that is not in the capture
    assert {finding.rule for finding in find(run)} == {"cannot_be_seen"}
    assert len(run.receipts if side == "server" else run.sends) == messages
    assert trace.violation is None


@given(st.lists(st.tuples(st.sampled_from(["client", "server"]), st.binary(max_size=80), st.booleans()), max_size=12))
def test_whatever_two_sides_say_is_read_or_left(said: list[tuple[Side, bytes, bool]]) -> None:
    """In an opened WebSocket, and on a connection that began somewhere in the middle."""
    for opened in (True, False):
        script = Script()
        if opened:
            script.shake_hands(extensions="permessage-deflate")
        for side, payload, lost in said:
            before = len(script.packets)
            script.say(side, payload or b"\x88")
            if lost:
                del script.packets[before:]
        if script.packets:
            read(script.packets)
