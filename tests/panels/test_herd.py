"""The herd panel by code, its simulations and its real herds; what the browser makes of it is in tests/browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import wslab
from wslab.core.herds.simulate import simulate_herd
from wslab.net import machine
from wslab.panels import HerdPanel
from wslab.views.axes import describe

Says = Callable[..., None]
Until = Callable[[Callable[[], bool]], None]

QUICK: dict[str, Any] = {
    "policies": ["constant", "full_jitter"],
    "clients": 200,
    "downtime_s": 0.3,
    "max_admissions_per_s": 400,
    "initial_delay_s": 0.2,
    "max_delay_s": 0.5,
    "real_clients": 20,
}


@pytest.fixture
def panel() -> Iterator[HerdPanel]:
    made = HerdPanel(**QUICK)
    yield made
    made.close()


def drawn(panel: HerdPanel) -> dict[str, dict[str, Any]]:
    return {herd["name"]: herd for herd in panel.scene.get("herds", [])}


def test_simulation_shows_every_chosen_policy(panel: HerdPanel) -> None:
    panel.press("simulate")
    shown = drawn(panel)
    assert list(shown) == ["constant", "full_jitter"]
    herd = simulate_herd(200, "constant", downtime_s=0.3, max_admissions_per_s=400)
    assert sum(shown["constant"]["simulated"]["attempts"]) == herd.attempts.sum()
    assert shown["constant"]["simulated"]["back"][-1] == [1.0, pytest.approx(herd.time_to_reconnect_s.max(), abs=1e-3)]
    assert panel.status == {
        "words": "200 clients simulated; the highest peak is that of constant, 5 times the capacity",
        "kind": "done",
    }


def test_counters_tell_the_policies_apart(panel: HerdPanel) -> None:
    panel.press("simulate")
    counted, per_second = panel.tables
    assert counted["columns"] == [
        *("policy", "peak attempts per s", "attempts", "half back after", "last back after", "gave up")
    ]
    assert counted["rows"][0] == ["constant", "2,000", "200", "1.25 s", "1.5 s", "0"]
    assert per_second["rows"][1][:2] == ["1", "200"]


def test_who_gives_up_is_counted(panel: HerdPanel) -> None:
    panel.turn(policies=["signalr"], downtime_s=60)
    panel.press("simulate")
    assert panel.tables[0]["rows"][0][3:] == ["never", "never", "200"]


def test_knobs_are_followed_at_once_while_somebody_looks(panel: HerdPanel, page_says: Says, until: Until) -> None:
    page_says(panel, do="show", visible=True)
    until(lambda: len(drawn(panel)) == 2 and panel.status["kind"] == "done")
    page_says(panel, do="turn", values={"clients": 300})
    until(lambda: panel.status["words"].startswith("300 clients simulated"))
    assert drawn(panel)["constant"]["simulated"]["clients"] == 300


def test_simulation_can_be_stopped(panel: HerdPanel, page_says: Says, until: Until) -> None:
    panel.turn(policies=["constant", "none"], clients=100_000, downtime_s=60)  # "none" asks a thousand times a second
    page_says(panel, do="press", action="simulate", values={})
    until(lambda: "policy none" in panel.status["words"])
    page_says(panel, do="stop")
    until(lambda: panel.busy == "")
    assert panel.status["words"].startswith("stopped")
    assert list(drawn(panel)) == ["constant"]


def test_real_herd_is_laid_over_its_simulation(panel: HerdPanel) -> None:
    run = panel.press("overlay")
    assert run is not None
    assert len(run.outages) == 20
    assert run.info.knobs is not None
    assert run.restarts[0].knobs_after is not None
    assert run.restarts[0].knobs_after.max_admissions_per_s == 40  # as much for each client as in the simulation
    real = drawn(panel)["full_jitter"]["real"]
    assert (real["clients"], real["scale"]) == (20, 10)
    assert sum(real["attempts"]) == pytest.approx(10 * sum(attempt.outage > 0 for attempt in run.attempts))
    assert drawn(panel)["constant"]["real"] is None
    assert panel.status["words"].startswith("20 of 20 real clients came back")
    assert panel.tables[0]["caption"].endswith("each of 20 real clients counts 10 times")


def test_real_herd_goes_with_its_knobs_and_comes_back_with_them(panel: HerdPanel) -> None:
    panel.press("overlay")
    panel.turn(downtime_s=0.5)
    panel.press("simulate")
    assert drawn(panel)["full_jitter"]["real"] is None
    panel.turn(downtime_s=0.3)
    panel.press("simulate")
    assert drawn(panel)["full_jitter"]["real"]["clients"] == 20


def test_policy_of_the_real_herd_is_simulated_too(panel: HerdPanel) -> None:
    panel.turn(real_policy="phoenix_js", max_admissions_per_s=None)
    panel.press("overlay")
    assert panel.values["policies"] == ["constant", "full_jitter", "phoenix_js"]
    assert drawn(panel)["phoenix_js"]["real"] is not None


def test_more_real_clients_than_the_machine_holds_are_refused_and_the_simulation_is_offered(panel: HerdPanel) -> None:
    panel.turn(real_clients=1_000_000)
    panel.press("overlay")
    assert panel.status["kind"] == "failed"
    assert f"between 1 and {min(machine.limits()).clients:,} clients on this machine" in panel.status["words"]
    assert "or simulate them: simulate_herd(1_000_000" in panel.status["words"]
    assert panel.runs == []


def test_bound_of_the_machine_is_said_before(panel: HerdPanel) -> None:
    (told,) = [control for control in panel.about["controls"] if control["name"] == "real_clients"]
    assert told["hint"] == f"at most {min(machine.limits()).clients:,} here"


def test_real_herd_can_be_stopped(panel: HerdPanel, page_says: Says, until: Until) -> None:
    panel.turn(downtime_s=60)
    page_says(panel, do="press", action="overlay", values={})
    until(lambda: panel.status["words"].endswith("back"))
    page_says(panel, do="stop")
    until(lambda: panel.busy == "")
    assert panel.runs[-1].info.partial
    assert panel.status["words"].endswith("(stopped before its end)")


def test_code_does_the_same(panel: HerdPanel, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    monkeypatch.setattr(wslab, "show", lambda figure: shown.append(describe(figure)), raising=False)
    names: dict[str, Any] = {"wslab": wslab}
    exec(panel.code, names)
    panel.press("simulate")
    assert describe(panel.draw()) in shown[0]
    assert len(names["real"].outages) == 20
    assert names["real"].restarts[0].knobs_after.max_admissions_per_s == 40


def test_save_writes_the_real_run_or_a_simulated_one(
    panel: HerdPanel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, page_says: Says
) -> None:
    monkeypatch.chdir(tmp_path)
    panel.press("simulate")
    page_says(panel, do="save")
    (file,) = tmp_path.glob("simulate-*.jsonl")
    assert len(wslab.load(file).outages) == 200
    panel.press("overlay")
    page_says(panel, do="save")
    (file,) = tmp_path.glob("herd_drill-*.jsonl")
    assert wslab.load(file) == panel.runs[-1]


def test_too_large_a_simulation_cannot_be_saved_and_says_so(panel: HerdPanel, page_says: Says) -> None:
    panel.turn(clients=20_000)
    panel.press("simulate")
    page_says(panel, do="save")
    assert "the attempts of 20,000 clients were not kept" in panel.status["words"]


def test_clear_shows_nothing(panel: HerdPanel) -> None:
    panel.press("simulate")
    panel.clear()
    assert panel.scene == {}
    assert panel.tables == []
    assert not panel.shows_something()


def test_nothing_chosen_is_said(panel: HerdPanel) -> None:
    panel.turn(policies=[])
    panel.press("simulate")
    assert panel.status["words"] == "choose a policy"
