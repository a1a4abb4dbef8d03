"""A run is a file: it comes back exactly, others can read it, and a damaged one says so."""

from __future__ import annotations

import contextlib
import gzip
import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import msgspec
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wslab.core.errors import RunFileError, UnwritableError
from wslab.core.knobs import Knobs
from wslab.core.records import Close, Closure, Outage, Restart, RunInfo
from wslab.core.runs import Run, load

SECONDS = st.floats(min_value=0, max_value=1e9, allow_nan=False)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
CLOSES = st.none() | st.builds(Close, code=st.integers(1000, 4999), reason=TEXT)

OUTAGES = st.builds(
    Outage,
    client=st.integers(0, 10**6),
    number=st.integers(1, 100),
    close_code=st.integers(1000, 4999),
    close_reason=TEXT,
    closed_at_s=SECONDS,
    attempts=st.integers(0, 1000),
    reopened_at_s=st.none() | SECONDS,
    time_to_reconnect_s=st.none() | SECONDS,
    gave_up=st.none() | TEXT,
)
CLOSURES = st.builds(
    Closure,
    client=st.integers(0, 10**6),
    connection_id=st.none() | TEXT,
    opened_at_s=SECONDS,
    close_started_at_s=SECONDS,
    closed_at_s=SECONDS,
    close_code=st.integers(1000, 4999),
    close_reason=TEXT,
    clean=st.booleans(),
    closed_by=st.sampled_from(["server", "client", "network"]),
    received=CLOSES,
    sent=CLOSES,
    recovered=st.booleans(),
    send_error=st.none() | TEXT,
    tcp_end=st.sampled_from(["fin", "reset", "aborted"]),
    sent_wire_bytes=st.integers(0, 2**40),
    received_wire_bytes=st.integers(0, 2**40),
)
RESTART = Restart(
    number=1, kind="reload", requested_at_s=0.1, down_at_s=0.2, up_at_s=None, knobs_after=Knobs(reply="sink")
)
INFO = RunInfo(
    experiment="test",
    started_at="2026-01-01T00:00:00.000+00:00",
    duration_s=1 / 3,
    partial=False,
    seed=7,
    url="ws://127.0.0.1:1/",
    knobs=Knobs(max_message_bytes=None),
    parameters={"clients": 3, "policy": "full_jitter", "nested": {"a": [1, 2.5, None]}},
    versions={"python": "3"},
    platform="here",
    clock_resolution_s=1e-9,
    loop_lag_p50_s=None,
    loop_lag_p99_s=0.001,
    loop_lag_max_s=0.002,
)
RUN = Run(INFO, (RESTART,))

HEAD = msgspec.json.encode(INFO).decode()
OUTAGE_REST = (
    '"number":1,"close_code":1012,"close_reason":"","closed_at_s":0.5,"attempts":1,"reopened_at_s":null,'
    '"time_to_reconnect_s":null,"gave_up":null}'
)
PLAIN = "\n".join([HEAD, msgspec.json.encode(RESTART).decode(), '{"record":"end","records":1,"format_version":1}'])
FILES = {"plain": PLAIN.encode(), "gzip": gzip.compress(PLAIN.encode(), mtime=0)}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(records=st.lists(OUTAGES | CLOSURES, max_size=8), suffix=st.sampled_from([".jsonl", ".jsonl.gz"]))
def test_run_round_trips_exactly(tmp_path: Path, records: list[Outage | Closure], suffix: str) -> None:
    run = Run(INFO, tuple(records))
    assert load(run.save(tmp_path / f"run{suffix}")) == run


def test_run_opens_in_pandas_without_us(tmp_path: Path) -> None:
    table = pd.read_json(RUN.save(tmp_path / "run.jsonl"), lines=True)
    assert list(table["record"]) == ["run", "restart", "end"]
    assert table.loc[1, "kind"] == "reload"


