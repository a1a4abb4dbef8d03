"""The panel of lesson 05: what reconnect policies draw, beside each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from wslab.core.policies.policy import Policy
from wslab.core.runs import Run
from wslab.panels.code import call
from wslab.panels.control_kinds import Action, Control, Number, Several
from wslab.panels.panel import Panel
from wslab.panels.policies import (
    FACTOR,
    INITIAL_DELAY,
    MAX_DELAY,
    MIN_DELAY,
    NAMES,
    chosen,
    curve_look,
    places,
    written,
)
from wslab.panels.shown import shown_table
from wslab.views import plots
from wslab.views.delays import draws
from wslab.views.style import GROUPS
from wslab.views.words import counted

MAX_SEED = 999_999


class PolicyPanel(Panel):
    """Choose policies and see at once how long their clients wait before each attempt of an outage.

    Each mark is the delay of one client, and the line leads through the medians. Formula and source of each policy are
    named. A knob that is turned is one of every chosen policy that has it.

    Args:
        values: what the controls start with, by their names: policies, initial_delay_s, min_delay_s, max_delay_s,
            factor, attempts, clients, seed.

    Raises:
        TypeError, ValueError: no such control, or a value out of its bounds.
    """

    TITLE = "When should I come back?"
    CONTROLS: ClassVar[tuple[Control, ...]] = (
        Several(
            *("policies", f"policies (at most {len(GROUPS)})", NAMES),
            ("constant", "exponential", "full_jitter", "registry"),
            at_most=len(GROUPS),
        ),
        INITIAL_DELAY,
        MIN_DELAY,
        MAX_DELAY,
        FACTOR,
        Number("attempts", "attempts", "per client", 1, 20, 8, slider=False),
        Number("clients", "clients", "per policy", 1, 300, 100, slider=False),
        Number("seed", "seed", "(any)", 0, MAX_SEED, 0, slider=False),
    )
    ACTIONS: ClassVar[tuple[Action, ...]] = (
        Action("again", "Draw again", "the same policies with the next seed", main=True),
    )
    VIEWS: ClassVar[tuple[str, ...]] = ("delays",)
    GATHERS = True
    KEEPS = False

    def __init__(self, **values: Any) -> None:
        self._places: dict[str, int] = {}
        super().__init__(**values)

    def turned(self) -> None:
        super().turned()
        policies = chosen(self.values)
        self._places = places(self._places, policies)
        drawn = {name: draws(policy, **self._asked()) for name, policy in policies.items()}
        self.scene = {
            "attempts": self.values["attempts"],
            "delays": [self._told(policy, drawn[name]) for name, policy in policies.items()],
        }
        self.tables = [self._medians(drawn)] if drawn else []
        clients, seed = counted(self.values["clients"], "client"), self.values["seed"]
        self.say(f"{clients} of each policy, seed {seed}" if drawn else "choose a policy")
        self._below.update_soon()

    def work(self, action: str) -> Run | None:
        self.turn(seed=(self.values["seed"] + 1) % (MAX_SEED + 1))
        return None

    def code_for(self, values: Mapping[str, Any]) -> str:
        policies = "".join(f"    {written(name, values)},\n" for name in values["policies"])
        drawn = call("wslab.plots.delays_drawn", "policies", **self._asked())
        return f"policies = [\n{policies}]\nwslab.show({drawn})"

    def shows_something(self) -> bool:
        return bool(self.values["policies"])

    def draw(self) -> Figure:
        return plots.delays_drawn(list(chosen(self.values).values()), **self._asked())

    def _asked(self) -> dict[str, int]:
        return {name: self.values[name] for name in ("attempts", "clients", "seed")}

    def _told(self, policy: Policy, drawn: list[list[float]]) -> dict[str, Any]:
        source = policy.source
        return {
            "name": policy.name,
            "look": curve_look(GROUPS[self._places[policy.name]]),
            "draws": [sorted({round(delay_s, 3) for delay_s in delays_s}) for delays_s in drawn],
            "medians": _medians_of(drawn),
            "formula": policy.formula,
            "source": None if source is None else {"label": source.label, "url": source.url},
        }

    def _medians(self, drawn: Mapping[str, list[list[float]]]) -> dict[str, Any]:
        numbers = range(1, self.values["attempts"] + 1)
        medians = {name: pd.Series(_medians_of(own), numbers[: len(own)]) for name, own in drawn.items()}
        table = pd.DataFrame(medians, index=pd.Index(numbers, name="attempt"))
        return shown_table("Median of the delays (s)", table.reset_index())


def _medians_of(drawn: list[list[float]]) -> list[float]:
    return [round(float(np.median(delays_s)), 3) for delays_s in drawn]
