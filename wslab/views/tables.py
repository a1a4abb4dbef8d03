"""Records in, tables out: the only place that names columns. Draws and decides nothing.

There is one function per kind of record, named as in `wslab.core.records.Kinds`: `tables.sends`, `tables.closures`,
`tables.attempts` and so on. Its table has one row per record and one column per field, in the record's order (see
`wslab.views.columns`); a value that does not apply is missing. Other functions join or count.

Every function takes one run, or several to compare: `{"fixed": run_a, "full_jitter": run_b}`, or any iterable of runs,
which are named "1", "2", … in order. A table of several runs begins with the column `run` (string).

`table.attrs` says how good the instrument was: `loop_lag_p99_s` (float, the worst of the runs, None if unknown) and
`partial` (bool, whether any run was interrupted). pandas keeps them through selections, but drops them when it
concatenates tables that differ in them: pass the runs together instead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import pandas as pd

from wslab.core.intervals import quantile
from wslab.core.knobs import Knobs
from wslab.core.printable import printable
from wslab.core.records import KINDS, Account, Closure, Kind, Record, Restart, Send
from wslab.core.runs import Run
from wslab.views.columns import columns, described
from wslab.views.pages import page as page
from wslab.views.pages import pages as pages
from wslab.views.several import Runs, over_runs
from wslab.views.sheets import save as save


def _tabulate(run: Run, kind: type[Record]) -> pd.DataFrame:
    return pd.DataFrame(columns(kind, run.of(kind)))


def _plain(kind: Kind[Any]) -> Callable[[Runs], pd.DataFrame]:
    """Return the function that lists the records of one kind, one column per field."""

    def tabulate(run: Run) -> pd.DataFrame:
        return _tabulate(run, kind.record)

    tabulate.__name__ = tabulate.__qualname__ = kind.name
    tabulate.__doc__ = f"""Return one row per {kind.row}; see `wslab.core.records.{kind.record.__name__}`.

    Columns:
        {described(kind.record)}.
    """
    return over_runs(tabulate)


globals().update({kind.name: _plain(kind) for kind in KINDS})

if TYPE_CHECKING:  # the functions made from KINDS

    def __getattr__(name: str) -> Callable[[Runs], pd.DataFrame]: ...


@over_runs
def restarts(run: Run) -> pd.DataFrame:
    """Return one row per restart of the server, with what it changed.

    Columns:
        those of `wslab.core.records.Restart`, and downtime_s (float64, seconds), knobs_changed (string,
        "name=value, …" with the new values; missing if nothing changed).
    """
    knobs, changes = run.info.knobs, []
    for restart in run.restarts:
        changes.append(_changes(knobs, restart.knobs_after))
        knobs = restart.knobs_after or knobs
    table = _tabulate(run, Restart)
    table["downtime_s"] = table["up_at_s"] - table["down_at_s"]
    table["knobs_changed"] = pd.Series(changes, dtype="string")
    return table


def _changes(before: Knobs | None, after: Knobs | None) -> str | None:
    if after is None:
        return None
    was = msgspec.structs.asdict(before) if before else {}
    changed = {name: value for name, value in msgspec.structs.asdict(after).items() if was.get(name, ...) != value}
    return printable(", ".join(f"{name}={value}" for name, value in changed.items())) or None


@over_runs
def both_sides(run: Run) -> pd.DataFrame:
    """Return one row per closure: what the client saw, beside the server's account.

    Columns of the server are missing for a foreign server.

    Columns:
        client (Int64), connection_id (string), client_saw_code (Int64), client_saw_reason (string),
        server_sent_code (Int64), server_sent_reason (string), client_sent_code (Int64), server_received_code (Int64),
        agree (boolean: the client saw the code that the server sent; missing if the server sent none),
        recovered (boolean), send_error (string), tcp_end (string), server_error (string),
        client_closed_at_s, server_closed_at_s (float64, seconds since the run began).
    """
    client = _tabulate(run, Closure).rename(
        columns={
            "close_code": "client_saw_code",
            "close_reason": "client_saw_reason",
            "sent_code": "client_sent_code",
            "closed_at_s": "client_closed_at_s",
        }
    )
    server = _tabulate(run, Account).rename(
        columns={
            "sent_code": "server_sent_code",
            "sent_reason": "server_sent_reason",
            "received_code": "server_received_code",
            "closed_at_s": "server_closed_at_s",
            "error": "server_error",
        }
    )
    joined = client.merge(server, on="connection_id", how="left", suffixes=("", "_of_account"))
    joined["agree"] = joined["client_saw_code"] == joined["server_sent_code"]
    return joined[
        [
            *("client", "connection_id", "client_saw_code", "client_saw_reason"),
            *("server_sent_code", "server_sent_reason", "client_sent_code", "server_received_code"),
            *("agree", "recovered", "send_error", "tcp_end", "server_error"),
            *("client_closed_at_s", "server_closed_at_s"),
        ]
    ]


@over_runs
def summary(run: Run) -> pd.DataFrame:
    """Return one row per measured quantity: how many values, how large, how widely spread.

    Quantities: `round_trip_s` of the messages sent, `attempts` and `time_to_reconnect_s` of the outages, `downtime_s`
    of the restarts; each only if the run has such records. Quartiles are values that occurred (`quantile`).

    Columns:
        quantity (string, its unit in its name), n (Int64, values), missing (Int64, records without a value, such as
        clients that never came back), min, q1, median, q3, max (float64, the quantity's unit).
    """
    measured = {
        "round_trip_s": [send.round_trip_s for send in run.sends],
        "attempts": [outage.attempts for outage in run.outages],
        "time_to_reconnect_s": [outage.time_to_reconnect_s for outage in run.outages],
        "downtime_s": [restart.downtime_s for restart in run.restarts],
    }
    series = {name: pd.Series(values, dtype="float64") for name, values in measured.items() if values}
    quantiles = {"min": 0.0, "q1": 0.25, "median": 0.5, "q3": 0.75, "max": 1.0}
    return pd.DataFrame(
        {
            "quantity": pd.array(list(series), dtype="string"),
            "n": pd.array([values.count() for values in series.values()], dtype="Int64"),
            "missing": pd.array([values.isna().sum() for values in series.values()], dtype="Int64"),
            **{
                name: pd.Series([quantile([*values.dropna()], q) for values in series.values()], dtype="float64")
                for name, q in quantiles.items()
            },
        }
    )


@over_runs
def passages(run: Run) -> pd.DataFrame:
    """Return one row per way in which `frames_question` offered a content, and whether all of it passed.

    Columns:
        client (Int64), way (string: one frame, fragments, messages), payload_kind (string), payload_bytes (Int64, the
        whole content), offered (boolean, compression), compression (boolean, agreed on), passed (boolean),
        messages, fragments (Int64, sent until it passed or failed), wire_bytes (Int64),
        outcome (string, of the last message), close_code (Int64), close_reason (string).
    """
    content_bytes = run.info.parameters.get("payload_bytes", 0)
    rows = []
    for client, case in enumerate(run.info.parameters.get("cases", [])):
        if sent := [send for send in run.sends if send.client == client]:  # none if the run was interrupted first
            rows.append(_passage(client, case, content_bytes, sent))
    return pd.DataFrame(columns(_Passage, rows))


class _Passage(NamedTuple):
    client: int
    way: str
    payload_kind: str
    payload_bytes: int
    offered: bool
    compression: bool
    passed: bool
    messages: int
    fragments: int
    wire_bytes: int
    outcome: str
    close_code: int | None
    close_reason: str | None


def _passage(client: int, case: Mapping[str, Any], content_bytes: int, sent: Sequence[Send]) -> _Passage:
    last = sent[-1]
    return _Passage(
        client=client,
        way=case["way"],
        payload_kind=case["payload"],
        payload_bytes=content_bytes,
        offered=case["compression"],
        compression=last.compression,
        passed=len(sent) == case["sends"] and last.passed,
        messages=len(sent),
        fragments=sum(send.fragment_count for send in sent),
        wire_bytes=sum(send.wire_bytes or 0 for send in sent),
        outcome=last.outcome,
        close_code=last.close_code,
        close_reason=last.close_reason,
    )
