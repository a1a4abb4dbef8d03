"""Whatever else a server closes on is told apart from size: no wrong limit, and the right one where there is one."""

from __future__ import annotations

from typing import Any

import pytest

from wslab.core.limits.evidence import LimitEvidence
from wslab.core.limits.manner import Terms
from wslab.core.limits.verdicts import OverLimit

from .conftest import Caps, Replies, SimulatedServer, WantsJson, failure_of, refusal_of

CAP = 2**20
LIMIT = 100_000


@pytest.mark.parametrize("limit", [None, LIMIT])
@pytest.mark.parametrize("per_server", [False, True])
@pytest.mark.parametrize("replies", ["echo", "own", "none"])
@pytest.mark.parametrize("count", [1, 2, 10, 20])
def test_rate_of_messages(
    simulate: type[SimulatedServer], caps: type[Caps], limit: int | None, per_server: bool, replies: Replies, count: int
) -> None:
    server = simulate(
        max_message=limit,
        on_header=False,
        close_code=1008,
        replies=replies,
        caps=caps(messages_per_window=count, per_server=per_server),
    )
    found = server.probe(cap_bytes=CAP)
    assert_size(found, limit)
    assert server.clock_s < found.budget_s
    if (not found.causes and limit is not None) or count == 20:
        return  # a search may be done before it meets that
    (cause,) = found.causes
    assert (cause.kind, cause.unit, cause.close_code) == ("rate", "messages_per_s", 1008)
    assert cause.number is not None
    assert 0.3 * count <= cause.number <= count


@pytest.mark.parametrize("limit", [None, LIMIT])
@pytest.mark.parametrize("cap", [{"messages": 1}, {"messages": 3}, {"messages": 8}, {"frames": 7}])
def test_count_on_a_connection(
    simulate: type[SimulatedServer], caps: type[Caps], limit: int | None, cap: dict[str, Any]
) -> None:
    found = simulate(max_message=limit, on_header=False, close_code=1008, caps=caps(**cap)).probe(cap_bytes=CAP)
    assert_size(found, limit)
    if not found.causes and limit is not None:
        return  # a search may be done before it meets that
    (cause,) = found.causes
    assert cause.kind == "count"
    if cap != {"messages": 1}:
        assert (cause.unit, cause.number) == next(iter(cap.items()))


@pytest.mark.parametrize("allowed", [1_200_000, 400_000, 5_000])
def test_bytes_on_a_connection(simulate: type[SimulatedServer], caps: type[Caps], allowed: int) -> None:
    found = simulate(on_header=False, caps=caps(bytes=allowed)).probe(cap_bytes=CAP)
    assert found.status != "limit_found"
    (cause,) = found.causes
    assert (cause.kind, cause.unit) == ("count", "bytes")
    assert cause.number is not None
    assert allowed / 2 < cause.number <= allowed


@pytest.mark.parametrize("per_server", [False, True])
def test_rate_of_bytes(simulate: type[SimulatedServer], caps: type[Caps], per_server: bool) -> None:
    server = simulate(on_header=False, caps=caps(bytes_per_window=1_500_000, per_server=per_server))
    found = server.probe(cap_bytes=CAP)
    assert (found.status, found.accepted_bytes) == ("no_limit_below_cap", CAP)
    (cause,) = found.causes
    assert (cause.kind, cause.unit) == ("rate", "bytes_per_s")


@pytest.mark.parametrize("limit", [None, LIMIT])
@pytest.mark.parametrize("age_s", [0.006, 0.05, 0.5])
def test_age(simulate: type[SimulatedServer], caps: type[Caps], limit: int | None, age_s: float) -> None:
    found = simulate(max_message=limit, on_header=False, close_code=1001, caps=caps(age_s=age_s, code=1001)).probe(
        cap_bytes=CAP
    )
    assert_size(found, limit)


