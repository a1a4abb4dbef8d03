"""Every server that the simulation can be is identified, exactly and within the budget."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from wslab.core.limits.search import DEFAULT_CAP_BYTES
from wslab.core.limits.verdicts import CompressionCounts, OverLimit, TextUnit

from .conftest import Replies, SimulatedServer, refusal_of

CAP = DEFAULT_CAP_BYTES
MAX_CONNECTIONS = 42  # of which controls take at most ten
MAX_PROBE_BYTES = 512

limits = st.one_of(
    st.integers(0, 25).flatmap(lambda octave: st.integers(2**octave, 2 ** (octave + 1) - 1)),
    st.sampled_from([1, 2, 3, 125, 126, 1000, 32_768, 65_535, 65_536, 777_777, 10**6, 2**20, 2**22 - 1, CAP - 1]),
)
telling = limits.filter(lambda limit: limit >= 32)
"""Limits above the smallest compressed message: below, inflated and wire bytes cannot differ enough to tell."""

closures = st.one_of(
    st.tuples(st.just("close_frame"), st.sampled_from([1000, 1003, 1008, 1009, 1011, 4000])),
    st.tuples(st.sampled_from(["empty_close_frame", "no_close_frame"]), st.just(1009)),
)
CODE_SEEN = {"empty_close_frame": 1005, "no_close_frame": 1006, "silent_drop": None, "held_open": None}


@given(limit=limits, closure=closures, greetings=st.integers(0, 2), replies=st.sampled_from(["echo", "own", "none"]))
def test_search_message_limit_on_header(
    simulate: type[SimulatedServer], limit: int, closure: tuple[OverLimit, int], greetings: int, replies: Replies
) -> None:
    over_limit, code = closure
    server = simulate(max_message=limit, over_limit=over_limit, close_code=code, greetings=greetings, replies=replies)
    found = server.probe()
    assert (found.accepted_bytes, found.refused_bytes) == (limit, limit + 1)
    assert (found.counts, found.max_fragmented_bytes, found.text_unit) == ("message", limit, "bytes")
    assert refusal_of(found).over_limit == over_limit
    assert refusal_of(found).close_code == CODE_SEEN.get(over_limit, code)
    assert found.after_refusal == "drain"
    assert server.connections <= MAX_CONNECTIONS
    assert server.probe_bytes <= MAX_PROBE_BYTES
    assert [trial.payload_bytes for trial in server.confirmations] in ([limit, limit + 1], [limit + 1])


@given(limit=limits, on_header=st.booleans())
def test_search_frame_limit(simulate: type[SimulatedServer], limit: int, on_header: bool) -> None:
    server = simulate(max_frame=limit, on_header=on_header)
    found = server.probe()
    assert (found.accepted_bytes, found.counts, found.max_fragmented_bytes) == (limit, "frame", None)
    if on_header:
        assert server.connections <= MAX_CONNECTIONS
        assert server.probe_bytes <= MAX_PROBE_BYTES


@given(limits=st.lists(limits, min_size=2, max_size=2, unique=True).map(sorted), on_header=st.booleans())
def test_search_frame_and_message_limit(simulate: type[SimulatedServer], limits: list[int], on_header: bool) -> None:
    frame, message = limits
    server = simulate(max_frame=frame, max_message=message, on_header=on_header)
    found = server.probe()
    reachable = 65_536 * min(frame, 16_384)
    assert found.accepted_bytes == frame
    if message < reachable:
        assert (found.counts, found.max_fragmented_bytes) == ("both", message)
    else:
        assert any("were tried up to" in remark for remark in found.remarks)


@given(limit=limits, max_fragments=st.sampled_from([1024, 4096]))
def test_search_frame_limit_and_number_of_fragments(
    simulate: type[SimulatedServer], limit: int, max_fragments: int
) -> None:
    found = simulate(max_frame=limit, max_fragments=max_fragments).probe()
    assert (found.accepted_bytes, found.counts) == (limit, "both" if limit == 1 else "frame")
    if 1 < limit < CAP // max_fragments:
        assert any(f"more than {max_fragments:,} fragments" in remark for remark in found.remarks)


@given(limits=st.lists(limits, min_size=2, max_size=2).map(sorted))
def test_search_frame_limit_above_message_limit(simulate: type[SimulatedServer], limits: list[int]) -> None:
    message, frame = limits
    found = simulate(max_frame=frame, max_message=message).probe()
    assert (found.accepted_bytes, found.counts, found.max_fragmented_bytes) == (message, "message", message)


@given(
    limit=telling,
    compression=st.sampled_from(["inflated", "wire", "both"]),
    on_header=st.booleans(),
    kind=st.sampled_from(["max_message", "max_frame"]),
)
def test_search_compression(
    simulate: type[SimulatedServer], limit: int, compression: CompressionCounts, on_header: bool, kind: str
) -> None:
    limits: dict[str, Any] = {kind: limit}
    server = simulate(**limits, compression=compression, on_header=on_header)
    found = server.probe()
    assert (found.accepted_bytes, found.compression_counts) == (limit, compression)
    if on_header:
        assert server.connections <= MAX_CONNECTIONS
        assert server.probe_bytes <= MAX_PROBE_BYTES


@given(limit=limits, unit=st.sampled_from(["bytes", "characters"]))
def test_search_text_unit(simulate: type[SimulatedServer], limit: int, unit: TextUnit) -> None:
    found = simulate(max_message=limit, unit=unit, on_header=False).probe()
    assert (found.accepted_bytes, found.text_unit) == (limit, unit)


@given(
    limit=limits,
    over_limit=st.sampled_from(["silent_drop", "held_open", "no_close_frame", "empty_close_frame", "close_frame"]),
    replies=st.sampled_from(["echo", "own"]),
    greetings=st.integers(0, 2),
)
def test_search_limit_on_the_whole_payload(
    simulate: type[SimulatedServer], limit: int, over_limit: OverLimit, replies: Replies, greetings: int
) -> None:
    server = simulate(max_message=limit, on_header=False, over_limit=over_limit, replies=replies, greetings=greetings)
    found = server.probe()
    assert (found.accepted_bytes, found.refused_bytes, found.counts) == (limit, limit + 1, "message")
    assert refusal_of(found).over_limit == over_limit


@given(limit=limits, over_limit=st.sampled_from(["held_open", "no_close_frame", "close_frame"]), unasked=st.booleans())
def test_search_server_that_never_answers(
    simulate: type[SimulatedServer], limit: int, over_limit: OverLimit, unasked: bool
) -> None:
    server = simulate(max_message=limit, on_header=False, over_limit=over_limit, replies="none", unasked=unasked)
    found = server.probe()
    assert (found.accepted_bytes, found.refused_bytes) == (limit, limit + 1)
    assert refusal_of(found).over_limit == over_limit
    assert not found.always_answers


@given(limit=limits, unasked=st.integers(1, 3), over_limit=st.sampled_from(["silent_drop", "close_frame"]))
def test_search_echo_amid_messages_of_its_own(
    simulate: type[SimulatedServer], limit: int, unasked: int, over_limit: OverLimit
) -> None:
    found = simulate(max_message=limit, on_header=False, over_limit=over_limit, unasked=unasked).probe()
    assert (found.accepted_bytes, refusal_of(found).over_limit) == (limit, over_limit)


@given(limit=limits, ends=st.sampled_from([1000, 1005]), replies=st.sampled_from(["echo", "own", "none"]))
def test_search_server_that_closes_after_each_message(
    simulate: type[SimulatedServer], limit: int, ends: int, replies: Replies
) -> None:
    server = simulate(max_message=limit, ends=ends, replies=replies, pongs=replies != "own")
    found = server.probe()
    assert (found.accepted_bytes, found.refused_bytes) == (limit, limit + 1)
    assert refusal_of(found).close_code == 1009


@given(
    configured=limits.filter(lambda limit: limit > 1),
    exclusive=st.booleans(),
    told_by=st.sampled_from(["reason", "caller"]),
)
def test_search_inclusive_where_the_limit_is_known(
    simulate: type[SimulatedServer], configured: int, exclusive: bool, told_by: str
) -> None:
    assume(configured > 1)
    limit = configured - exclusive
    reason = f"message exceeds the limit of {configured:,} bytes" if told_by == "reason" else ""
    server = simulate(max_message=limit, reason=reason)
    found = server.probe(configured_bytes=configured if told_by == "caller" else None)
    assert (found.accepted_bytes, found.inclusive) == (limit, not exclusive)
    assert server.connections <= 17  # of which eleven are controls


@given(limit=limits, named=st.integers(1, CAP))
def test_search_misleading_reason_is_only_a_guess(simulate: type[SimulatedServer], limit: int, named: int) -> None:
    server = simulate(max_message=limit, reason=f"keep it under {named} bytes")
    assert server.probe().accepted_bytes == limit


# Not right below the cap: the cap is then the one size over the limit that is offered, and its echo would be a proof.
@given(
    limit=limits.filter(lambda limit: limit < CAP - 3),
    late=st.frozensets(st.integers(1, CAP), max_size=4),
    near=st.integers(1, 3),
)
def test_search_survives_refusals_that_come_late(
    simulate: type[SimulatedServer], limit: int, late: frozenset[int], near: int
) -> None:
    server = simulate(max_message=limit, late_refusals=late | {limit + near})
    assert server.probe().accepted_bytes == limit


@given(limit=limits, over_limit=st.sampled_from(["silent_drop", "close_frame"]))
def test_search_server_without_pongs(simulate: type[SimulatedServer], limit: int, over_limit: OverLimit) -> None:
    found = simulate(max_message=limit, pongs=False, on_header=False, over_limit=over_limit).probe()
    assert (found.accepted_bytes, refusal_of(found).over_limit) == (limit, over_limit)


@given(limit=limits)
def test_search_server_that_takes_binary_only(simulate: type[SimulatedServer], limit: int) -> None:
    found = simulate(max_message=limit, takes_text=False, close_code=1003).probe()
    assert (found.accepted_bytes, found.text_unit) == (limit, None)


@given(limit=limits)
def test_search_server_that_refuses_fragments(simulate: type[SimulatedServer], limit: int) -> None:
    found = simulate(max_message=limit, takes_fragments=False).probe()
    assert (found.accepted_bytes, found.counts, found.max_fragmented_bytes) == (limit, None, 0)


def test_search_no_limit_below_cap(simulate: type[SimulatedServer]) -> None:
    found = simulate(max_message=CAP + 1, replies="none").probe()
    assert (found.status, found.accepted_bytes, found.refused_bytes) == ("no_limit_below_cap", CAP, None)


@pytest.mark.parametrize(
    ("code", "reason", "status"),
    [
        (1009, "", "refuses_everything"),
        (1008, "authenticate first", "needs_greeting"),
        (4406, "", "needs_subprotocol"),
        (1002, "subprotocol missing", "needs_subprotocol"),
    ],
)
def test_search_where_no_message_passes(simulate: type[SimulatedServer], code: int, reason: str, status: str) -> None:
    found = simulate(max_message=0, close_code=code, reason=reason).probe()
    assert (found.status, found.accepted_bytes, found.refused_bytes) == (status, 0, 1)
    assert refusal_of(found).close_code == code


def test_search_server_that_closes_before_any_message(simulate: type[SimulatedServer]) -> None:
    found = simulate(ends=1000, ends_unasked=True, replies="none").probe()
    assert (found.status, found.accepted_bytes) == ("refuses_everything", 0)
