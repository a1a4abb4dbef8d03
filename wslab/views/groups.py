"""The meanings and groups of a table's rows, and how each group looks. Draws nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import pandas as pd

from wslab.core.arguments import check_choice
from wslab.core.errors import BadValueError
from wslab.core.printable import printable
from wslab.views.style import GROUPS, LONE, Look, Meaning, look

Groups: TypeAlias = list[tuple[str, pd.DataFrame]]


def meanings(table: pd.DataFrame) -> pd.Series[Meaning]:
    """Return the meaning of each row: the close code if a connection closed, otherwise the outcome."""
    unknown = pd.Series(None, index=table.index, dtype=object)
    codes = table["close_code"].astype("Int64").astype(object) if "close_code" in table else unknown
    outcomes = table["outcome"].astype(object) if "outcome" in table else unknown.fillna("closed")
    return outcomes.where((outcomes != "closed") | codes.isna(), codes)


def grouped(table: pd.DataFrame, by: str | None) -> Groups:
    """Return the named groups of rows, numbers sorted, names in order of appearance; no groups if there are no rows.

    Args:
        by: the column to group by. None: `run` if the table has it, else one unnamed group.

    Raises:
        ValueError: the table has no such column.
    """
    if by is None and "run" not in table:
        return [("", table)] if len(table) else []
    column = by or "run"
    check_choice("by", column, table.columns)
    numbers = pd.api.types.is_numeric_dtype(table[column])
    return [(printable(str(name)), group) for name, group in table.groupby(column, sort=numbers, dropna=False)]


def looks_of(groups: Groups, by: str | None) -> Sequence[Look]:
    """Return a look per group; close codes and clients look the same in every figure.

    Raises:
        ValueError: there are too many groups to tell their lines apart.
    """
    if by == "close_code":
        return [look(int(name)) for name, _ in groups]
    if len(groups) == 1 and by != "subject":
        return [LONE]
    if len(groups) > len(GROUPS):
        raise BadValueError(
            f"{by or 'run'} makes {len(groups)} groups, but at most {len(GROUPS)} lines can be told apart; select some"
        )
    if by == "subject":
        return _looks_of_clients([name for name, _ in groups])
    return GROUPS[: len(groups)]


CLIENTS = ("wslab", "websockets", "aiohttp", "websocket-client", "websocket-client, reading on", "node-ws")
"""The clients to which `GROUPS` belong, in this order, whether or not a table has them."""


def _looks_of_clients(names: Sequence[str]) -> Sequence[Look]:
    """Return a look per client; those that are not in `CLIENTS` take what is left, in order."""
    others = iter([own for own, owner in zip(GROUPS, CLIENTS, strict=True) if owner not in names])
    return [GROUPS[CLIENTS.index(name)] if name in CLIENTS else next(others) for name in names]
