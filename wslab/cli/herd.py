"""`wslab herd`: thousands of real clients while their server restarts, summarised."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from wslab.cli.console import (
    Document,
    DowntimeOption,
    JsonOption,
    KindOption,
    PolicyOption,
    make_folder,
    print_result,
    progress_line,
    saved_whatever_comes,
)
from wslab.cli.knobs import with_knobs
from wslab.cli.target import with_target
from wslab.core.herds.scenario import Scenario
from wslab.core.herds.summaries import herd_summary
from wslab.core.knobs import Knobs, changed
from wslab.core.records import RestartKind, RunInfo
from wslab.core.runs import Run
from wslab.core.target import Target
from wslab.experiments import herd_drill
from wslab.net.herds.herd import CLIENTS_PER_WORKER, MAX_UNASKED_WORKERS
from wslab.views.terminal import herd_table


class HerdNumbers(Document, frozen=True, kw_only=True):
    """What a herd did; its fields are the keys of `wslab.core.herds.summaries.herd_summary`."""

    clients: int
    connects_per_s: float | None
    client_bytes_per_connection: float | None
    lag_p99_s: float | None
    start_delay_p99_s: float | None
    smallest_delay_s: float | None
    close_codes: dict[int, int]
    time_to_reconnect_s: dict[str, float | None]
    attempts: int
    peak_attempts_per_s: float
    away: int
    never_connected: int
    gave_up: int
    partial: bool
    saved: list[str]


class HerdDocument(HerdNumbers, frozen=True, kw_only=True, tag="herd"):
    """A real herd, and its run."""

    run: RunInfo


class SimulateDocument(HerdNumbers, frozen=True, kw_only=True, tag="simulate"):
    """A simulated herd, its scenario, and how long it took to compute."""

    scenario: Scenario
    seed: int
    elapsed_s: float


@with_knobs
@with_target
def herd(
    knobs: Knobs,
    target: Target | None = None,
    clients: Annotated[int, typer.Option(help="Real clients, as many as this machine can hold.")] = 1000,
    policy: PolicyOption = "full_jitter",
    downtime_s: DowntimeOption = 0.5,
    kind: KindOption = "graceful",
    repeats: Annotated[int, typer.Option(help="Restarts, one after the other, 1 to 100.")] = 1,
    workers: Annotated[
        int | None,
        typer.Option(
            help=f"Processes that hold the clients. Not given: one for every {CLIENTS_PER_WORKER} clients, "
            f"at most one per core and {MAX_UNASKED_WORKERS} in all."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the clients' delays.")] = 0,
    as_json: JsonOption = False,
    out: Annotated[Path | None, typer.Option(help="Folder for the run and its two figures.")] = None,
) -> Run:
    """Restart a server under thousands of real clients, and show how they come back.

    Without a URL this command runs a lab server and restarts it. With a URL, restart that server yourself.
    """
    make_folder(out)
    with saved_whatever_comes() as cancel:
        with progress_line() as progress:
            run = herd_drill(
                target or changed(knobs, {"downtime_s": downtime_s}),
                clients=clients,
                policy=policy,
                kind=cast("RestartKind", kind),  # checked by herd_drill
                repeats=repeats,
                workers=workers,
                open_timeout_s=target.open_timeout_s if target else 10.0,
                seed=seed,
                progress=progress,
                cancel=cancel,
            )
        summary = herd_summary(run)
        table = herd_table(f"{clients:,} real clients, policy {policy}, {kind} restart", summary)
        print_result(
            table,
            document=(lambda saved: _document(summary, run, saved)) if as_json else None,
            files=_save(run, out) if out is not None else (),
        )
    return run


def _document(summary: dict[str, Any], run: Run, saved: Sequence[Path]) -> HerdDocument:
    return HerdDocument(**summary, run=run.info, saved=[str(path) for path in saved])


def _save(run: Run, folder: Path) -> Iterator[Path]:
    from wslab.views import plots

    yield run.save(folder / "herd.jsonl.gz")
    yield plots.save(plots.arrivals(run), folder / "arrivals.png")
    yield plots.save(plots.time_to_reconnect(run), folder / "time-to-reconnect.png")
