"""The herds of a panel: simulated as its controls ask, and real ones that are laid over them. Draws nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from wslab.core.herds.returning import Returning, returning
from wslab.core.herds.scenario import Scenario
from wslab.core.herds.simulate import simulate_herd
from wslab.core.herds.simulated import SimulatedHerd
from wslab.core.knobs import Knobs
from wslab.core.policies.policy import Policy
from wslab.core.runs import Run
from wslab.experiments import Cancel
from wslab.panels.code import call
from wslab.panels.policies import chosen, written

SERVER = ("downtime_s", "max_admissions_per_s", "drain_s")
"""Controls with the names that a scenario and a lab server's knobs have in common."""


@dataclass(frozen=True)
class SimulationOrder:
    """What to simulate. Two are equal if they ask for the same, whatever object the policy is."""

    name: str
    source: str
    clients: int
    scenario: Scenario
    seed: int
    policy: Policy = field(compare=False, repr=False)


class Beside(NamedTuple):
    """A simulated herd, and the real one that belongs over it, with what figures need of each."""

    name: str
    simulated: SimulatedHerd
    prediction: Returning
    real: Run | None
    measured: Returning | None

    @property
    def scale(self) -> float:
        """How many simulated clients a real one stands for."""
        return self.prediction.outages / self.measured.outages if self.measured and self.measured.outages else 1.0


class StoppedError(Exception):
    """A simulation was cancelled."""


def orders(values: Mapping[str, Any]) -> list[SimulationOrder]:
    """Return what the controls ask for, an order a policy.

    Raises:
        ValueError: a policy's knobs contradict each other.
    """
    scenario = Scenario(**{knob: values[knob] for knob in SERVER})
    return [
        SimulationOrder(name, written(name, values), values["clients"], scenario, values["seed"], policy)
        for name, policy in chosen(values).items()
    ]


def real_server(values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the knobs of the real herd's server, and how it is restarted.

    Its capacity is smaller by as much as the herd is, and comes with the restart: nobody waits for a first connection.
    """
    knobs = {name: values[name] for name in SERVER if values[name] != getattr(Knobs(), name)}
    capacity_per_s = knobs.pop("max_admissions_per_s", None)
    if capacity_per_s is None:
        return knobs, {}
    scaled_per_s = round(capacity_per_s * values["real_clients"] / values["clients"], 3)
    return knobs, {"kind": "reload", "changes": {"max_admissions_per_s": scaled_per_s}}


def herds_code(values: Mapping[str, Any], waits: dict[str, float]) -> str:
    """Return the lines that simulate the herds and lay the real one over them; `waits` bound the real one's drill."""
    server = {name: values[name] for name in SERVER if values[name] not in (None, getattr(Scenario(), name))}
    named = "".join(f'    "{name}": {written(name, values)},\n' for name in values["policies"])
    simulated = call("wslab.simulate_herd", f"{values['clients']:_}", "policy", seed=values["seed"], **server)
    policy = written(values["real_policy"], values)
    knobs, restart = real_server(values)
    own = {"clients": values["real_clients"], "seed": values["seed"]} | restart | waits
    drill = call("wslab.experiments.herd_drill", "knobs", f"policy={policy}", **own)
    return "\n".join(
        [
            f"policies = {{\n{named}}}",
            f"herds = {{\n    name: {simulated}\n    for name, policy in policies.items()\n}}",
            "",
            "# Overlay a real herd",
            f"knobs = {call('wslab.Knobs', **knobs)}",
            f"real = {drill}",
            "",
            'wslab.show(wslab.plots.side_by_side(herds | {"real": real}))',
        ]
    )


class Herds:
    """What was simulated last, and the real herds so far: one is shown while what it was laid over is."""

    def __init__(self) -> None:
        self._simulated: dict[SimulationOrder, tuple[SimulatedHerd, Returning]] = {}
        self._real: dict[SimulationOrder, tuple[Run, Returning]] = {}

    def clear(self) -> None:
        self._simulated, self._real = {}, {}

    def has(self, order: SimulationOrder) -> bool:
        return order in self._simulated

    def simulate(self, wanted: Sequence[SimulationOrder], cancel: Cancel) -> Iterator[SimulationOrder]:
        """Yield each order that is not there yet, to be told of, and simulate it afterwards; forget all others.

        Raises:
            StoppedError: it was cancelled.
        """
        self._simulated = {order: done for order, done in self._simulated.items() if order in wanted}
        for order in wanted:
            if order not in self._simulated:
                yield order
                herd = simulate_herd(
                    order.clients, order.policy, order.scenario, seed=order.seed, on_pass=_until(cancel)
                )
                self._simulated[order] = herd, returning(herd)

    def overlay(self, order: SimulationOrder, run: Run) -> None:
        self._real[order] = run, returning(run)

    def beside(self, wanted: Sequence[SimulationOrder]) -> list[Beside]:
        """Return what there is of these."""
        return [
            Beside(order.name, *self._simulated[order], *self._real.get(order, (None, None)))
            for order in wanted
            if order in self._simulated
        ]


def _until(cancel: Cancel) -> Callable[[int], None]:
    def go_on(made: int) -> None:
        if cancel.cancelled:
            raise StoppedError(f"stopped after {made:,} attempts")

    return go_on
