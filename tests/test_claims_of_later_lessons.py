"""What lessons 06 to 11 say in prose of numbers and comparisons is true of the runs that they show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from test_claims import runs

from wslab import pair
from wslab.core.fieldguide import read_entries, tally
from wslab.core.findings import find
from wslab.core.herds.contention import AWS_POLICIES, contend
from wslab.core.herds.simulate import simulate_herd
from wslab.core.herds.simulated import BIN_S, SimulatedHerd
from wslab.core.policies import textbook as policies
from wslab.core.recordings import read_check
from wslab.core.records import Closure
from wslab.core.runs import Run, load
from wslab.views import tables
from wslab.views.matrix import answers

DATA = Path(__file__).parent.parent / "data"

SIX = ["constant", "exponential", "full_jitter", "decorrelated_jitter", "registry", "seed_page"]


def smaller(policy: str | policies.Policy, **settings: Any) -> SimulatedHerd:
    """The herd of lesson 06's section on policies at a glance."""
    return simulate_herd(10_000, policy, downtime_s=10, max_admissions_per_s=500, seed=1, **settings)


def test_herd_of_lesson_06_is_no_sooner_back_than_its_server_admits_it_and_as_soon_as_simulated() -> None:
    [real] = runs("06", "herd_drill")
    quick = policies.full_jitter(initial_delay_s=0.5, max_delay_s=4)
    simulated = simulate_herd(500, quick, downtime_s=1, max_admissions_per_s=250, seed=2)
    real_s = tables.outages(real)["time_to_reconnect_s"]
    simulated_s = pd.Series(simulated.time_to_reconnect_s)
    assert min(real_s.max(), simulated_s.max()) > 1 + 500 / 250
    assert (real_s.count(), simulated_s.count()) == (500, 500)
    for share in (0.25, 0.5, 0.75, 1):  # “the two agree”
        assert real_s.quantile(share) == pytest.approx(simulated_s.quantile(share), rel=0.15)


def test_million_of_lesson_06_asks_in_vain_first_and_then_queues() -> None:
    herd = simulate_herd(1_000_000, "full_jitter", downtime_s=10, max_admissions_per_s=50_000, seed=1)
    refused = herd.attempts_per_bin["refused"].sum()
    assert refused > herd.attempts.sum() / 2  # “most”
    opened = herd.attempts_per_bin["opened"]
    assert opened[round(10 / BIN_S) :].max() > 50_000 * BIN_S  # “faster than it can admit them”


def test_policies_of_lesson_06_differ_in_peak_and_attempts_and_not_in_the_median() -> None:
    herds = {name: smaller(name) for name in SIX}
    half_s = sorted(herd.quantiles((0.5,))[0.5] or 0 for herd in herds.values())
    assert half_s[4] < 1.05 * half_s[0]  # “most”: five of the six are back “at almost the same time”
    peaks = [herd.peak_attempts_per_s for herd in herds.values()]
    assert max(peaks) > 100 * min(peaks)
    attempts = [herd.attempts.mean() for herd in herds.values()]
    assert max(attempts) > 5 * min(attempts)


@pytest.mark.parametrize("policy", SIX)
def test_peak_in_lesson_06_grows_with_the_herd(policy: str) -> None:
    few, more, many = (
        simulate_herd(clients, policy, downtime_s=10, seed=1).peak_attempts_per_s for clients in (100, 1_000, 10_000)
    )
    assert few < more < many


def test_five_attempts_of_lesson_06_lose_whom_it_says() -> None:
    lost = {name: smaller(policies.named(name, max_attempts=5)).gave_up for name in SIX}
    assert lost["constant"] == 10_000
    assert {name for name in SIX if not lost[name]} == {"exponential", "registry"}


