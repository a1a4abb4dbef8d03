"""Records in, tables out: the only place that names columns.

A table is a DataFrame with one row a record and one column a field, in the record's order; the fields are described
in `wslab.core.records`. A close frame becomes two columns, `…_code` and `…_reason`. Dtypes follow from the field and
never from the values, so an empty table has those of a full one: whole numbers `Int64`, other numbers `float64`,
texts `string`, truths `boolean`; a value that does not apply is missing. This module draws and decides nothing.

Every function takes one run, or several to compare: `{"fixed": run_a, "full_jitter": run_b}`, or any iterable of runs,
which are then called "1", "2", … in their order. Tables of several runs begin with the column `run` (string).

What a reader must know of the instrument travels in `table.attrs`: `loop_lag_p99_s` (float, the worst of the runs, None
if unknown) and `partial` (bool, any of the runs was interrupted). pandas keeps them through selections but drops them
where tables that differ in them are concatenated: give the runs together instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import wraps
from types import NoneType
from typing import Any, Literal, NamedTuple, TypeAlias, get_args, get_origin, get_type_hints

import msgspec
import pandas as pd

from wslab.core.knobs import Knobs
from wslab.core.records import (
    Account,
    Attempt,
    Close,
    Closure,
    Footprint,
    Notice,
    Outage,
    Record,
    Restart,
    Send,
    Sighting,
)
from wslab.core.runs import Run

Runs: TypeAlias = Run | Mapping[str, Run] | Iterable[Run]

_DTYPES: dict[object, str] = {bool: "boolean", int: "Int64", float: "float64", str: "string"}


def _over_runs(tabulate: Callable[[Run], pd.DataFrame]) -> Callable[[Runs], pd.DataFrame]:
    """Let a function of one run take several, with a first column `run`."""

    @wraps(tabulate)
    def over_runs(runs: Runs) -> pd.DataFrame:
        if isinstance(runs, Run):
            infos, table = [runs.info], tabulate(runs)
        else:
            named = _named(runs)
            infos, parts = [run.info for run in named.values()], [tabulate(run) for run in named.values()]
            for name, part in zip(named, parts, strict=True):
                part.insert(0, "run", pd.Series([name] * len(part), dtype="string"))
            table = pd.concat(parts, ignore_index=True)
        lags = [info.loop_lag_p99_s for info in infos if info.loop_lag_p99_s is not None]
        table.attrs = {"loop_lag_p99_s": max(lags, default=None), "partial": any(info.partial for info in infos)}
        return table

    return over_runs


def _named(runs: Mapping[str, Run] | Iterable[Run]) -> dict[str, Run]:
    if not isinstance(runs, Iterable):
        raise TypeError(f"runs is {runs!r}, but must be a Run, a dict of name to Run, or an iterable of Runs")
    named = dict(runs) if isinstance(runs, Mapping) else {str(n): run for n, run in enumerate(runs, start=1)}
    if not named:
        raise ValueError("runs is empty; give at least one Run")
    for name, run in named.items():
        if not isinstance(run, Run):
            raise TypeError(f"runs holds {run!r} as {name!r}, but must hold Runs; wslab.load(path) reads a file")
    return named


def _scalar_dtype(hint: object) -> str:
    """Name the dtype of a field by its annotation: a type, a Literal of texts, or either `| None`."""
    kinds = [hint] if get_origin(hint) is Literal else get_args(hint) or [hint]
    [kind] = [kind for kind in kinds if kind is not NoneType]
    return "string" if get_origin(kind) is Literal else _DTYPES[kind]


def _columns(kind: type, records: Iterable[object]) -> Iterator[tuple[str, pd.Series]]:
    rows = list(records)
    for name, hint in get_type_hints(kind).items():
        values = [getattr(row, name) for row in rows]
        if Knobs in get_args(hint):
            continue  # a record within a record has no place in a cell; restarts() says what the knobs changed
        if Close in get_args(hint):
            yield f"{name}_code", pd.Series([close and close.code for close in values], dtype="Int64")
            yield f"{name}_reason", pd.Series([close and close.reason for close in values], dtype="string")
        else:
            yield name, pd.Series(values, dtype=_scalar_dtype(hint))


def _tabulate(run: Run, kind: type[Record]) -> pd.DataFrame:
    return pd.DataFrame(dict(_columns(kind, run.of(kind))))


@_over_runs
def sends(run: Run) -> pd.DataFrame:
    """Return one row a message offered to a server.

    Columns:
        client (Int64), number (Int64), connection_id (string), started_at_s (float64, seconds since the run began),
        payload_kind (string), payload_bytes (Int64, before compression), payload_characters, fragment_count (Int64),
        wire_bytes (Int64), outcome (string: accepted, closed, timeout, unconfirmed, unopened),
        send_s (float64, seconds), round_trip_s (float64, seconds), reply_bytes (Int64),
        close_code (Int64), close_reason (string), error (string), compression (boolean, agreed on).
    """
    return _tabulate(run, Send)


@_over_runs
def closures(run: Run) -> pd.DataFrame:
    """Return one row the end of a connection, as its client saw it.

    Columns:
        client (Int64), connection_id (string), opened_at_s, close_started_at_s, closed_at_s (float64, seconds since
        the run began), close_code (Int64), close_reason (string), clean (boolean), closed_by (string: server, client,
        network), received_code (Int64), received_reason (string), sent_code (Int64), sent_reason (string),
        recovered (boolean), send_error (string), tcp_end (string: fin, reset, aborted),
        sent_wire_bytes (Int64), received_wire_bytes (Int64), received_messages (Int64).
    """
    return _tabulate(run, Closure)


@_over_runs
def accounts(run: Run) -> pd.DataFrame:
    """Return one row a connection in the server's own account.

    Columns:
        connection_id (string), start (Int64, which start of the server), peer_port (Int64), opened_at_s, closed_at_s
        (float64, seconds since the run began), received_frames, received_messages (Int64), received_payload_bytes,
        received_wire_bytes, sent_wire_bytes (Int64), closed_by (string: server, client, network),
        received_code (Int64), received_reason (string), sent_code (Int64), sent_reason (string), error (string).
    """
    return _tabulate(run, Account)


@_over_runs
def attempts(run: Run) -> pd.DataFrame:
    """Return one row a try at a TCP connection plus opening handshake.

    Columns:
        client (Int64), outage (Int64, 0 for a client's first connection), number (Int64), delay_s (float64, seconds,
        drawn by the policy), due_at_s, started_at_s, ended_at_s (float64, seconds since the run began),
        outcome (string: opened, refused, reset, timeout, rejected, failed), http_status (Int64),
        retry_after_s (float64, seconds), connection_id (string), error (string).
    """
    return _tabulate(run, Attempt)


@_over_runs
def outages(run: Run) -> pd.DataFrame:
    """Return one row a client's outage: its closure, its attempts, its reopening if there was one.

    Columns:
        client (Int64), number (Int64), close_code (Int64), close_reason (string),
        closed_at_s (float64, seconds since the run began), attempts (Int64),
        reopened_at_s (float64, seconds since the run began), time_to_reconnect_s (float64, seconds),
        gave_up (string).
    """
    return _tabulate(run, Outage)


@_over_runs
def restarts(run: Run) -> pd.DataFrame:
    """Return one row a restart of the server.

    Columns:
        number (Int64), kind (string: graceful, crash, reload), requested_at_s, down_at_s, up_at_s
        (float64, seconds since the run began), downtime_s (float64, seconds),
        knobs_changed (string, "name=value, …" as they are afterwards; missing where nothing changed).
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
    return ", ".join(f"{name}={value}" for name, value in changed.items()) or None


