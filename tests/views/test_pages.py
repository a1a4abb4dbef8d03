"""What both sides say of an end, of runs that a real page took part in."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from wslab.core.runs import Run, load
from wslab.views import pages, tables

DATA = Path(__file__).parents[2] / "data"
RUNS = {path.stem.removeprefix("browser-"): load(path) for path in sorted(DATA.glob("browser-*.jsonl"))}


def cell(table: pd.DataFrame, what: str, side: str) -> str:
    return str(table.set_index("what").loc[what, side])


def short(name: str, side: str) -> str:
    return str(tables.pages([RUNS[name]])[side].iloc[0])


def test_restart_is_told_to_both() -> None:
    table = tables.page(RUNS["restart"])
    assert [cell(table, "close code", side) for side in pages.HEADINGS] == [
        "1012 Service Restart",
        "1012 Service Restart",
        "sent 1012",
    ]
    assert {cell(table, "reason", side) for side in pages.HEADINGS} == {"“service restart”"}
    assert cell(table, pages.ORDER, "page").split()[::4] == ["open", "message", "close"]


@pytest.mark.parametrize(
    ("name", "page", "python", "server"),
    [
        ("crash", "1006 Abnormal Closure, not clean", "1006 Abnormal Closure, not clean", "sent no close frame"),
        ("oversized", "1009 Message Too Big, clean", "1009 Message Too Big, clean", "sent 1009"),
        (
            "close-1012",
            "close(1012) threw InvalidAccessError",
            "1012 Service Restart, clean",
            "received 1005 (page); received 1012 (Python)",
        ),
        ("close-4001", "4001 Private use, clean", "4001 Private use, clean", "received 4001"),
        ("down-refused", "1006 Abnormal Closure, not clean", "refused", "nothing"),
        ("down-503", "1006 Abnormal Closure, not clean", "HTTP 503, Retry-After 5 s", "HTTP 503"),
        ("down-1013", "1013 Try Again Later, clean", "1013 Try Again Later, clean", "sent 1013"),
        ("restart-by-proxy", "1005 No Status Rcvd, clean", "1012 Service Restart, clean", "sent 1012"),
        ("restart-by-wslab", "1012 Service Restart, clean", "1012 Service Restart, clean", "sent 1012"),
    ],
)
def test_each_side_in_short(name: str, page: str, python: str, server: str) -> None:
    assert [short(name, side) for side in pages.HEADINGS] == [page, python, server]


def test_failed_handshake_says_nothing_to_a_page_and_why_to_python() -> None:
    table = tables.page(RUNS["down-refused"])
    assert cell(table, "handshake", "page") == "an error event, which says nothing"
    assert cell(table, "handshake", "python").startswith("refused: ConnectionRefusedError")
    assert cell(table, "handshake", "server") == "nothing: nobody listened"


def test_run_without_a_page_says_so() -> None:
    run = RUNS["restart"]
    alone = Run(run.info, tuple(record for record in run.records if record not in run.notices))
    assert cell(tables.page(alone), "handshake", "page") == "no page took part"


def test_names_of_runs_come_first() -> None:
    table = tables.pages(RUNS)
    assert list(table.columns) == ["run", "case", "page", "python", "server"]
    assert list(table["run"]) == list(RUNS)
    assert len(set(table["case"])) == len(RUNS) - 2  # the same restart by three ways


def test_notices_are_a_table() -> None:
    table = tables.notices(RUNS["close-1009"])
    assert list(table["event"]) == ["open", "message", "thrown", "close"]
    assert table["elapsed_s"].is_monotonic_increasing
    assert table["close_code"].dtype == "Int64"
    assert table.dtypes.equals(tables.notices(RUNS["close-1009"]).head(0).dtypes)
