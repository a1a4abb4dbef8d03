"""What lessons say in prose of numbers and comparisons is true of the runs that they show."""

from __future__ import annotations

from pathlib import Path

import pytest

from wslab.core.fieldguide import read_entries, tally
from wslab.core.herds.simulate import simulate_herd
from wslab.core.limits.verdicts import Verdict
from wslab.core.policies import textbook as policies
from wslab.core.recordings import read_verdict
from wslab.core.runs import Run, load
from wslab.views import tables

RECORDED = Path(__file__).parent.parent / "data" / "lessons"


def runs(lesson: str, experiment: str) -> list[Run]:
    (folder,) = RECORDED.glob(f"{lesson}_*")
    return [load(path) for path in sorted(folder.glob(f"{experiment}-*.jsonl.gz"))]


def verdict(lesson: str) -> Verdict:
    (path,) = RECORDED.glob(f"{lesson}_*/find_limit-*.json")
    return read_verdict(path)


def restarts_of_lesson_04(kind: str, **set_to: object) -> list[Run]:
    """Return the recorded restarts of a kind whose knobs and parameters are as given."""
    return [
        run
        for run in runs("04", "restart_drill")
        if run.info.parameters["kind"] == kind
        and all(run.info.parameters.get(name, getattr(run.info.knobs, name, None)) == set_to[name] for name in set_to)
    ]


def test_restarts_of_lesson_00_are_told_apart_by_code_and_clients_return_one_by_one() -> None:
    [run] = runs("00", "tell_story")
    outages = tables.outages(run)
    assert outages.groupby("number")["close_code"].unique().map(list).to_dict() == {1: [1012], 2: [1006]}
    assert outages.groupby("number")["time_to_reconnect_s"].nunique().to_dict() == {1: 12, 2: 12}
    sends = tables.sends(run)
    assert sends.iloc[-1]["outcome"] == "accepted"  # the message that had been too big, after the reload
    assert sends[sends["outcome"] == "closed"]["close_code"].unique().tolist() == [1009]
    assert sends.iloc[:-1].query("outcome == 'accepted'")["payload_bytes"].max() == 65_536


def test_search_of_lesson_01_sends_almost_nothing() -> None:
    found = verdict("01")
    assert found.probe_wire_bytes < found.confirmation_wire_bytes / 100 < found.control_wire_bytes / 100


def test_limit_of_lesson_01_is_inclusive() -> None:
    [around] = [run for run in runs("01", "payload_sweep") if run.info.parameters["repeats"] == 3]
    passed = {send.payload_bytes for send in around.sends if send.outcome == "accepted"}
    assert passed == {99_998, 99_999, 100_000}


def test_servers_of_the_field_guide_do_what_lesson_01_says_of_them() -> None:
    servers = [entry for entry in read_entries() if entry.group == "server"]
    [aiohttp] = [entry for entry in servers if entry.subject == "aiohttp"]
    documented = aiohttp.cell("limit_is_as_documented")
    assert documented is not None
    assert documented.seen == "A message of exactly 65,536 bytes is refused."
    on_the_header = tally(servers, "refuses_on_the_header", "passes", group="server")
    assert len(on_the_header.yes) > len(on_the_header.asked) / 2  # “most”
    named = tally(servers, "reason_names_the_limit", "passes", group="server")
    assert len(named.yes) > len(named.asked) / 3  # “often”


def test_nearly_every_server_of_the_field_guide_adds_fragments_up_as_lesson_02_says() -> None:
    summed = tally(read_entries(), "bounds_the_sum_of_fragments", "passes", group="server")
    assert len(summed.yes) > 0.75 * len(summed.asked)


def test_server_of_lesson_01_counts_bytes_and_three_of_them_are_one_character() -> None:
    sweeps = runs("01", "payload_sweep")
    [three] = [run for run in sweeps if run.info.parameters["payload"] == "multibyte"]
    assert all(send.payload_bytes == 3 * (send.payload_characters or 0) for send in three.sends)
    assert max(send.payload_bytes for send in three.sends if send.outcome == "accepted") == 99_999
    refused = [send for run in sweeps for send in run.sends if send.outcome == "closed" and run.info.knobs]
    assert all("limit of" in (send.close_reason or "") for send in refused)


