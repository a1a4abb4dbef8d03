from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest
from hostile import hostile_run

from wslab.core.knobs import Knobs
from wslab.core.records import KINDS, Restart, Send
from wslab.core.records.kinds import Kind
from wslab.core.runs import Run
from wslab.views import tables
from wslab.views.columns import described

from .conftest import MakeRun

Tabulate = Callable[[Run | list[Run]], pd.DataFrame]
TABLES: list[Tabulate] = [
    *(getattr(tables, kind.name) for kind in KINDS),
    tables.both_sides,
    tables.summary,
    tables.passages,
]
of_every_table = pytest.mark.parametrize("tabulate", TABLES, ids=lambda table: table.__name__)


def documented(docstring: str) -> dict[str, str]:
    """Read "name, name (dtype, …), …" below "Columns:" of a docstring."""
    text = " ".join(docstring.split("Columns:")[1].split())
    found = re.findall(r"((?:\w+, )*\w+) \((Int64|string|float64|boolean)\b", text)
    return {name: dtype for names, dtype in found for name in names.split(", ")}


def dtypes(table: pd.DataFrame) -> dict[str, str]:
    return {str(name): str(dtype) for name, dtype in table.dtypes.items()}


@of_every_table
def test_table_has_the_documented_columns(tabulate: Tabulate, restart_run: MakeRun) -> None:
    columns = documented(tabulate.__doc__ or "")
    if tabulate is tables.summary:  # names the five numbers under one dtype, with a comma before it
        columns |= dict.fromkeys(["min", "q1", "median", "q3", "max"], "float64")
    if tabulate is tables.restarts:  # those of the record, and two more
        columns = documented(f"Columns: {described(Restart)}") | columns
    assert dtypes(tabulate(restart_run())) == columns


@of_every_table
def test_empty_table_has_the_columns_and_dtypes_of_a_full_one(
    tabulate: Tabulate, empty_run: Run, restart_run: MakeRun
) -> None:
    empty = tabulate(empty_run)
    assert empty.empty
    assert dtypes(empty) == dtypes(tabulate(restart_run()))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_table_holds_what_plain_pandas_makes_of_the_records(
    kind: Kind[Any], sweep_run: MakeRun, restart_run: MakeRun
) -> None:
    run = sweep_run() if kind.record is Send else restart_run(max_attempts=3)
    records = run.of(kind.record)
    plain = pd.DataFrame([msgspec.structs.asdict(record) for record in records])
    table = getattr(tables, kind.name)(run)
    shared = [name for name in plain if name in table]
    assert len(shared) >= len(plain.columns) - 3  # close frames and knobs have no column of their own
    expected = plain[shared].astype({name: table[name].dtype for name in shared})
    pd.testing.assert_frame_equal(table[shared], expected, check_column_type=bool(shared))


@pytest.mark.parametrize("tabulate", TABLES, ids=lambda table: table.__name__)
def test_texts_in_tables_are_printable_and_the_records_keep_what_was_said(tabulate: Tabulate) -> None:
    run = hostile_run()
    table = tabulate(run)
    texts = [text for name in table if table[name].dtype == "string" for text in table[name].dropna()]
    assert all(text.isprintable() for text in texts)
    assert table.to_string().replace("\n", "").isprintable()
    assert any("\x1b" in closure.close_reason for closure in run.closures)


def test_closures_flatten_close_frames(restart_run: MakeRun) -> None:
    told, crashed = tables.closures(restart_run(code=1012)), tables.closures(restart_run(code=1006))
    assert (told["received_code"] == 1012).all()
    assert (told["sent_reason"] == "").all()
    assert crashed[["received_code", "received_reason", "sent_code", "sent_reason"]].isna().all(axis=None)


def test_several_runs_are_concatenated_under_their_names(restart_run: MakeRun) -> None:
    runs = {"constant": restart_run(clients=3), "full_jitter": restart_run(clients=5, seed=2)}
    table = tables.outages(runs)
    assert table.columns[0] == "run"
    assert table["run"].value_counts().to_dict() == {"constant": 3, "full_jitter": 5}
    for name, run in runs.items():
        part = table[table["run"] == name].drop(columns="run").reset_index(drop=True)
        pd.testing.assert_frame_equal(part, tables.outages(run))