@pytest.mark.parametrize("clients", [40, 100, 190])
def test_contention_of_lesson_06_ranks_backoff_as_it_says(clients: int) -> None:
    crowds = {name: contend(clients, policy, trials=50, seed=1) for name, policy in AWS_POLICIES.items()}
    time = {name: crowd.time.mean() for name, crowd in crowds.items()}
    calls = {name: crowd.calls.mean() for name, crowd in crowds.items()}
    with_jitter = {"equal_jitter", "full_jitter", "decorrelated_jitter"}
    assert time["none"] == min(time.values())
    assert calls["none"] == max(calls.values())
    assert max(calls[name] for name in with_jitter) < min(calls["none"], calls["exponential"])
    assert time["exponential"] > 5 * max(time[name] for name in time if name != "exponential")


def test_reconnecting_in_lesson_06_ranks_the_same_policies_otherwise() -> None:
    herds = {name: simulate_herd(190, name, downtime_s=10, max_admissions_per_s=20, seed=1) for name in AWS_POLICIES}
    attempts = {name: herd.attempts.sum() for name, herd in herds.items()}
    assert sorted(attempts, key=lambda name: attempts[name])[-2:] == ["full_jitter", "none"]
    assert attempts["none"] > 1000 * attempts["full_jitter"]
    assert attempts["exponential"] < attempts["full_jitter"]
    peaks = {name: herd.peak_attempts_per_s for name, herd in herds.items() if name != "none"}
    assert max(peaks, key=lambda name: peaks[name]) == "exponential"
    assert peaks["exponential"] == 190 / BIN_S  # “all clients arrive at the same instant”
    assert smaller("full_jitter", drain_s=20).peak_attempts_per_s < smaller("full_jitter").peak_attempts_per_s / 2


def test_loop_of_lesson_07_is_slowed_by_a_delay_and_ended_by_a_rule() -> None:
    resent = {}
    for run in runs("07", "resend"):
        resent[run.info.parameters["policy"], "max_attempts" in run.info.parameters["policy_knobs"]] = run
    naive, patient = resent["none", False], resent["full_jitter, any code", False]
    bounded, sensible = resent["full_jitter, any code", True], resent["full_jitter", False]
    assert {send.outcome for run in (naive, patient) for send in run.sends} == {"closed"}  # “never accepted”
    assert len(naive.sends) / 1 > 5 * len(patient.sends) / 3 > 5  # in one second, and in three
    assert len(bounded.outages) > 5  # “does not end”
    assert {attempt.number for attempt in bounded.attempts if attempt.outage} == {1}
    assert (len(sensible.sends), any(attempt.outage for attempt in sensible.attempts)) == (1, False)


def recorded(name: str) -> Run:
    return load(DATA / f"browser-{name}.jsonl")


def told_to(side: str, *names: str) -> list[str]:
    return list(tables.pages(map(recorded, names))[side])


def test_page_of_lesson_08_is_told_what_python_is_but_where_it_cannot_read_on() -> None:
    ended = ["restart", "crash", "oversized"]
    assert told_to("page", *ended) == told_to("python", *ended)
    assert told_to("page", "oversized-reset") == ["1006 Abnormal Closure, not clean"]
    assert told_to("python", "oversized-reset")[0].startswith("1009")


def test_page_of_lesson_08_is_told_of_a_server_that_is_down_by_1013_only() -> None:
    down = told_to("page", "down-refused", "down-503", "down-1013")
    assert [told[:4] for told in down] == ["1006", "1006", "1013"]
    assert {notice.event for notice in recorded("down-503").notices} >= {"error", "close"}


def test_page_of_lesson_08_may_close_with_its_own_codes_only_and_a_proxy_takes_one() -> None:
    assert [
        "threw InvalidAccessError" in told for told in told_to("page", "close-1012", "close-1009", "close-4001")
    ] == [*(True, True, False)]
    routes = ["restart-by-proxy", "restart-by-wslab"]
    assert [told[:4] for told in told_to("page", *routes)] == ["1005", "1012"]
    assert told_to("server", *routes) == ["sent 1012", "sent 1012"]


def ended_by_server(run: Run) -> list[Closure]:
    return [closure for closure in run.closures if closure.closed_by != "client"]


def age_s(closure: Closure) -> float:
    assert closure.opened_at_s is not None
    return closure.closed_at_s - closure.opened_at_s