def test_saving_replaces_the_file_whole(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text("old")
    RUN.save(path)
    assert load(path) == RUN
    assert [file.name for file in tmp_path.iterdir()] == ["run.jsonl"]


def test_saving_where_nothing_can_be_written_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(UnwritableError, match=r"missing/run.jsonl' cannot be written"):
        RUN.save(tmp_path / "missing" / "run.jsonl")


def lines_of(tmp_path: Path) -> list[str]:
    return RUN.save(tmp_path / "run.jsonl").read_text().splitlines()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda lines: lines[:-1], "incomplete"),
        (lambda lines: [*lines[:-1], lines[1], lines[-1]], "incomplete"),
        (lambda lines: lines[1:], "not a run"),
        (lambda lines: [], "not a run"),
        (lambda lines: [lines[0], lines[1][:40], lines[2]], "line 2"),
        (lambda lines: [lines[0], lines[1].replace('"number":1', '"number":"one"'), lines[2]], "line 2.*number"),
        (lambda lines: [lines[0], '{"record":"seance"}', lines[2]], "line 2.*seance"),
    ],
    ids=["cut off", "record added", "no head", "empty", "cut line", "wrong type", "unknown record"],
)
def test_damaged_file_says_where(tmp_path: Path, damage: Callable[[list[str]], list[str]], message: str) -> None:
    path = tmp_path / "damaged.jsonl"
    path.write_text("".join(line + "\n" for line in damage(lines_of(tmp_path))))
    with pytest.raises(RunFileError, match=message):
        load(path)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"record":"seance","medium":1}', "line 2: a record of kind 'seance', .* upgrade wslab"),
        ('{"record":"close","code":1000,"seance":1}', "line 2: .*'close'"),
        ('{"record":"restart","seance":1}', "line 2: kind 'restart' has no field 'seance' .* upgrade wslab"),
    ],
)
def test_record_of_a_newer_wslab_asks_for_an_upgrade(tmp_path: Path, line: str, message: str) -> None:
    lines = lines_of(tmp_path)
    path = tmp_path / "newer.jsonl"
    path.write_text("\n".join([lines[0], line, lines[2]]))
    with pytest.raises(RunFileError, match=message):
        load(path)


def test_file_of_a_newer_format_asks_for_an_upgrade(tmp_path: Path) -> None:
    lines = lines_of(tmp_path)
    end = json.loads(lines[-1]) | {"format_version": 99}
    path = tmp_path / "newer.jsonl"
    path.write_text("\n".join([lines[0], '{"record":"seance"}', json.dumps(end)]))
    with pytest.raises(RunFileError, match=r"format 99.*upgrade"):
        load(path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300, deadline=None)
@given(data=st.data())
def test_file_that_is_changed_anywhere_is_a_run_or_told_to_be_none(tmp_path: Path, data: st.DataObject) -> None:
    whole, suffix = data.draw(st.sampled_from([(FILES["plain"], ".jsonl"), (FILES["gzip"], ".jsonl.gz")]))
    content = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
    path = tmp_path / f"changed{suffix}"
    path.write_bytes(content)
    with contextlib.suppress(RunFileError):
        assert isinstance(load(path), Run)


def file_of(*lines: str) -> str:
    return "\n".join([HEAD, *lines, json.dumps({"record": "end", "records": len(lines)})])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            HEAD.replace('"parameters":{', '"parameters":{"deep":' + "[" * 100_000 + "]" * 100_000 + ","),
            "line 2: .*recur",
        ),
        ('{"record":"outage","client":1180591620717411303424,' + OUTAGE_REST, "client is .*64 bits"),
        ('{"record":"outage","client":1,' + OUTAGE_REST.replace("1012", "70000"), "close_code"),
        ('{"record":"outage","client":1,' + OUTAGE_REST.replace("0.5", "1e999"), "line 2"),
        ('{"record":"outage","client":1,' + OUTAGE_REST.replace("0.5", "NaN"), "line 2"),
        ('{"record":"\\u001b[31m"}', r"line 2: a record of kind '\\x1b\[31m'"),
    ],
    ids=["nested", "long", "no code", "too large", "no number", "escape sequence"],
)
def test_forged_line_is_refused_in_one_printable_line(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "forged.jsonl"
    path.write_text(file_of(line))
    with pytest.raises(RunFileError, match=message) as refused:
        load(path)
    assert str(refused.value).isprintable()


def test_file_that_inflates_without_end_is_refused_before_it_is_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "bomb.jsonl.gz"
    path.write_bytes(gzip.compress(bytes(50_000_000)))
    tracemalloc.start()
    try:
        with pytest.raises(RunFileError, match=r"more than 1,000,000 bytes; load\(path, max_bytes=…\)"):
            load(path, max_bytes=1_000_000)
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("content", [b"\x89PNG\r\n", b"a,b\n1,2\n", gzip.compress(b"x", mtime=0)[:-3]])
def test_foreign_file_is_no_run(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / ("foreign.gz" if content[:2] == b"\x1f\x8b" else "foreign")
    path.write_bytes(content)
    with pytest.raises(RunFileError, match="foreign"):
        load(path)
