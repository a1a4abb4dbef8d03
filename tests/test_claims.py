"""What lessons say in prose of numbers and comparisons is true of the runs that they show."""

from __future__ import annotations

from pathlib import Path

from wslab.core.limits.verdicts import Verdict
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


def test_probe_of_lesson_01_sends_little_but_to_confirm() -> None:
    found = verdict("01")
    assert found.probe_wire_bytes < found.confirmation_wire_bytes / 100


def test_limit_of_lesson_01_is_inclusive() -> None:
    around = [run for run in runs("01", "payload_sweep") if run.info.parameters["repeats"] == 3]
    [run] = around
    passed = {send.payload_bytes for send in run.sends if send.outcome == "accepted"}
    assert passed == {99_998, 99_999, 100_000}


def test_distance_matters_in_lesson_03_only_where_nobody_reads_on() -> None:
    told = tables.sightings(runs("03", "closure_visibility"))
    reads_on = (told["after_refusal"] == "drain") | (told["subject"] != "websocket-client")
    assert (told[reads_on]["close_code"] == 1009).all()
    assert (told[~reads_on]["close_code"] == 1009).mean() < 0.2  # “seldom”
    one_byte = told[~reads_on & (told["overshoot_bytes"] == 1)]
    assert (one_byte["close_code"] == 1009).mean() < 0.5