def watch_of_lesson_09(cause: str) -> Run:
    [run] = [run for run in runs("09", "watch") if find(run)[0].rule == cause and not is_turned(run)]
    return run


def is_turned(run: Run) -> bool:
    """Whether it is the clock of the section in which readers turn knobs."""
    assert run.info.knobs is not None
    return not run.info.knobs.idle_counts_pings


def test_lone_client_of_lesson_09_ends_at_one_age_and_does_not_know_why() -> None:
    [alone] = runs("09", "stay_connected")
    *ended, last = alone.closures
    assert all(age_s(closure) == pytest.approx(0.8, abs=0.1) for closure in ended)
    assert (len(ended) > 1, last.closed_by) == (True, "client")  # “we ended the last one ourselves”
    assert {closure.close_code for closure in ended} == {1006}
    [finding] = find(alone)
    assert finding.rule == "idle_or_age"


def test_groups_of_lesson_09_end_by_silence_and_not_by_age() -> None:
    run = watch_of_lesson_09("idle_timeout")
    roles = run.info.parameters["roles"]
    assert len(roles) == 12
    ages = {role: [age_s(end) for end in ended_by_server(run) if roles[end.client] == role] for role in roles}
    assert len(ages["silent"]) > 3
    assert [ages[role] for role in ("talking", "pinging", "deaf but talking")] == [[], [], []]
    stretching = ages["stretching pings"] + ages["stretching messages"]
    assert min(stretching) > max(ages["silent"])


def test_ages_of_lesson_09_end_every_group_one_after_another_and_a_restart_all_at_once() -> None:
    aged = watch_of_lesson_09("max_age")
    ended = ended_by_server(aged)
    assert {closure.client for closure in ended} == {*range(12)}
    first = [next(closure for closure in ended if closure.client == client) for client in range(12)]
    lag_s = [closure.closed_at_s - (closure.opened_at_s or 0) for closure in first]
    assert max(lag_s) - min(lag_s) < 0.1  # so they are “as far apart as the openings were”
    [restarted] = runs("09", "restart_drill")
    at_s = [closure.closed_at_s for closure in ended_by_server(restarted)]
    assert (len(at_s), max(at_s) - min(at_s) < 0.05) == (6, True)


def test_servers_of_lesson_10_differ_as_it_says() -> None:
    guide = read_entries()
    announced = tally(guide, "tells_idle_clients", "passes")
    assert len(announced.yes) < len(announced.asked) / 2  # “fewer than half”
    table = answers(guide)
    limits = [int(each.replace(",", "")) for each in table[table["question"] == "default_limit"]["answer"]]
    assert 100 <= max(limits) / min(limits) < 1000  # “two orders of magnitude”
    seen = " ".join(table[table["question"] == "refuses_with_1009"]["seen"])
    assert all(code in seen for code in ("1005", "1006"))
    down = " ".join(table[(table["group"] == "proxy") & (table["question"] == "refuses_quickly_while_down")]["seen"])
    assert all(words in down for words in ("HTTP 502", "silence"))


def test_pair_of_lesson_11_has_the_sizes_that_it_says() -> None:
    [run] = runs("11", "watch_pair")
    frames = tables.frames(run)
    assert set(frames[frames["opcode"] == "text"]["payload_bytes"]) == {36_000}
    assert set(frames[frames["opcode"] == "close"]["close_code"]) == {1000}
    assert "MAX_MESSAGE_BYTES = 16_384" in pair.SERVER


def test_client_of_lesson_11_does_not_listen_to_a_server_that_says_1009() -> None:
    recorded = [read_check(path) for path in DATA.glob("lessons/11_*/try_client-*.json")]
    judged = [{result.case: result.judgement for result in check.results} for check in recorded]
    assert {"passes", "fails"} == {each["sends_no_poison_again"] for each in judged}  # mended, and as it is
    for each in judged:
        for case in ("waits_before_coming_back", "backs_off_while_down", "backs_off_when_closed_at_once"):
            assert (each[case] == "passes") == (each["sends_no_poison_again"] == "passes")
