"""A herd of clients on a virtual clock: one restart closes them all, and one policy brings them back.

Only the waiting is simulated: a client is a row in a few arrays, and clients advance many at a time. Times are exact
floats. While the server is down, attempts do not affect each other, so each pass makes the next attempt of all clients
that are still out, in any order. Once it is up, attempts queue (`wslab.core.herds.capacity`) in order of time. If none
can fail, one pass makes them all. Otherwise they are made window by window. No client that fails in a window can come
back within it, so the order stays exact; only if a server rejects clients is the window `RESOLUTION_S`, and a client
that comes back sooner may be served too late by at most that much.

The machine that would run so many clients is not simulated: attempts start exactly when they are due.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from wslab.core.arguments import check_flag, check_seed, check_whole
from wslab.core.errors import SimulationError
from wslab.core.herds.capacity import Admission
from wslab.core.herds.draws import DrawnDelays
from wslab.core.herds.scenario import FloatArray, Scenario, changed
from wslab.core.herds.simulated import BIN_S, NOTHING_TRIED, OUTCOMES, Codes, SimulatedHerd, Tried
from wslab.core.policies.policy import Delays, Policy
from wslab.core.policies.textbook import named

RESOLUTION_S = 0.01
PERIOD_WINDOWS = 64
"""Windows per search for due clients, so that not every window searches the whole herd."""

MAX_ATTEMPTS = 1_000_000_000
"""More would take minutes; that a policy asks for them is itself the finding."""

KEPT_CLIENTS = 10_000
OPENED, REFUSED, RESET, TIMEOUT, REJECTED, _ = range(len(OUTCOMES))

Indices = npt.NDArray[np.intp]


def simulate_herd(
    clients: int,
    policy: str | Policy | Delays,
    scenario: Scenario | None = None,
    *,
    seed: int = 0,
    keep_attempts: bool | None = None,
    on_pass: Callable[[int], None] | None = None,
    **changes: object,
) -> SimulatedHerd:
    """Close `clients` connections in a restart, let them come back by `policy`, and return the outcome.

    Args:
        clients: 1 to 100 million. Time and memory grow with them (`benchmarks/simulation.py` measures both). If
            attempts can fail after the restart, memory also grows with the number of attempts that the last client is
            behind the first.
        policy: see `wslab.core.policies.textbook.named`. A policy that broadcasts is much faster. One that hardly
            waits, such as "none", makes each client try again every `refused_s` of the downtime, which takes time and
            memory.
        scenario: the restart and the server's capacity. None: `Scenario()`.
        seed: the same seed gives the same herd.
        keep_attempts: keep every attempt, for `SimulatedHerd.to_run`. None: up to `KEPT_CLIENTS` clients.
        on_pass: called repeatedly with the number of attempts so far; any exception ends the simulation.
        changes: fields of `Scenario`, such as `downtime_s=5` or `max_admissions_per_s=500`.

    Raises:
        TypeError, ValueError: an argument has the wrong type or is out of bounds.
        PolicyError: the policy yielded an invalid delay.
        SimulationError: the policy asks for more than `MAX_ATTEMPTS` attempts.

    >>> simulate_herd(1000, "seed_page", downtime_s=2, max_admissions_per_s=400, seed=1)
    <Herd of 1,000, policy 'seed_page': half were back after ... s, 0 gave up, 0 still tried; ...>
    """
    check_whole("clients", clients, low=1, high=100_000_000, unit="clients")
    check_seed(seed)
    check_flag("keep_attempts", keep_attempts, optional=True)
    keep = clients <= KEPT_CLIENTS if keep_attempts is None else keep_attempts
    met = changed(Scenario() if scenario is None else scenario, changes)
    return _Simulation(clients, named(policy), met, seed, keep, on_pass or (lambda made: None)).run()


class _Simulation:
    """The state of a herd: arrays with one element per client, and the server's queue."""

    def __init__(
        self,
        clients: int,
        policy: Policy,
        scenario: Scenario,
        seed: int,
        keep: bool,
        on_pass: Callable[[int], None],
    ) -> None:
        self.clients, self.policy, self.scenario, self.seed = clients, policy, scenario, seed
        self.on_pass = on_pass
        self.closed_at_s = scenario.closed_at_s(clients)
        self.due_at_s = np.full(clients, math.inf)
        self.attempts = np.zeros(clients, np.int32)
        self.reopened_at_s = np.full(clients, math.nan)
        self.window_s = _window_s(scenario)
        self.server = Admission(scenario)
        self.delays = DrawnDelays(policy, clients, seed)
        self.made = 0
        self.counts = np.zeros(len(OUTCOMES), np.int64)
        self.delay_s = np.zeros(clients if keep else 0)
        self.kept: list[Tried] | None = [] if keep else None

    def run(self) -> SimulatedHerd:
        everyone = np.arange(self.clients)
        if self.policy.retries(self.scenario.close_code):
            self._schedule(everyone, self.closed_at_s)
        self._advance(everyone, min(self.scenario.downtime_s, self.scenario.until_s))
        while (horizon := float(self.due_at_s.min())) < self.scenario.until_s:
            self._go_through(horizon, horizon + PERIOD_WINDOWS * self.window_s)
        return self._herd()

    def _go_through(self, horizon: float, period_end: float) -> None:
        """Make the attempts of a period, window by window, in order of time."""
        soon = np.flatnonzero(self.due_at_s < period_end)
        soon = soon[np.argsort(self.due_at_s[soon], kind="stable")]
        due_at_s, back, begin = self.due_at_s[soon], soon[:0], 0
        while horizon < period_end:
            horizon += self.window_s
            before_s = min(horizon, self.scenario.until_s)
            end = int(np.searchsorted(due_at_s, before_s))
            now, begin = soon[begin:end], end
            if back.size:  # due a second time in this period: only a few, so they are merged late
                is_due = self.due_at_s[back] < before_s
                now, back = np.concatenate((now, back[is_due])), back[~is_due]
                now = now[np.argsort(self.due_at_s[now], kind="stable")]
            if now.size:
                self._attempt(now)
                back = np.concatenate((back, now[self.due_at_s[now] < period_end]))

    def _advance(self, clients: Indices, until_s: float) -> None:
        """Make the attempts of `clients` that are due before `until_s`, including those that follow."""
        while (clients := clients[self.due_at_s[clients] < until_s]).size:
            self._attempt(clients)

    def _attempt(self, clients: Indices) -> None:
        started = self.due_at_s[clients]
        is_down = started[0] < self.scenario.downtime_s
        ended, outcome = self._while_down(started) if is_down else self._while_up(started)
        self.attempts[clients] += 1
        self.due_at_s[clients] = math.inf
        self._count(clients, started, ended, outcome)
        opened = outcome == OPENED
        self.reopened_at_s[clients[opened]] = ended[opened]
        failed = ~opened
        resumed = ended[failed]
        resumed[outcome[failed] == REJECTED] += self.policy.wait_s(0.0, self.scenario.retry_after_s)
        self._schedule(clients[failed], resumed)

    def _while_down(self, started: FloatArray) -> tuple[FloatArray, Codes]:
        """Return when and how attempts end while the server is down."""
        if self.scenario.while_down == "refuse":
            return started + self.scenario.refused_s, _all(REFUSED, started)
        if self.scenario.while_down == "unavailable":
            return started + self.scenario.handshake_s, _all(REJECTED, started)
        outcome = _all(RESET, started)
        abandoned = started + (self.scenario.timeout_s or math.inf)
        outcome[abandoned < self.scenario.downtime_s] = TIMEOUT
        return np.minimum(abandoned, self.scenario.downtime_s), outcome

    def _while_up(self, started: FloatArray) -> tuple[FloatArray, Codes]:
        """Return when and how attempts end while the server is up. `started` must be in order of time."""
        turns = self.server.turns(started)
        turned_away = np.isnan(turns)
        ended = np.where(turned_away, started, turns) + self.scenario.handshake_s
        outcome = _all(OPENED, started)
        outcome[turned_away] = REJECTED
        if self.scenario.timeout_s is not None:
            abandoned = started + self.scenario.timeout_s
            outcome[ended > abandoned] = TIMEOUT
            ended = np.minimum(ended, abandoned)
        return ended, outcome

    def _schedule(self, clients: Indices, resumed_at_s: FloatArray) -> None:
        """Set the time of each client's next attempt; a client without a further delay has given up."""
        if not clients.size:
            return
        delay_s = self.delays.before(self.attempts[clients].astype(np.intp) + 1, clients, self._oldest)
        # fmin takes the number where the other is NaN: no delay, never due.
        self.due_at_s[clients] = np.fmin(resumed_at_s + delay_s, math.inf)
        if self.kept is not None:
            self.delay_s[clients] = delay_s

    def _oldest(self) -> int:
        """Return the lowest number of a next attempt among the clients that are not back."""
        return int(self.attempts[np.isnan(self.reopened_at_s)].min()) + 1

    def _count(self, clients: Indices, started: FloatArray, ended: FloatArray, outcome: Codes) -> None:
        cells = (started / BIN_S).astype(np.int64) * len(OUTCOMES) + outcome
        first = int(cells.min())
        counts = np.bincount(cells - first)
        if first + counts.size > self.counts.size:
            bins = (first + counts.size) // len(OUTCOMES) + 1
            self.counts = np.pad(self.counts, (0, 2 * bins * len(OUTCOMES) - self.counts.size))
        self.counts[first : first + counts.size] += counts
        self.made += clients.size
        self.on_pass(self.made)
        if self.made > MAX_ATTEMPTS:
            raise SimulationError(
                f"{self.made:,} attempts were made in the first {started[-1]:.3g} s of virtual time, and clients are "
                f"still out: policy {self.policy.name!r} asks for more than {MAX_ATTEMPTS:,}; use longer delays, a "
                "shorter downtime or fewer clients"
            )
        if self.kept is not None:
            number, delay_s = self.attempts[clients].astype(np.int64), self.delay_s[clients]
            self.kept.append(Tried(clients, number, delay_s, started, ended, outcome))

    def _herd(self) -> SimulatedHerd:
        last = int(np.flatnonzero(self.counts).max(initial=0)) // len(OUTCOMES)
        counts = self.counts.reshape(-1, len(OUTCOMES))[: last + 1]
        per_bin = {name: counts[:, code] for code, name in enumerate(OUTCOMES) if counts[:, code].any()}
        return SimulatedHerd(
            clients=self.clients,
            policy=self.policy,
            scenario=self.scenario,
            seed=self.seed,
            closed_at_s=self.closed_at_s,
            reopened_at_s=self.reopened_at_s,
            attempts=self.attempts,
            still_out=self.due_at_s < math.inf,
            attempts_per_bin=per_bin,
            kept=None if self.kept is None else _in_order(self.kept),
        )


def _all(outcome: int, started: FloatArray) -> Codes:
    return np.full(started.size, outcome, np.int8)


def _window_s(scenario: Scenario) -> float:
    """Return a time within which no client that fails at a running server comes back; inf if none can fail."""
    if scenario.max_admissions_per_s is None:
        return math.inf
    if scenario.max_waiting is not None:
        return max(RESOLUTION_S, scenario.handshake_s)
    return scenario.timeout_s or math.inf


def _in_order(kept: list[Tried]) -> Tried:
    whole = Tried._make(np.concatenate(arrays) for arrays in zip(NOTHING_TRIED, *kept, strict=True))
    order = np.lexsort((whole.client, whole.ended_at_s))
    return Tried._make(array[order] for array in whole)
