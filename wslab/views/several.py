"""Decorators that let a function of one run take several, by name or in order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import update_wrapper, wraps
from typing import Concatenate, ParamSpec, TypeAlias, TypeVar

import pandas as pd

from wslab.core.errors import BadTypeError, BadValueError
from wslab.core.runs import Run

Runs: TypeAlias = Run | Mapping[str, Run] | Iterable[Run]
Shown: TypeAlias = Runs | pd.DataFrame

P = ParamSpec("P")
D = TypeVar("D")


def over_runs(tabulate: Callable[[Run], pd.DataFrame]) -> Callable[[Runs], pd.DataFrame]:
    """Let a function of one run take several, with a first column `run`."""

    @wraps(tabulate)
    def of_all(runs: Runs) -> pd.DataFrame:
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

    return of_all


def drawn_from(
    tabulate: Callable[[Runs], pd.DataFrame],
) -> Callable[[Callable[Concatenate[pd.DataFrame, P], D]], Callable[Concatenate[Shown, P], D]]:
    """Let a function that draws a table also take runs, which `tabulate` turns into that table.

    A table is drawn as it is, so you can draw a part of one: `close_codes(tables.sends(run).query("client == 0"))`.
    """

    def of_table(draw: Callable[Concatenate[pd.DataFrame, P], D]) -> Callable[Concatenate[Shown, P], D]:
        def of_runs(runs: Shown, /, *arguments: P.args, **options: P.kwargs) -> D:
            return draw(runs if isinstance(runs, pd.DataFrame) else tabulate(runs), *arguments, **options)

        return update_wrapper(of_runs, draw)

    return of_table


def _named(runs: Mapping[str, Run] | Iterable[Run]) -> dict[str, Run]:
    if not isinstance(runs, Iterable):
        raise BadTypeError(f"runs is {runs!r}, but must be a Run, a dict of name to Run, or an iterable of Runs")
    named = dict(runs) if isinstance(runs, Mapping) else {str(n): run for n, run in enumerate(runs, start=1)}
    if not named:
        raise BadValueError("runs is empty; give at least one Run")
    for name, run in named.items():
        if not isinstance(run, Run):
            raise BadTypeError(f"runs holds {run!r} as {name!r}, but must hold Runs; wslab.load(path) reads a file")
    return named
