"""AWS's backoff experiment: clients contend for one row, and each must write it once. Nobody reconnects.

The rules, as published with "Exponential Backoff And Jitter" (https://github.com/aws-samples/aws-arch-backoff-simulator):
a client reads the row's version, then writes the row with it. The write succeeds, and changes the version, if the
version is still current; otherwise the client waits by its policy and reads again. Each of the four messages of a round
takes |N(10, 2)| on the network. The server answers at once and without limit: the scarce resource is the row, and not
the server's capacity, as it is after a restart. Time has no unit here; a policy's seconds are taken as the model's.

The computation goes version by version. Between two changes of the version, clients do not influence one another: one
that read before the last change is bound to fail, and among the others the first write wins. So each version takes a
few operations on arrays of trials × clients, and there are as many versions as clients.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from wslab.core.arguments import check_number, check_seed, check_whole
from wslab.core.errors import PolicyError
from wslab.core.herds.draws import columns
from wslab.core.herds.scenario import FloatArray
from wslab.core.policies.policy import Delays, Policy
from wslab.core.policies.textbook import decorrelated_jitter, equal_jitter, exponential, full_jitter, named, none

BASE, CAP = 5.0, 2000.0

# The original counts attempts from 1, so its first exponential delay is twice the base.
AWS_POLICIES: Mapping[str, Policy] = {
    "none": none(),
    "exponential": exponential(initial_delay_s=2 * BASE, max_delay_s=CAP),
    "equal_jitter": equal_jitter(initial_delay_s=2 * BASE, max_delay_s=CAP),
    "full_jitter": full_jitter(initial_delay_s=2 * BASE, max_delay_s=CAP),
    "decorrelated_jitter": decorrelated_jitter(initial_delay_s=BASE, max_delay_s=CAP),
}
"""The original's five strategies, with its base of 5 and its cap of 2,000."""

Indices = npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Contention:
    """The results of `clients` contenders under one policy, per trial.

    Fields:
        time: from the start until the last client knows that it has written.
        calls: writes tried by all clients together.
    """

    policy: Policy
    clients: int
    seed: int
    time: FloatArray
    calls: npt.NDArray[np.int64]


class Band(NamedTuple):
    """A mean over trials and its confidence interval."""

    low: float
    mean: float
    high: float


def band(trials: npt.NDArray[np.floating | np.integer], confidence: float = 0.95) -> Band:
    """Return the mean of at least two `trials`, and the interval that contains the true mean with `confidence`.

    Uses the normal approximation, since there are many trials.

    >>> band(np.array([9.0, 10.0, 11.0] * 30)).mean
    10.0
    """
    check_number("confidence", confidence, low=0.5, high=0.9999, unit="(a share)")
    mean = float(trials.mean())
    half = NormalDist().inv_cdf(0.5 + confidence / 2) * float(trials.std(ddof=1)) / math.sqrt(trials.size)
    return Band(mean - half, mean, mean + half)


def contend(
    clients: int,
    policy: str | Policy | Delays,
    *,
    trials: int = 100,
    seed: int = 0,
    latency_mean: float = 10.0,
    latency_sd: float = 2.0,
) -> Contention:
    """Let `clients` contend under `policy`, `trials` times, and return the time and the calls of each trial.

    Args:
        clients: 1 to 2,000; the calls grow with their square.
        policy: see `wslab.core.policies.textbook.named`; the original's are in `AWS_POLICIES`.
        trials: independent repetitions, computed together; 2 to 100,000.
        latency_mean, latency_sd: of one message; 10 and 2 in the original.

    Raises:
        TypeError, ValueError: an argument has the wrong type or is out of bounds.
        PolicyError: the policy yielded an invalid delay, or ended, though no client may give up.

    >>> few, many = (contend(n, AWS_POLICIES["full_jitter"], seed=1) for n in (5, 50))
    >>> bool(few.calls.mean() / 5 < many.calls.mean() / 50)
    True
    """
    check_whole("clients", clients, low=1, high=2_000, unit="clients")
    check_whole("trials", trials, low=2, high=100_000, unit="trials")
    check_seed(seed)
    check_number("latency_mean", latency_mean, low=0.001, unit="(units of model time)")
    check_number("latency_sd", latency_sd, low=0, unit="(units of model time)")
    rounds = _Rounds(clients, named(policy), trials, seed, latency_mean, latency_sd)
    time = rounds.run()
    return Contention(rounds.policy, clients, seed, time, rounds.calls.reshape(trials, clients).sum(axis=1))


class _Rounds:
    """Every client's current round in every trial, as flat arrays: element `trial × clients + client`."""

    def __init__(
        self, clients: int, policy: Policy, trials: int, seed: int, latency_mean: float, latency_sd: float
    ) -> None:
        self.clients, self.policy, self.trials = clients, policy, trials
        self.latency = latency_mean, latency_sd
        self.rng = np.random.default_rng([seed, 1])  # independent of the draws for the delays
        self.calls = np.zeros(trials * clients, np.int64)
        self.read_at = self._messages(1, trials * clients)
        self.write_at = self.read_at + self._messages(2, trials * clients)
        self.columns = columns(policy, trials * clients, seed)
        self.delays = np.empty((0, trials * clients))
        self.drawn = 0

    def run(self) -> FloatArray:
        """Let one client of each trial win, once per client; return when the last one knew."""
        ended = np.zeros(self.trials)
        first = np.arange(self.trials) * self.clients
        for _ in range(self.clients):
            winners = first + self.write_at.reshape(self.trials, -1).argmin(axis=1)
            changed_at = self.write_at[winners]
            ended = np.maximum(ended, changed_at + self._messages(1, self.trials))
            self.calls[winners] += 1
            self.read_at[winners] = self.write_at[winners] = math.inf
            self._fail_stale(np.repeat(changed_at, self.clients))
        return ended

    def _fail_stale(self, changed_at: FloatArray) -> None:
        stale = np.flatnonzero(self.read_at < changed_at)
        while stale.size:
            self.calls[stale] += 1
            self.read_at[stale] = self.write_at[stale] + self._messages(2, stale.size) + self._waits(stale)
            self.write_at[stale] = self.read_at[stale] + self._messages(2, stale.size)
            stale = stale[self.read_at[stale] < changed_at[stale]]

    def _waits(self, stale: Indices) -> FloatArray:
        numbers = self.calls[stale]
        while self.drawn < numbers.max():
            if self.drawn == len(self.delays):
                self.delays = np.concatenate([self.delays, np.empty((8 + self.drawn, self.calls.size))])
            self.delays[self.drawn] = next(self.columns)
            self.drawn += 1
        waits: FloatArray = self.delays[numbers - 1, stale]
        if np.isnan(waits).any():
            raise PolicyError(f"policy {self.policy.name!r} gave up, but every client must write once")
        return waits

    def _messages(self, count: int, size: int) -> FloatArray:
        """Return the time that `count` consecutive messages take, for `size` clients."""
        mean, sd = self.latency
        total: FloatArray = np.abs(self.rng.normal(mean, sd, (count, size))).sum(axis=0)
        return total
