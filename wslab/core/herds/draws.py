"""The delays of a whole herd from one policy: one column per attempt, with one delay per client.

A policy is written for one client. One that broadcasts runs once, with arrays as draws; any other runs once per client,
which takes far longer but works for every policy.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from random import Random
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from wslab.core.herds.scenario import FloatArray
from wslab.core.policies.policy import Policy, checked, checked_delay

_Indices = npt.NDArray[np.intp]


class HerdDraws:
    """The part of `random.Random` that broadcasting policies may use, drawing for all clients at once."""

    def __init__(self, clients: int, seed: int) -> None:
        self._clients = clients
        self._generator = np.random.default_rng(seed)

    def random(self) -> FloatArray:
        return self._generator.random(self._clients)

    def uniform(self, low: Any, high: Any) -> FloatArray:
        draws = self.random()
        draws *= high - low
        draws += low
        return draws


class DrawnDelays:
    """Every client's delays before the attempts that are still possible, one row per attempt; old rows are reused."""

    def __init__(self, policy: Policy, clients: int, seed: int) -> None:
        self._columns = columns(policy, clients, seed)
        self._rows = np.empty((1, clients))
        self._newest = 0

    def before(self, numbers: _Indices, clients: _Indices, oldest: Callable[[], int]) -> FloatArray:
        """Return the delays of these clients before the attempts of these numbers; rows before `oldest()` may go."""
        while self._newest < numbers.max():
            self._draw(oldest)
        return self._rows[numbers % len(self._rows), clients]

    def _draw(self, oldest: Callable[[], int]) -> None:
        number, size = self._newest + 1, len(self._rows)
        if number > size and number - size >= oldest():
            rows = np.empty((2 * size, self._rows.shape[1]))
            for kept in range(number - size, number):
                rows[kept % (2 * size)] = self._rows[kept % size]
            self._rows = rows
        self._rows[number % len(self._rows)] = next(self._columns)
        self._newest = number


def columns(policy: Policy, clients: int, seed: int) -> Iterator[FloatArray]:
    """Yield, for attempts 1, 2, … without end, an array of one delay per client, or of a single delay for all.

    NaN means that a client has given up.

    Raises:
        PolicyError: the policy yielded an invalid delay.
    """
    return (_broadcast if policy.broadcasts else _one_by_one)(policy, clients, seed)


def _broadcast(policy: Policy, clients: int, seed: int) -> Iterator[FloatArray]:
    rng = cast("Random", HerdDraws(clients, seed))
    for number, delays in enumerate(policy.delays(rng), start=1):
        column = np.asarray(delays, dtype=np.float64)
        if not (column.min() >= 0 and column.max() < math.inf):  # NaN fails both
            wrong = column[~((column >= 0) & (column < math.inf))]
            checked_delay(wrong.flat[0].item(), policy.name, number)
        yield column
    yield from _nothing_more()


def _one_by_one(policy: Policy, clients: int, seed: int) -> Iterator[FloatArray]:
    rng = Random(seed)  # shared: the order of the draws is fixed, and a generator per client would take 2.5 KB each
    everyone = [checked(policy.delays(rng), policy.name) for _ in range(clients)]
    while True:
        yield np.array([next(delays, math.nan) for delays in everyone])


def _nothing_more() -> Iterator[FloatArray]:
    while True:
        yield np.array(math.nan)