def test_unnamed_runs_are_numbered(restart_run: MakeRun) -> None:
    assert list(tables.outages(iter([restart_run(1), restart_run(1)]))["run"]) == ["1", "2"]


@of_every_table
def test_several_empty_runs_keep_the_dtypes(tabulate: Tabulate, empty_run: Run) -> None:
    assert dtypes(tabulate([empty_run, empty_run])) == {"run": "string"} | dtypes(tabulate(empty_run))


def test_table_carries_the_worst_lag_and_any_interruption(restart_run: MakeRun) -> None:
    quiet, busy = restart_run(loop_lag_p99_s=0.001), restart_run(loop_lag_p99_s=0.2, partial=True)
    assert tables.outages(quiet).attrs == {"loop_lag_p99_s": 0.001, "partial": False}
    both = tables.outages([quiet, busy])
    assert both.attrs == {"loop_lag_p99_s": 0.2, "partial": True}
    assert both[both["attempts"] > 1].attrs == both.attrs
    assert tables.outages(restart_run(loop_lag_p99_s=None)).attrs["loop_lag_p99_s"] is None


@pytest.mark.parametrize(
    ("runs", "error", "message"),
    [
        ([], ValueError, "runs is empty"),
        (None, TypeError, "runs is None, but must be a Run"),
        ("run.jsonl", TypeError, r"runs holds 'r' as '1', but must hold Runs; wslab\.load\(path\)"),
        ({"a": 1}, TypeError, "runs holds 1 as 'a'"),
    ],
    ids=["none", "no-run", "a-path", "no-runs"],
)
def test_runs_of_another_kind_are_refused(runs: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        tables.sends(runs)


def test_restarts_tell_what_the_knobs_changed(reload_run: MakeRun) -> None:
    raised, sink = Knobs(max_message_bytes=2048), Knobs(max_message_bytes=2048, reply="sink")
    table = tables.restarts(reload_run(Knobs(), raised, None, sink, sink))
    assert table["knobs_changed"].tolist() == ["max_message_bytes=2048", pd.NA, "reply=sink", pd.NA]
    assert table["downtime_s"].tolist() == [0.5] * 4


def test_both_sides_shows_1009_sent_and_1006_seen(connection_run: MakeRun) -> None:
    table = tables.both_sides(connection_run((1006, 1009), (1009, 1009), (1006, None), (1001, "foreign")))
    assert table["client"].tolist() == [0, 1, 2, 3]
    assert table["client_saw_code"].tolist() == [1006, 1009, 1006, 1001]
    assert table["server_sent_code"].tolist() == [1009, 1009, pd.NA, pd.NA]
    assert table["agree"].tolist() == [False, True, pd.NA, pd.NA]


def test_summary_agrees_with_numpy(restart_run: MakeRun) -> None:
    run = restart_run(max_attempts=4)
    times_s = np.array([o.time_to_reconnect_s for o in run.outages if o.time_to_reconnect_s is not None])
    row = tables.summary(run).set_index("quantity").loc["time_to_reconnect_s"]
    assert (row["n"], row["missing"]) == (len(times_s), len(run.outages) - len(times_s))
    assert 0 < row["missing"] < len(run.outages)
    measured = row[["min", "q1", "median", "q3", "max"]].to_numpy(dtype=float)
    np.testing.assert_allclose(measured, np.percentile(times_s, [0, 25, 50, 75, 100], method="inverted_cdf"))


def test_summary_counts_those_that_never_came_back(restart_run: MakeRun) -> None:
    row = tables.summary(restart_run(max_attempts=1, downtime_s=30.0)).set_index("quantity").loc["time_to_reconnect_s"]
    assert (row["n"], row["missing"]) == (0, 12)
    assert pd.isna(row["median"])