def test_time_that_a_large_message_takes(simulate: type[SimulatedServer], caps: type[Caps]) -> None:
    """A keepalive that times out behind a slow line, as in router-for-me/CLIProxyAPI#5734."""
    slow = simulate(
        on_header=False, bytes_per_s=1e6, caps=caps(sending_s=0.5, code=1011, reason="keepalive ping timeout")
    )
    found = slow.probe()
    assert (found.status, found.refused_bytes) == ("closes_on_time", None)
    (cause,) = found.causes
    assert (cause.kind, cause.unit, cause.close_code) == ("time", "sending_s", 1011)
    assert slow.clock_s < 30


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("share", [0.02, 0.1, 0.3])
@pytest.mark.parametrize("limit", [None, LIMIT])
def test_chance(simulate: type[SimulatedServer], caps: type[Caps], limit: int | None, share: float, seed: int) -> None:
    found = simulate(max_message=limit, on_header=False, seed=seed, caps=caps(share=share)).probe(cap_bytes=CAP)
    if found.status == "limit_found":
        assert (found.accepted_bytes, found.refused_bytes) == (LIMIT, LIMIT + 1)
        assert limit is not None
    if found.status == "no_limit_below_cap":
        assert limit is None
    assert not [cause for cause in found.causes if cause.kind != "chance"]


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("on_header", [False, True])
def test_servers_with_different_limits_behind_one_address(
    simulate: type[SimulatedServer], on_header: bool, seed: int
) -> None:
    found = simulate(servers=(LIMIT // 4, LIMIT), on_header=on_header, seed=seed).probe(cap_bytes=CAP)
    if found.status == "limit_found":  # of twelve connections and more, each may have gone to the same server
        assert found.accepted_bytes == LIMIT // 4
    else:
        assert (found.status, found.causes) == ("inconsistent", [])
        assert "behind one address" in failure_of(found).explanation
        assert f"up to {LIMIT // 4:,} bytes pass on each" in failure_of(found).explanation
        assert (found.accepted_bytes, found.refused_bytes) == (LIMIT // 4, LIMIT // 4 + 1)


@pytest.mark.parametrize("window_s", [1.0, 5.0, 60.0])
def test_quota_of_bytes_over_all_connections(
    simulate: type[SimulatedServer], caps: type[Caps], window_s: float
) -> None:
    """Small messages pass on until the rest of the quota is used up too; what was refused is no limit."""
    quota = caps(bytes_per_window=1_500_000, per_server=True, window_s=window_s)
    found = simulate(on_header=False, caps=quota).probe(cap_bytes=CAP)
    assert found.status in ("closes_on_rate", "no_limit_below_cap")
    assert found.refused_bytes is None
    (cause,) = found.causes
    assert (cause.kind, cause.number) == ("rate", None)
    assert cause.unit in ("bytes_per_s", None)  # None: it counts what it refuses, too, and takes nothing any more


def test_limit_that_falls(simulate: type[SimulatedServer]) -> None:
    found = simulate(max_message=LIMIT, on_header=False, falls_after=40, falls_to=LIMIT // 3).probe(cap_bytes=CAP)
    assert found.status == "inconsistent"
    assert "The limit fell during the search" in failure_of(found).explanation


def test_limit_of_text_messages_only(simulate: type[SimulatedServer]) -> None:
    found = simulate(max_message=LIMIT, on_header=False, limits_binary=False).probe(cap_bytes=CAP)
    assert_size(found, LIMIT)
    assert any(f"a binary one of {LIMIT + 1:,} bytes passes" in remark for remark in found.remarks)


@pytest.mark.parametrize("other_sources", [False, True])
def test_address_that_is_banned_after_a_refusal(simulate: type[SimulatedServer], other_sources: bool) -> None:
    server = simulate(max_message=LIMIT, on_header=False, bans=True)
    found = server.probe(cap_bytes=CAP, terms=Terms(other_sources=other_sources))
    if other_sources:
        assert_size(found, LIMIT)
        (cause,) = found.causes
        assert (cause.kind, cause.unit) == ("count", "connections")
        assert "limits the connections of each client, or bans an address" in cause.explanation
    else:
        assert (found.status, found.refused_bytes) == ("went_away", None)


def test_limit_that_changes_after_the_search(simulate: type[SimulatedServer]) -> None:
    """A limit that moves more slowly than a search lasts is met by waiting only."""
    found = simulate(max_message=LIMIT, on_header=False, grows_per_s=0.001).probe(cap_bytes=CAP)
    assert_size(found, LIMIT)
    moved = simulate(max_message=LIMIT, on_header=False, grows_per_s=0.1)
    found = moved.probe(cap_bytes=CAP, terms=Terms(again_after_s=60.0))
    assert found.status == "inconsistent"
    steady = simulate(max_message=LIMIT, on_header=False).probe(cap_bytes=CAP, terms=Terms(again_after_s=60.0))
    assert_size(steady, LIMIT)
    assert "All was the same 60 s later." in steady.remarks


@pytest.mark.parametrize("replies", ["echo", "own"])
def test_answers_that_come_late(simulate: type[SimulatedServer], replies: Replies) -> None:
    """A pong comes at once, and an answer only from the server's work on the message."""
    found = simulate(max_message=LIMIT, on_header=False, replies=replies, late_s=2.0).probe(cap_bytes=CAP)
    assert_size(found, LIMIT)
    assert found.always_answers


def test_echo_that_is_cut(simulate: type[SimulatedServer]) -> None:
    found = simulate(on_header=False, echoes_bytes=5000).probe(cap_bytes=CAP)
    assert_size(found, None)
    assert (found.echo_cut_bytes, found.answer_changes_at_bytes) == (5000, 5001)


@pytest.mark.parametrize("trials", range(8, 26, 3))
def test_search_that_runs_out_of_time_keeps_what_it_saw(simulate: type[SimulatedServer], trials: int) -> None:
    found = simulate(max_message=LIMIT, on_header=False, replies="own", trials_in_time=trials).probe(cap_bytes=CAP)
    assert found.status == "out_of_bounds"
    assert found.accepted_bytes <= LIMIT < (found.refused_bytes or CAP)
    assert found.refusal is None or found.awaits_control
    assert trials < 20 or found.refused_bytes is not None


@pytest.mark.parametrize("replies", ["echo", "own", "none"])
def test_answer_that_says_no(simulate: type[SimulatedServer], replies: Replies) -> None:
    server = simulate(says_no_above=1000, replies=replies, answer='{{"ok": true, "bytes": {size}}}')
    found = server.probe(cap_bytes=CAP)
    assert (found.status, found.accepted_bytes, found.refused_bytes) == ("limit_found", 1000, 1001)
    assert (refusal_of(found).over_limit, refusal_of(found).answer) == ("other_answer", server.no)


@pytest.mark.parametrize("replies", ["echo", "own", "none"])
@pytest.mark.parametrize("away_s", [0.3, 2.0])
def test_message_that_fells_the_server(simulate: type[SimulatedServer], replies: Replies, away_s: float) -> None:
    """As in websockets/ws#1447 and TooTallNate/Java-WebSocket#1436: out of memory, and restarted by its supervisor."""
    server = simulate(on_header=False, replies=replies, fells_above=LIMIT, away_s=away_s)
    found = server.probe(cap_bytes=CAP)
    assert (found.status, found.refused_bytes) == ("went_away", None)
    assert "takes the server down, 2 of 2 times" in failure_of(found).explanation
    assert (
        sum(trial.payload_bytes > LIMIT for trial in server.trials if not trial.is_announcement) <= 2 + 5
    )  # 5: it was away


@pytest.mark.parametrize("grows_per_s", [500, 3000])
def test_limit_that_moves(simulate: type[SimulatedServer], grows_per_s: int) -> None:
    found = simulate(max_message=LIMIT, on_header=False, grows_per_s=grows_per_s).probe(cap_bytes=CAP)
    if found.status == "inconsistent":
        assert "it moves" in failure_of(found).explanation
    assert found.status in ("inconsistent", "limit_found")
    assert not [cause for cause in found.causes if cause.kind == "chance"]


@pytest.mark.parametrize("limit", [None, LIMIT])
@pytest.mark.parametrize("answer", ["", '{"error": "rate limit exceeded"}'])
def test_rate_that_is_told_in_words_or_by_silence(
    simulate: type[SimulatedServer], caps: type[Caps], limit: int | None, answer: str
) -> None:
    """As in levy-street/world-of-claudecraft#1108: what is over the rate is dropped, and the connection lives on."""
    rate = caps(messages_per_window=5, answer=answer)
    found = simulate(max_message=limit, on_header=False, replies="own", answer="fine", caps=rate).probe(cap_bytes=CAP)
    assert_size(found, limit)
    (cause,) = found.causes
    assert (cause.kind, cause.unit, cause.close_code) == ("rate", "messages_per_s", None)
    assert (answer or "there is no answer") in cause.explanation


@pytest.mark.parametrize("wants_json", ["or closes", "or says no"])
@pytest.mark.parametrize("replies", ["own", "echo"])
def test_server_that_wants_json(simulate: type[SimulatedServer], wants_json: WantsJson, replies: Replies) -> None:
    server = simulate(max_message=LIMIT, on_header=False, wants_json=wants_json, replies=replies, answer='{{"ok": 1}}')
    found = server.probe(cap_bytes=CAP)
    assert_size(found, LIMIT)
    assert not any("rejects" in remark for remark in found.remarks)
    assert any("objects in JSON" in remark for remark in found.remarks)


@pytest.mark.parametrize("over_limit", ["close_frame", "silent_drop"])
def test_answer_amid_heartbeats(simulate: type[SimulatedServer], over_limit: OverLimit) -> None:
    """An answer is what the server does not say unasked; so a message that it drops is noticed."""
    server = simulate(
        max_message=LIMIT,
        on_header=False,
        over_limit=over_limit,
        replies="own",
        answer='{{"ok": 1}}',
        chatter=('{"type": "heartbeat", "at": 17}', "user3: hello"),
    )
    found = server.probe(cap_bytes=CAP)
    assert_size(found, LIMIT)
    assert (found.always_answers, refusal_of(found).over_limit) == (True, over_limit)


def test_chatter_is_no_answer(simulate: type[SimulatedServer]) -> None:
    found = simulate(max_message=LIMIT, on_header=False, replies="none", chatter=("tick 5",)).probe(cap_bytes=CAP)
    assert_size(found, LIMIT)
    assert (found.always_answers, found.speaks_unasked) == (False, True)


def assert_size(found: LimitEvidence, limit: int | None) -> None:
    if limit is None:
        assert (found.status, found.accepted_bytes) == ("no_limit_below_cap", CAP)
    else:
        assert (found.status, found.accepted_bytes, found.refused_bytes) == ("limit_found", limit, limit + 1)
