"""The benchmarks' page shows the recorded results, a failing benchmark is a row, and the machine stays anonymous."""

from __future__ import annotations

import getpass
import json
import platform
import subprocess
import sys
from pathlib import Path

import pytest
import run as bench_run
from _results import Result, load, save, table, this_machine

ROOT = Path(__file__).parent.parent


def test_page_shows_the_recorded_results() -> None:
    written = bench_run.BETWEEN.search(bench_run.README.read_text(encoding="utf-8"))
    assert written is not None
    assert written[0] == bench_run.claims(), "make it with: make bench ARGS=--record"


def test_every_benchmark_has_a_recorded_result() -> None:
    _, results = load(bench_run.RECORDED)
    assert len(results) >= len(bench_run.BENCHMARKS)
    assert len({(result.claim, result.peer, result.unit) for result in results}) == len(results)
    assert not [result.claim for result in results if "failed with" in result.note]


def test_a_promise_is_kept_by_the_median_and_shown_with_its_spread() -> None:
    most = Result(claim="import", values=(1.4, 1.6, 1.2), peer="websockets 15.0", at_most=1.5)
    least = Result(claim="herd", values=(500.0,), unit="per s", at_least=600)
    absent = Result(claim="race", peer="k6", note="not on PATH")
    assert (most.met, least.met, absent.met) == (True, False, None)
    assert most.cells() == ("import", "1.40×", "1.20 to 1.60, n = 3", "websockets 15.0", "at most 1.50×", "yes")
    assert least.cells()[1:] == ("500 per s", "n = 1", "–", "at least 600 per s", "no")
    assert absent.cells()[1:] == ("– (not on PATH)", "", "k6", "nothing", "–")


def test_results_come_back_from_their_file_and_name_no_machine(tmp_path: Path) -> None:
    bench = this_machine(date="2026-01-01", quick=True)
    kept = [Result(claim="a | b", values=(0.001, 1e9), at_most=2.0)]
    save(tmp_path / "bench.jsonl", bench, kept)
    assert load(tmp_path / "bench.jsonl") == (bench, kept)
    written = (tmp_path / "bench.jsonl").read_text(encoding="utf-8")
    for private in (platform.node(), getpass.getuser(), str(Path.home())):
        assert private not in json.loads(written.splitlines()[0]).values()
    assert "quick" in str(bench)
    assert {line.count("|") for line in table(kept).splitlines()} == {7}


def test_a_benchmark_that_fails_is_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken.py").write_text("import json\nprint(json.dumps({'claim': 'first'}), flush=True)\n1 / 0\n")
    monkeypatch.setattr(bench_run, "HERE", tmp_path)
    first, failure = bench_run.measured("broken", quick=True)
    assert first == Result(claim="first")
    assert "failed with 1: ZeroDivisionError" in failure.note


def test_an_unknown_benchmark_is_named() -> None:
    command = [sys.executable, str(ROOT / "benchmarks" / "run.py"), "ekko"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "no benchmark is called ekko" in done.stderr
