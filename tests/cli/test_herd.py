"""`wslab herd` and `wslab simulate` say the same of a real herd and of a simulated one."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from commandline import wslab_command

import wslab
from wslab.net.herds.herd import CLIENTS_PER_WORKER

KEYS = {
    *("clients", "connects_per_s", "client_bytes_per_connection", "lag_p99_s", "close_codes"),
    *("time_to_reconnect_s", "peak_attempts_per_s", "gave_up"),
}


def test_herd_as_json_sums_up_what_its_run_holds(tmp_path: Path) -> None:
    done = wslab_command(
        *("herd", "--clients", "30", "--policy", "full_jitter", "--downtime", "0.2", "--json"),
        *("--workers", "1", "--max-admissions-per-s", "500", "--seed", "3", "--out", str(tmp_path / "new")),
    )
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert set(document) >= KEYS
    assert (document["clients"], document["gave_up"]) == (30, 0)
    assert document["close_codes"] == {"1012": 30}
    assert document["client_bytes_per_connection"] > 0
    assert document["run"]["knobs"]["max_admissions_per_s"] == 500
    saved, *figures = map(Path, document["saved"])
    assert all(figure.stat().st_size > 1000 for figure in figures)
    times_s = [outage.time_to_reconnect_s for outage in wslab.load(saved).outages]
    assert max(time_s for time_s in times_s if time_s is not None) == document["time_to_reconnect_s"]["max"]


def test_crash_of_a_herd_in_words() -> None:
    done = wslab_command("herd", "--clients", "5", "--kind", "crash", "--downtime", "0.1", "--workers", "1")
    assert done.returncode == 0, done.stderr
    for words in ("5 real clients", "1006 Abnormal Closure", "attempts to come back"):
        assert words in " ".join(done.stdout.split())
    assert done.stderr == ""


@pytest.mark.parametrize(("clients", "files"), [(100, [".gz", ".png"]), (20_000, [".png"])])
def test_simulate_as_json_has_the_keys_of_herd(clients: int, files: list[str], tmp_path: Path) -> None:
    done = wslab_command(
        *("simulate", "--clients", str(clients), "--policy", "full_jitter", "--downtime", "0.2", "--json"),
        *("--kind", "crash", "--max-admissions-per-s", "5000", "--out", str(tmp_path)),
    )
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert set(document) >= {*KEYS, "elapsed_s"}
    assert document["connects_per_s"] is document["client_bytes_per_connection"] is document["lag_p99_s"] is None
    assert document["close_codes"] == {"1006": clients}
    expected = wslab.simulate_herd(clients, "full_jitter", downtime_s=0.2, close_code=1006, max_admissions_per_s=5000)
    assert document["peak_attempts_per_s"] == expected.peak_attempts_per_s
    assert [Path(path).suffix for path in document["saved"]] == files


def test_simulate_prints_a_table_without_what_does_not_apply() -> None:
    printed = " ".join(wslab_command("simulate", "--clients", "1000").stdout.split())
    assert "1,000 simulated clients" in printed
    assert "computed in" in printed
    assert "memory" not in printed


@pytest.mark.parametrize(
    ("arguments", "exit_code", "words"),
    [
        (["herd", "--clients", "0"], 2, "wslab simulate"),
        (["herd", "--clients", "1000000"], 2, "on this machine"),
        (["herd", "--clients", "1000000"], 2, "wslab simulate"),
        (["herd", "--policy", "ful_jitter"], 2, "did you mean 'full_jitter'"),
        (["herd", "--kind", "crush"], 2, "did you mean 'crash'"),
        (["herd", "--downtime", "-1"], 2, "downtime_s is -1"),
        (["herd", "--out", "/dev/null/folder"], 1, "/dev/null/folder"),
        (["simulate", "--clients", "0"], 2, "clients is 0"),
        (["simulate", "--kind", "crush"], 2, "did you mean 'crash'"),
        (["simulate", "--clients", "10", "--max-admissions-per-s", "0"], 2, "max_admissions_per_s is 0"),
    ],
)
def test_wrong_argument_is_one_line_and_an_exit_code(arguments: list[str], exit_code: int, words: str) -> None:
    done = wslab_command(*arguments)
    assert done.returncode == exit_code
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


def has_clients(child: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return any(connection.status == psutil.CONN_ESTABLISHED for connection in child.net_connections("tcp"))
    return False


@pytest.mark.parametrize(
    ("arguments", "saved", "times"),
    [
        (("herd", "--clients", "20", "--downtime", "60", "--workers", "1"), "herd.jsonl.gz", 1),
        (("demo",), "story.jsonl", 3),
    ],
    ids=["herd", "demo"],
)
def test_interrupted_command_keeps_what_it_measured(
    arguments: tuple[str, ...], saved: str, times: int, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "wslab", *arguments, "--out", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        while not any(has_clients(child) for child in psutil.Process(process.pid).children()):
            time.sleep(0.05)
        time.sleep(0.5)  # wherever it is by then
        for _ in range(times):
            process.send_signal(signal.SIGINT)
            time.sleep(0.05)
        assert process.stderr is not None
        told = process.stderr.read()
    assert process.returncode == 130
    assert "Traceback" not in told
    assert told.rstrip().count("\n") <= 2
    run = wslab.load(tmp_path / saved)
    assert run.info.partial
    assert run.attempts


def test_help_says_how_many_workers_there_are() -> None:
    told = " ".join(wslab_command("herd", "--help").stdout.replace("│", " ").split())
    assert f"one for every {CLIENTS_PER_WORKER} clients" in told
