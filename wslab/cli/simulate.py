"""`wslab simulate`: a herd on a virtual clock, summarised like `wslab herd`."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from wslab.cli.console import (
    AdmissionsOption,
    DowntimeOption,
    JsonOption,
    KindOption,
    PolicyOption,
    make_folder,
    print_result,
)
from wslab.cli.herd import SimulateDocument
from wslab.core.arguments import check_choice
from wslab.core.herds.summaries import herd_summary
from wslab.views.terminal import herd_table

if TYPE_CHECKING:
    from wslab.core.herds.simulated import SimulatedHerd

CLOSE_CODES: Mapping[str, int] = {"graceful": 1012, "reload": 1012, "crash": 1006}
"""The code that clients see, by kind of restart."""


def simulate(
    clients: Annotated[int, typer.Option(help="Simulated clients, 1 to 100 million.")] = 1_000_000,
    policy: PolicyOption = "full_jitter",
    downtime_s: DowntimeOption = 0.5,
    kind: KindOption = "graceful",
    max_admissions_per_s: AdmissionsOption = None,
    seed: Annotated[int, typer.Option(help="Seed of the clients' delays.")] = 0,
    as_json: JsonOption = False,
    out: Annotated[Path | None, typer.Option(help="Folder for the figure and, if the herd is small, the run.")] = None,
) -> None:
    """Simulate what `wslab herd` does, on a virtual clock, with up to a hundred million clients."""
    from wslab.core.herds.simulate import simulate_herd  # NumPy is slow to import

    check_choice("kind", kind, CLOSE_CODES)
    make_folder(out)
    with Console(stderr=True).status(f"simulating {clients:,} clients"):
        began_s = time.perf_counter()
        herd = simulate_herd(
            clients,
            policy,
            seed=seed,
            downtime_s=downtime_s,
            close_code=CLOSE_CODES[kind],
            max_admissions_per_s=max_admissions_per_s,
        )
        elapsed_s = time.perf_counter() - began_s
    summary = herd_summary(herd) | {"elapsed_s": elapsed_s}
    table = herd_table(f"{clients:,} simulated clients, policy {policy}, {kind} restart", summary)
    print_result(
        table,
        document=(lambda saved: _document(summary, herd, saved)) if as_json else None,
        files=_save(herd, out) if out is not None else (),
    )


def _document(summary: dict[str, Any], herd: SimulatedHerd, saved: Sequence[Path]) -> SimulateDocument:
    return SimulateDocument(**summary, scenario=herd.scenario, seed=herd.seed, saved=[str(path) for path in saved])


def _save(herd: SimulatedHerd, folder: Path) -> Iterator[Path]:
    from wslab.views import plots

    if herd.kept is not None:
        yield herd.to_run().save(folder / "simulated.jsonl.gz")
    yield plots.save(plots.arrivals(herd), folder / "arrivals.png")