def test_client_of_lesson_01_closes_with_1009_and_receives_no_close_frame() -> None:
    [run] = runs("01", "send_message")
    [closure] = tables.closures(run).to_dict("records")
    assert (closure["closed_by"], closure["sent_code"], closure["close_code"]) == ("client", 1009, 1006)


def test_ways_of_lesson_02_pass_as_it_says() -> None:
    asked = {
        (knobs.max_message_bytes, knobs.max_frame_bytes): tables.passages(run)
        for run in runs("02", "frames_question")
        if (knobs := run.info.knobs)
    }
    assert sorted(asked, key=str) == [(1_048_576, 65_536), (65_536, None), (None, 65_536)]
    for (message_bytes, _), told in asked.items():
        assert told[told["way"] == "messages"]["passed"].all()  # the only way that passes at all three
        assert not told[told["way"] == "one frame"]["passed"].any()
        assert (told[told["way"] == "fragments"]["passed"] == (message_bytes != 65_536)).all()
    fragments = asked[65_536, None].query("way == 'fragments'")
    assert (fragments["fragments"] == 7).all()
    assert fragments["close_reason"].str.contains("after reading").all()  # it adds them up


def test_compression_makes_a_message_of_lesson_02_too_big_and_counts_twice() -> None:
    sweeps = runs("02", "payload_sweep")
    offered = {run.info.parameters["compression"]: run.sends[0] for run in sweeps if len(run.sends) == 1}
    assert (offered[False].outcome, offered[True].close_code) == ("accepted", 1009)
    assert offered[False].payload_bytes < 65_536 < (offered[True].wire_bytes or 0)
    told = tables.passages(runs("02", "frames_question")[0])
    [tiny] = told.query("way == 'one frame' and payload_kind == 'text' and compression").to_dict("records")
    assert (tiny["wire_bytes"] < 1000, tiny["close_code"]) == (True, 1009)


def test_limit_of_lesson_02_is_what_unfinished_messages_take() -> None:
    [run] = runs("02", "limit_cost")
    held = tables.footprints(run)
    idle = held[held["half_sent"] == 0].groupby("max_message_bytes")["resident_bytes"].min()
    large = held[(held["half_sent"] >= 4) & (held["max_message_bytes"] >= 2**20)]
    taken = large["resident_bytes"] - large["max_message_bytes"].map(idle)
    assert (taken / (large["max_message_bytes"] * large["half_sent"])).between(0.8, 1.25).all()
    inflated = held[held["compression"] & (held["sent_payload_bytes"] >= 2**20)]
    assert (inflated["sent_payload_bytes"] / inflated["sent_wire_bytes"] > 500).all()  # kilobytes, megabytes


def test_distance_matters_in_lesson_03_only_where_nobody_reads_on() -> None:
    told = tables.sightings(runs("03", "closure_visibility"))
    reads_on = (told["after_refusal"] == "drain") | (told["subject"] != "websocket-client")
    assert (told[reads_on]["close_code"] == 1009).all()
    assert (told[~reads_on]["close_code"] == 1009).mean() < 0.2  # “seldom”
    one_byte = told[~reads_on & (told["overshoot_bytes"] == 1)]
    assert (one_byte["close_code"] == 1009).mean() < 0.5


def test_kinds_of_restart_in_lesson_04_differ_in_code_and_cleanness_alone() -> None:
    ends = {"graceful": (1012, True), "reload": (1012, True), "crash": (1006, False)}
    waits, back = [], []
    for kind, end in ends.items():
        [run] = restarts_of_lesson_04(kind, clients=12)
        closed = [closure for closure in run.closures if closure.closed_by != "client"]
        assert {(closure.close_code, closure.clean) for closure in closed} == {end}
        tried = sorted((attempt.client, attempt.number, attempt.delay_s) for attempt in run.attempts if attempt.outage)
        waits.append([wait for *_, wait in tried])
        back.append(tables.outages(run).set_index("client")["time_to_reconnect_s"])
    assert waits[0] == waits[1] == waits[2]
    assert all((each - back[0]).abs().max() < 0.1 for each in back)  # “nearly coincide”, on an axis of seconds


