"""The simulated herd against a plain event loop, and the laws that any herd obeys."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from wslab.core.errors import SimulationError
from wslab.core.herds import simulate
from wslab.core.herds.capacity import Admission
from wslab.core.herds.draws import columns
from wslab.core.herds.scenario import Scenario
from wslab.core.herds.simulate import simulate_herd
from wslab.core.herds.simulated import SimulatedHerd
from wslab.core.policies.policy import Policy
from wslab.core.policies.textbook import POLICIES, named
from wslab.core.runs import load


def event_by_event(clients: int, policy: Policy, scenario: Scenario, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """When each client is back and how many attempts it made, from one heap of events: slow, and plain to check."""
    drawn = columns(policy, clients, seed)
    delays: list[np.ndarray] = []
    server = Admission(scenario)
    attempts, back = np.zeros(clients, int), np.full(clients, math.nan)
    events: list[tuple[float, int]] = []

    def schedule(client: int, resumed: float) -> None:
        while len(delays) <= attempts[client]:
            delays.append(np.broadcast_to(next(drawn), clients))
        delay = delays[attempts[client]][client]
        if not math.isnan(delay):
            heapq.heappush(events, (resumed + delay, client))

    for client, closed_at in enumerate(scenario.closed_at_s(clients)):
        schedule(client, closed_at)
    while events and events[0][0] < scenario.until_s:
        start, client = heapq.heappop(events)
        attempts[client] += 1
        if start < scenario.downtime_s:
            schedule(client, start + scenario.refused_s)
            continue
        turn = server.turns(np.array([start]))[0]
        if math.isnan(turn):
            schedule(client, start + scenario.handshake_s)
        elif turn + scenario.handshake_s > start + (scenario.timeout_s or math.inf):
            assert scenario.timeout_s is not None
            schedule(client, start + scenario.timeout_s)
        else:
            back[client] = turn + scenario.handshake_s
    return back, attempts


scenarios = st.builds(
    Scenario,
    downtime_s=st.floats(0, 5),
    drain_s=st.sampled_from([0.0, 2.0]),
    drain_batch=st.sampled_from([None, 10]),
    max_admissions_per_s=st.sampled_from([None, 20.0, 200.0]),
    burst=st.sampled_from([1, 10]),
    max_waiting=st.sampled_from([None, 5]),
    refusal_cost=st.sampled_from([0.0, 0.1]),
    # No shorter than a window, so that the order of events is exact there too.
    handshake_s=st.floats(simulate.RESOLUTION_S, 0.1),
    refused_s=st.floats(0.01, 0.1),
    timeout_s=st.sampled_from([None, 0.5]),
    until_s=st.just(30.0),
)
# Its clients of different batches, coming back after 1 s, meet on the same instants.
MEETING = Scenario(
    downtime_s=0.0,
    drain_s=2.0,
    drain_batch=10,
    max_admissions_per_s=20.0,
    burst=1,
    max_waiting=None,
    refusal_cost=0.0,
    handshake_s=0.0625,
    refused_s=0.0625,
    timeout_s=0.5,
    until_s=30.0,
)
herds = st.tuples(st.integers(1, 80), st.sampled_from(sorted(POLICIES)).map(named), scenarios, st.integers(0, 2**32))


@settings(max_examples=150, deadline=None)
@given(herds)
@example((31, named("constant"), MEETING, 0))
@example((71, named("none"), msgspec.structs.replace(MEETING, max_waiting=5, timeout_s=None), 0))
def test_herd_agrees_with_a_simulation_event_by_event(herd: tuple[int, Policy, Scenario, int]) -> None:
    clients, policy, scenario, seed = herd
    simulated = simulate_herd(clients, policy, scenario, seed=seed)
    back, attempts = event_by_event(clients, policy, scenario, seed)
    # Of clients whose attempts fall on the same instant, either may get in, and the others try again: whose attempts
    # they are may differ, but neither how many there are nor the times at which the herd is back.
    assert np.sort(simulated.reopened_at_s) == pytest.approx(np.sort(back), nan_ok=True)
    assert simulated.attempts.sum() == attempts.sum()


@settings(max_examples=100, deadline=None)
@given(herds)
def test_herd_keeps_its_accounts(herd: tuple[int, Policy, Scenario, int]) -> None:
    clients, policy, scenario, seed = herd
    simulated = simulate_herd(clients, policy, scenario, seed=seed)
    back = np.count_nonzero(~np.isnan(simulated.reopened_at_s))
    opened = simulated.attempts_per_bin.get("opened", np.zeros(1)).sum()
    assert opened == back, "each client is reopened once at most"
    assert back + simulated.gave_up + np.count_nonzero(simulated.still_out) == clients
    assert sum(counts.sum() for counts in simulated.attempts_per_bin.values()) == simulated.attempts.sum()
    assert np.all(simulated.reopened_at_s[~np.isnan(simulated.reopened_at_s)] >= scenario.downtime_s)


@settings(max_examples=100, deadline=None)
@given(herds)
def test_herd_is_admitted_no_faster_than_capacity_and_burst(herd: tuple[int, Policy, Scenario, int]) -> None:
    clients, policy, scenario, seed = herd
    simulated = simulate_herd(clients, policy, scenario, seed=seed)
    turns = np.sort(simulated.reopened_at_s[~np.isnan(simulated.reopened_at_s)]) - scenario.handshake_s
    if scenario.max_admissions_per_s is not None and turns.size:
        admitted = np.arange(1, turns.size + 1)
        allowed = scenario.burst + scenario.max_admissions_per_s * (turns - turns[0])
        assert np.all(admitted <= allowed + 1e-6)


@settings(max_examples=50, deadline=None)
@given(herds)
def test_attempts_of_a_client_follow_one_another_by_the_drawn_delay(herd: tuple[int, Policy, Scenario, int]) -> None:
    clients, policy, scenario, seed = herd
    run = simulate_herd(clients, policy, scenario, seed=seed).to_run()
    assert [a.ended_at_s for a in run.attempts] == sorted(a.ended_at_s for a in run.attempts)
    closed_at = scenario.closed_at_s(clients)
    for client in range(clients):
        mine = sorted((a for a in run.attempts if a.client == client), key=lambda a: a.number)
        assert [a.number for a in mine] == list(range(1, len(mine) + 1))
        assert all(a.outcome != "opened" for a in mine[:-1])
        ends = [closed_at[client], *(a.ended_at_s for a in mine)]
        for (before, after), attempt in zip(pairwise(ends), mine, strict=True):
            assert attempt.started_at_s == pytest.approx(before + attempt.delay_s)
            assert attempt.ended_at_s == after > attempt.started_at_s


@pytest.mark.parametrize("max_waiting", [None, 50])
def test_large_herd_agrees_with_the_plain_event_loop_where_its_windows_are_coarse(max_waiting: int | None) -> None:
    scenario = Scenario(downtime_s=3, max_admissions_per_s=400, max_waiting=max_waiting, handshake_s=0.0005)
    policy = named("full_jitter", initial_delay_s=0.5)
    simulated = simulate_herd(5000, policy, scenario, seed=4)
    back, attempts = event_by_event(5000, policy, scenario, seed=4)
    shares = np.linspace(0.05, 0.95, 10)
    assert np.quantile(simulated.reopened_at_s, shares) == pytest.approx(np.quantile(back, shares), rel=0.02)
    assert simulated.attempts.sum() == pytest.approx(attempts.sum(), rel=0.02)


def test_herd_is_repeated_by_its_seed() -> None:
    def herd(seed: int) -> SimulatedHerd:
        return simulate_herd(500, "full_jitter", downtime_s=3, max_admissions_per_s=50, max_waiting=5, seed=seed)

    assert np.array_equal(herd(1).reopened_at_s, herd(1).reopened_at_s)
    assert not np.array_equal(herd(1).reopened_at_s, herd(2).reopened_at_s)


def test_herd_is_the_same_whether_its_attempts_are_kept_or_not() -> None:
    kept, lean = (simulate_herd(300, "rfc6455", downtime_s=9, keep_attempts=keep) for keep in (True, False))
    assert np.array_equal(kept.reopened_at_s, lean.reopened_at_s)
    assert {name: bins.tolist() for name, bins in kept.attempts_per_bin.items()} == {
        name: bins.tolist() for name, bins in lean.attempts_per_bin.items()
    }
    with pytest.raises(ValueError, match="attempts of 300 clients were not kept; simulate with keep_attempts=True"):
        lean.to_run()


def test_herd_of_ones_own_policy_behaves_like_the_same_policy_broadcast() -> None:
    def mine(rng: Random) -> Iterator[float]:
        while True:
            yield rng.uniform(0.2, 1.5)

    own = simulate_herd(4000, mine, downtime_s=3)
    broadcast = simulate_herd(4000, Policy("mine", mine, broadcasts=True), downtime_s=3)
    shares = np.linspace(0.05, 0.95, 10)
    assert np.quantile(own.time_to_reconnect_s, shares) == pytest.approx(
        np.quantile(broadcast.time_to_reconnect_s, shares), rel=0.03
    )


def test_lockstep_herd_drains_at_the_rate_of_admissions() -> None:
    herd = simulate_herd(1000, "constant", downtime_s=2.5, max_admissions_per_s=100, handshake_s=0.001, refused_s=0.001)
    first, last = 3.002, 3.002 + 999 / 100  # two refusals of a millisecond, then a wave at the third second
    assert np.nanmin(herd.reopened_at_s) == pytest.approx(first + 0.001)
    assert np.nanmax(herd.reopened_at_s) == pytest.approx(last + 0.001)
    assert herd.attempts.tolist() == [3] * 1000
    assert herd.peak_attempts_per_s == 10_000


def test_herd_that_meets_a_hanging_server_is_cut_off_together() -> None:
    herd = simulate_herd(10, "constant", downtime_s=2, while_down="hang")
    assert {a.outcome for a in herd.to_run().attempts} == {"reset", "opened"}
    assert herd.reopened_at_s == pytest.approx([3.001] * 10)


def test_herd_that_meets_a_hanging_server_times_out_before() -> None:
    herd = simulate_herd(1, "constant", downtime_s=4, while_down="hang", timeout_s=1)
    assert [(a.outcome, a.ended_at_s) for a in herd.to_run().attempts] == [
        ("timeout", 2),
        ("reset", 4),
        ("opened", pytest.approx(5.001)),
    ]


def test_retry_after_is_waited_for_by_who_honours_it() -> None:
    scenario = Scenario(downtime_s=1.5, while_down="unavailable", retry_after_s=10)
    honouring = simulate_herd(1, named("exponential"), scenario)
    ignoring = simulate_herd(1, named("constant"), scenario)
    assert honouring.reopened_at_s == pytest.approx([1 + 0.001 + 10 + 2 + 0.001])
    assert ignoring.reopened_at_s == pytest.approx([2 + 2 * 0.001])
    rejected = honouring.to_run().attempts[0]
    assert (rejected.outcome, rejected.http_status, rejected.retry_after_s) == ("rejected", 503, 10)


def test_herd_gives_up_where_its_policy_ends() -> None:
    herd = simulate_herd(20, "signalr", downtime_s=100)
    assert herd.gave_up == 20
    assert herd.attempts.tolist() == [4] * 20
    assert herd.quantiles() == {0.5: None, 0.9: None, 0.99: None, 1.0: None}
    assert {o.gave_up for o in herd.to_run().outages} == {"policy 'signalr' makes no further attempt"}


def test_herd_makes_no_attempt_after_a_code_that_is_not_retried() -> None:
    herd = simulate_herd(20, "full_jitter", close_code=1009)
    assert herd.attempts.sum() == 0
    assert herd.gave_up == 20
    assert {o.gave_up for o in herd.to_run().outages} == {"policy 'full_jitter' does not retry 1009"}


def test_server_that_spends_its_turns_on_who_left_may_never_catch_up() -> None:
    herd = simulate_herd(2000, "constant", downtime_s=1, max_admissions_per_s=100, timeout_s=1, until_s=60)
    assert np.count_nonzero(herd.still_out) > 1500
    assert herd.gave_up == 0
    assert {outage.cut_short for outage in herd.to_run().outages if outage.gave_up} == {True}


def test_herd_that_asks_for_too_much_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulate, "MAX_ATTEMPTS", 10_000)
    with pytest.raises(SimulationError, match=r"policy 'none' asks for more .* longer delays, a shorter downtime"):
        simulate_herd(100, "none", downtime_s=60)


def test_simulation_tells_how_far_it_is_and_can_be_ended() -> None:
    told: list[int] = []
    herd = simulate_herd(100, "constant", downtime_s=5, on_pass=told.append)
    assert told == sorted(told)
    assert told[-1] == herd.attempts.sum()

    def give_up(made: int) -> None:
        raise InterruptedError(f"{made:,} attempts are enough")

    with pytest.raises(InterruptedError, match="100 attempts"):
        simulate_herd(100, "constant", downtime_s=5, on_pass=give_up)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, "none"), "clients is 0, but must be between 1 and 100,000,000 clients"),
        ((10, "nonne"), "policy is 'nonne'; did you mean 'none'"),
    ],
)
def test_simulation_refuses_bad_arguments(arguments: tuple[int, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        simulate_herd(*arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"scenario": {"downtime_s": 5}}, "must be a Scenario; write single fields by name, such as downtime_s=5"),
        ({"scenario": {}}, "must be a Scenario"),
        ({"keep_attempts": "no"}, "keep_attempts is 'no', but must be True or False or None"),
        ({"seed": "a"}, "seed is 'a'"),
    ],
)
def test_simulation_refuses_arguments_of_another_kind(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        simulate_herd(10, "constant", **arguments)


def test_run_of_a_simulation_is_saved_and_loaded_like_any_other(tmp_path: Path) -> None:
    herd = simulate_herd(50, "seed_page", downtime_s=4, max_admissions_per_s=20, seed=5)
    run = herd.to_run(started_at="2026-01-01T00:00:00+00:00")
    assert load(run.save(tmp_path / "herd.jsonl")) == run
    assert run.info.experiment == "simulate"
    assert run.info.parameters["downtime_s"] == 4
    assert run.restarts[0].downtime_s == 4
    assert [o.time_to_reconnect_s for o in run.outages] == pytest.approx(herd.time_to_reconnect_s)
    assert sum(a.outcome == "opened" for a in run.attempts) == 50
