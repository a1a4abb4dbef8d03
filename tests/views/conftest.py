"""Synthetic runs, shaped as the lab's are and drawn from a seed, and an eye for figures.

No socket, no clock, nothing measured: what the tests compare with is computed from the same records by plain pandas.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import Collection, LineCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from wslab.core.knobs import Knobs
from wslab.core.records import (
    Account,
    Attempt,
    Close,
    Closure,
    Outage,
    Record,
    Restart,
    RestartKind,
    RunInfo,
    Send,
)
from wslab.core.runs import Run
from wslab.views.style import SHADE, Meaning, look


def make_info(experiment: str, duration_s: float, **changed: Any) -> RunInfo:
    values: dict[str, Any] = {
        "experiment": experiment,
        "started_at": "2026-01-01T00:00:00Z",
        "duration_s": duration_s,
        "partial": False,
        "seed": 1,
        "url": None,
        "knobs": Knobs(),
        "parameters": {},
        "versions": {},
        "platform": "synthetic",
        "clock_resolution_s": 1e-9,
        "loop_lag_p50_s": 0.0002,
        "loop_lag_p99_s": 0.001,
        "loop_lag_max_s": 0.002,
    }
    return RunInfo(**(values | changed))


def make_send(number: int, payload_bytes: int, outcome: str = "accepted", **changed: Any) -> Send:
    values: dict[str, Any] = {
        "client": 0,
        "number": number,
        "connection_id": f"s{number}",
        "started_at_s": number * 0.01,
        "payload_kind": "text",
        "payload_bytes": payload_bytes,
        "payload_characters": payload_bytes,
        "fragment_count": 1,
        "wire_bytes": payload_bytes + 14,
        "outcome": outcome,
        "send_s": 0.001,
        "round_trip_s": 0.002 if outcome == "accepted" else None,
        "reply_bytes": payload_bytes if outcome == "accepted" else None,
        "close_code": None,
        "close_reason": None,
        "error": None,
    }
    return Send(**(values | changed))


def make_closure(client: int, code: int, at_s: float, opened_at_s: float = 0.0, **changed: Any) -> Closure:
    on_the_wire = None if code == 1006 else Close(code=code, reason="")
    values: dict[str, Any] = {
        "client": client,
        "connection_id": f"c{client}-{opened_at_s:.4f}",
        "opened_at_s": opened_at_s,
        "close_started_at_s": at_s,
        "closed_at_s": at_s + 0.001,
        "close_code": code,
        "close_reason": "",
        "clean": code != 1006,
        "closed_by": "network" if code == 1006 else "server",
        "received": on_the_wire,
        "sent": on_the_wire,
        "recovered": False,
        "send_error": None,
        "tcp_end": "fin",
        "sent_wire_bytes": 100,
        "received_wire_bytes": 100,
    }
    return Closure(**(values | changed))


def make_account(closure: Closure, sent_code: int | None) -> Account:
    values: dict[str, Any] = {
        "connection_id": closure.connection_id,
        "start": 1,
        "peer_port": 50_000 + closure.client,
        "opened_at_s": closure.opened_at_s,
        "closed_at_s": closure.closed_at_s,
        "received_frames": 1,
        "received_messages": 1,
        "received_payload_bytes": 64,
        "received_wire_bytes": 70,
        "sent_wire_bytes": 70,
        "closed_by": closure.closed_by,
        "received": closure.sent,
        "sent": None if sent_code is None else Close(code=sent_code, reason=""),
        "error": None,
    }
    return Account(**values)


def make_attempt(client: int, outage: int, number: int, at_s: float, outcome: str, **changed: Any) -> Attempt:
    values: dict[str, Any] = {
        "client": client,
        "outage": outage,
        "number": number,
        "delay_s": 0.0,
        "due_at_s": at_s,
        "started_at_s": at_s,
        "ended_at_s": at_s + 0.004,
        "outcome": outcome,
        "http_status": None,
        "retry_after_s": None,
        "connection_id": None,
        "error": None,
    }
    return Attempt(**(values | changed))


def doubling(largest_bytes: int) -> list[int]:
    return [2**power for power in range(largest_bytes.bit_length())]


def build_empty_run() -> Run:
    return Run(make_info("synthetic", 0.0), ())


def build_sweep_run(
    sizes: list[int] | None = None,
    limit_bytes: int = 65_536,
    codes: tuple[int, ...] = (1009,),
    repeats: int = 1,
    **info: Any,
) -> Run:
    """A payload sweep against a limit; messages beyond it meet the `codes` in turn."""
    chosen = [*doubling(2**22), 65_535, 65_536, 65_537] if sizes is None else sizes
    sends: list[Record] = []
    for payload_bytes in [size for size in sorted(chosen) for _ in range(repeats)]:
        number = len(sends) + 1
        if payload_bytes <= limit_bytes:
            sends.append(make_send(number, payload_bytes))
        else:
            sends.append(make_send(number, payload_bytes, "closed", close_code=codes[number % len(codes)]))
    return Run(make_info("synthetic sweep", len(sends) * 0.01, **info), tuple(sends))


def build_restart_run(
    clients: int = 12,
    kind: RestartKind = "graceful",
    policy: str = "full_jitter",
    code: int = 1012,
    downtime_s: float = 1.0,
    max_attempts: int = 50,
    while_down: str = "refused",
    seed: int = 1,
    **info: Any,
) -> Run:
    """A restart after one second; each client tries at most `max_attempts` times to come back."""
    rng, down_at_s = random.Random(seed), 1.02
    up_at_s = down_at_s + downtime_s
    restart = Restart(number=1, kind=kind, requested_at_s=1.0, down_at_s=down_at_s, up_at_s=up_at_s, knobs_after=None)
    records: list[Record] = [restart]
    for client in range(clients):
        opened = make_attempt(client, 0, 1, 0.1 + client * 0.004, "opened")
        closed = make_closure(client, code, rng.uniform(1.01, 1.015), opened.ended_at_s)
        account = make_account(closed, None if code == 1006 else code)
        delays_s = [1.0 if policy == "constant" else rng.uniform(0, 0.25 * 2**n) for n in range(max_attempts)]
        tries = _tries(closed, delays_s, up_at_s, while_down)
        records += [opened, closed, account, *tries, _outage(closed, tries)]
    return Run(make_info("synthetic restart", 20.0, **info), tuple(records))


def _tries(closed: Closure, delays_s: list[float], up_at_s: float, while_down: str) -> list[Attempt]:
    tries: list[Attempt] = []
    at_s = closed.closed_at_s
    for number, delay_s in enumerate(delays_s, start=1):
        at_s += delay_s
        outcome = "opened" if at_s >= up_at_s else while_down
        tries.append(make_attempt(closed.client, 1, number, at_s, outcome, delay_s=delay_s))
        if outcome == "opened":
            break
        at_s = tries[-1].ended_at_s
    return tries


def _outage(closed: Closure, tries: list[Attempt]) -> Outage:
    back_at_s = tries[-1].ended_at_s if tries and tries[-1].outcome == "opened" else None
    return Outage(
        client=closed.client,
        number=1,
        close_code=closed.close_code,
        close_reason=closed.close_reason,
        closed_at_s=closed.closed_at_s,
        attempts=len(tries),
        reopened_at_s=back_at_s,
        time_to_reconnect_s=None if back_at_s is None else back_at_s - closed.closed_at_s,
        gave_up="no attempts left" if back_at_s is None else None,
    )


MakeRun = Callable[..., Run]


@pytest.fixture
def empty_run() -> Run:
    return build_empty_run()


@pytest.fixture
def sweep_run() -> MakeRun:
    return build_sweep_run


@pytest.fixture
def restart_run() -> MakeRun:
    return build_restart_run


@pytest.fixture
def connection_run() -> MakeRun:
    """Take (client saw, server sent or None) for each connection; "foreign" for a server that keeps no account."""

    def make(*connections: tuple[int, int | Literal["foreign"] | None]) -> Run:
        closures, accounts = [], []
        for client, (saw, sent) in enumerate(connections):
            closure = make_closure(client, saw, 1.0, connection_id=None if sent == "foreign" else f"1-{client}")
            closures.append(closure)
            if not isinstance(sent, str):
                accounts.append(make_account(closure, sent))
        return Run(make_info("synthetic", 2.0), (*closures, *accounts))

    return make


@pytest.fixture
def reload_run() -> MakeRun:
    """Take the knobs after each of several reloads; None where a restart changed none."""

    def make(before: Knobs, *afters: Knobs | None) -> Run:
        restarts = [
            Restart(number=n, kind="reload", requested_at_s=n, down_at_s=n, up_at_s=n + 0.5, knobs_after=after)
            for n, after in enumerate(afters, start=1)
        ]
        return Run(make_info("synthetic", 9.0, knobs=before), tuple(restarts))

    return make


def figure_of(ax: Axes) -> Figure:
    figure = ax.get_figure(root=True)
    assert figure is not None
    return figure


def legend_of(ax: Axes) -> Legend:
    legend = ax.get_legend()
    assert legend is not None
    return legend


def x_of(line: Line2D) -> np.ndarray:
    return np.asarray(line.get_xdata())


def y_of(line: Line2D) -> np.ndarray:
    return np.asarray(line.get_ydata())


def segments_of(lines: Collection) -> list[np.ndarray]:
    assert isinstance(lines, LineCollection)
    return [np.asarray(segment) for segment in lines.get_segments()]


@dataclass(frozen=True)
class Eye:
    """What a reader sees of a drawn Axes."""

    ax: Axes

    @property
    def title(self) -> str:
        return self.ax.get_title(loc="left")

    @property
    def legend(self) -> list[str]:
        return [text.get_text() for text in legend_of(self.ax).get_texts()]

    @property
    def rows(self) -> list[str]:
        return [text.get_text() for text in self.ax.get_yticklabels()]

    @property
    def shaded(self) -> list[tuple[float, float]]:
        spans = [patch for patch in self.ax.patches if isinstance(patch, Rectangle)]
        shades = [span for span in spans if to_hex(span.get_facecolor()) == SHADE.lower()]
        return [(span.get_x(), span.get_x() + span.get_width()) for span in shades]

    def marks(self, meaning: Meaning) -> np.ndarray:
        """Return the places, one a row, of all markers that look like a meaning."""
        own = [
            line.get_xydata()
            for line in self.ax.lines
            if line.get_linestyle() == "None" and to_hex(line.get_markerfacecolor()) == look(meaning).color.lower()
        ]
        return np.concatenate(own) if own else np.empty((0, 2))


@pytest.fixture
def see() -> type[Eye]:
    return Eye