def test_attempts_while_down_in_lesson_04_meet_what_it_says() -> None:
    took_s: dict[str, list[float]] = {}
    for while_down in ("refuse", "unavailable", "hang"):
        [run] = restarts_of_lesson_04("graceful", downtime_s=None, while_down=while_down, open_timeout_s=0.2)
        for attempt in run.attempts:
            if attempt.outage and attempt.outcome != "opened":
                took_s.setdefault(attempt.outcome, []).append(attempt.ended_at_s - attempt.started_at_s)
    assert {*took_s} == {"refused", "rejected", "timeout", "reset"}
    assert max(took_s["refused"] + took_s["rejected"]) < 0.05 < min(took_s["reset"])  # “quick”
    assert min(took_s["timeout"]) >= 0.2 > max(took_s["reset"])


@pytest.mark.parametrize("said", [1012, 1001, 1000, 1011, 1005, 1006])
def test_restart_of_lesson_04_loses_the_clients_that_it_tells_1000(said: int) -> None:
    [run] = [run for run in restarts_of_lesson_04("graceful", clients=4, restart_code=said) if not has_silence(run)]
    assert {outage.close_code for outage in run.outages} == {said}
    assert {outage.gave_up is not None for outage in run.outages} == {said == 1000}


def has_silence(run: Run) -> bool:
    return bool(run.info.parameters["open_timeout_s"] != 10)


def test_address_of_lesson_04_always_answers_in_a_rolling_restart() -> None:
    [run] = restarts_of_lesson_04("rolling")
    assert {attempt.outcome for attempt in run.attempts} == {"opened"}
    sent_away = tables.outages(run).groupby("client").size()
    assert (sent_away.min(), sent_away.max() > 1) == (1, True)


def test_advice_of_lesson_05_is_gentler_and_slower_the_more_it_spreads() -> None:
    advice = [policies.constant(delay_s=3), policies.seed_page(), policies.registry()]
    herds = [simulate_herd(1000, each, downtime_s=10, seed=1).to_run() for each in advice]
    attempts = [tables.attempts(herd).query("outage > 0") for herd in herds]
    together = [each["started_at_s"].floordiv(0.5).value_counts().max() for each in attempts]
    assert together[0] == 1000 > 2 * together[1] > 4 * together[2]
    assert len(attempts[2]) < len(attempts[1]) / 2  # it spares the server most of them
    median_s = [tables.outages(herd)["time_to_reconnect_s"].median() for herd in herds]
    assert median_s[2] > 1.5 * max(median_s[:2])


def test_simulation_of_lesson_05_agrees_with_the_sockets() -> None:
    [run] = runs("05", "restart_drill")
    quick = policies.full_jitter(initial_delay_s=0.5, max_delay_s=2)
    simulated = tables.outages(simulate_herd(200, quick, downtime_s=1, seed=1).to_run())["time_to_reconnect_s"]
    real = tables.outages(run)["time_to_reconnect_s"]
    for share in (0.25, 0.5, 0.75, 1):
        assert abs(real.quantile(share) - simulated.quantile(share)) < 0.15
    assert real.min() < 1 <= simulated.min()


def test_rules_of_lesson_05_are_those_that_it_tells() -> None:
    names = ["constant", "exponential", "full_jitter", "rfc6455", "registry", "websockets", "phoenix_js"]
    rules = {name: policies.named(name) for name in names}
    assert {name for name, rule in rules.items() if rule.retries(1009) and rule.retries(1008)} == {*names[-2:]}
    assert {name for name, rule in rules.items() if not rule.retries(1013)} == {"registry"}
    assert [code for code in range(1000, 1016) if not rules["phoenix_js"].retries(code)] == [1000]
    assert all(map(rules["websockets"].retries, range(1000, 1016)))