@_over_runs
def both_sides(run: Run) -> pd.DataFrame:
    """Return one row a closure: what the client saw of it beside the server's own account.

    A server that keeps no account for us leaves its columns missing.

    Columns:
        client (Int64), connection_id (string), client_saw_code (Int64), client_saw_reason (string),
        server_sent_code (Int64), server_sent_reason (string), client_sent_code (Int64), server_received_code (Int64),
        agree (boolean: the client saw the code that the server sent; missing where the server sent none),
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


@_over_runs
def summary(run: Run) -> pd.DataFrame:
    """Return one row a measured quantity: how many, how large, how widely spread.

    Quantities: `round_trip_s` of the messages sent, `attempts` and `time_to_reconnect_s` of the outages, `downtime_s`
    of the restarts; each only where the run has such records. Quartiles interpolate linearly, as pandas does.

    Columns:
        quantity (string, its unit in its name), n (Int64, values), missing (Int64, records without a value, such as
        clients that never came back), min, q1, median, q3, max (float64, the quantity's unit).
    """
    columns = [
        *(("round_trip_s", sends(run)), ("attempts", outages(run))),
        *(("time_to_reconnect_s", outages(run)), ("downtime_s", restarts(run))),
    ]
    measured = {name: table[name].astype("float64") for name, table in columns if len(table)}
    quantiles = {"min": 0.0, "q1": 0.25, "median": 0.5, "q3": 0.75, "max": 1.0}
    return pd.DataFrame(
        {
            "quantity": pd.array(list(measured), dtype="string"),
            "n": pd.array([values.count() for values in measured.values()], dtype="Int64"),
            "missing": pd.array([values.isna().sum() for values in measured.values()], dtype="Int64"),
            **{
                name: pd.Series([values.quantile(q) for values in measured.values()], dtype="float64")
                for name, q in quantiles.items()
            },
        }
    )


@_over_runs
def sightings(run: Run) -> pd.DataFrame:
    """Return one row a message over the limit that a client under observation sent, and what it was told.

    Columns:
        subject (string), after_refusal (string: drain, reset, hold), number (Int64), connection_id (string),
        started_at_s, ended_at_s (float64, seconds since the run began), payload_bytes, overshoot_bytes (Int64),
        close_code (Int64), close_reason (string), error (string).
    """
    return _tabulate(run, Sighting)


@_over_runs
def notices(run: Run) -> pd.DataFrame:
    """Return one row an event of a page's WebSocket, or an exception that a call threw, in the order told.

    Columns:
        subject (string: browser, wslab), connection_id (string), elapsed_s (float64, seconds by the subject's own clock
        since it began to connect), event (string: open, message, error, close, thrown, silence), call (string, what
        threw), message_bytes (Int64), close_code (Int64), close_reason (string), clean (boolean, the event's wasClean),
        words (string, of the exception).
    """
    return _tabulate(run, Notice)


@_over_runs
def footprints(run: Run) -> pd.DataFrame:
    """Return one row a moment at which a server's memory was measured.

    Columns:
        at_s (float64, seconds since the run began), start (Int64, which start of the server), resident_bytes,
        max_message_bytes (Int64), compression (boolean, agreed on), connections, half_sent, sent_payload_bytes,
        sent_wire_bytes (Int64).
    """
    return _tabulate(run, Footprint)


@_over_runs
def passages(run: Run) -> pd.DataFrame:
    """Return one row a way in which a content was offered by `frames_question`, and whether all of it passed.

    Columns:
        client (Int64), way (string: one frame, fragments, messages), payload_kind (string), payload_bytes (Int64, the
        whole content), offered (boolean, compression), compression (boolean, agreed on), passed (boolean),
        messages, fragments (Int64, sent until it passed or failed), wire_bytes (Int64),
        outcome (string, of the last message), close_code (Int64), close_reason (string).
    """
    content_bytes = run.info.parameters.get("payload_bytes", 0)
    rows = []
    for client, case in enumerate(run.info.parameters.get("cases", [])):
        if sent := [send for send in run.sends if send.client == client]:  # none where the run was interrupted first
            rows.append(_passage(client, case, content_bytes, sent))
    return pd.DataFrame(dict(_columns(_Passage, rows)))


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
        passed=len(sent) == case["sends"] and last.outcome in ("accepted", "unconfirmed"),
        messages=len(sent),
        fragments=sum(send.fragment_count for send in sent),
        wire_bytes=sum(send.wire_bytes for send in sent),
        outcome=last.outcome,
        close_code=last.close_code,
        close_reason=last.close_reason,
    )
