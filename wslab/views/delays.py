"""The delays that a policy draws before each attempt of an outage, for many clients at once."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from math import ceil
from random import Random

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from wslab.core.arguments import check_whole
from wslab.core.policies.policy import Delays, Policy, checked
from wslab.core.policies.textbook import named
from wslab.views.axes import SMALL_PT, WIDTH_IN, dress
from wslab.views.style import INK, SHADE
from wslab.views.words import seconds

COLUMNS = 3


def delays_drawn(
    policies: Sequence[str | Policy | Delays], *, attempts: int = 8, clients: int = 300, seed: int = 0
) -> Figure:
    """Draw the delays of each policy by attempt, in small panels: every draw, and the median.

    A policy without jitter has one mark per attempt; one that gives up has none after its last.

    Args:
        policies: names, policies or generator functions; see `wslab.core.policies.textbook.named`.
        attempts: attempts of one outage, 1 to 100. clients: how many draw, 1 to 10,000.

    Raises:
        TypeError, ValueError: an argument is out of its bounds, or a policy yields an invalid delay.
    """
    check_whole("attempts", attempts, low=1, high=100, unit="attempts")
    check_whole("clients", clients, low=1, high=10_000, unit="clients")
    chosen = [named(policy) for policy in policies]
    rows = max(1, ceil(len(chosen) / COLUMNS))
    figure = Figure(figsize=(WIDTH_IN, 0.5 + 1.9 * rows), layout="constrained")
    panels = figure.subplots(rows, COLUMNS, sharex=True, squeeze=False).flatten()
    for ax, policy in zip(panels, chosen, strict=False):
        _draw(ax, policy, draws(policy, attempts=attempts, clients=clients, seed=seed), attempts, clients)
    for ax in panels[len(chosen) :]:
        ax.set_visible(False)
    return figure


def draws(policy: Policy, *, attempts: int, clients: int, seed: int) -> list[list[float]]:
    """Return the delays that the clients draw before each attempt, as long as the policy goes on."""
    rngs = [Random(f"{seed}/{client}") for client in range(clients)]
    each = [list(islice(checked(policy.delays(rng), policy.name), attempts)) for rng in rngs]
    longest = max(map(len, each))
    return [[delays[number] for delays in each if len(delays) > number] for number in range(longest)]


def _draw(ax: Axes, policy: Policy, drawn: Sequence[Sequence[float]], attempts: int, clients: int) -> None:
    medians = [float(np.median(delays_s)) for delays_s in drawn]
    for number, delays_s in enumerate(drawn, start=1):
        ax.plot([number] * len(delays_s), delays_s, "_", color=SHADE, markersize=11, markeredgewidth=1, zorder=1)
    ax.plot(range(1, len(medians) + 1), medians, "_", color=INK, markersize=11, markeredgewidth=2, zorder=2)
    ax.set_xlim(0.4, attempts + 0.6)
    ax.set_ylim(bottom=0)
    ax.set_xticks(range(1, attempts + 1))
    told = ", ".join(seconds(median) for median in medians)
    dress(
        ax,
        kind="Delays that a policy draws",
        title=policy.name,
        xlabel="attempt",
        ylabel="delay (s)",
        details=[f"{policy.formula}; medians of {clients:,} clients: {told}"],
    )
    ax.xaxis.label.set_fontsize(SMALL_PT)
    ax.yaxis.label.set_fontsize(SMALL_PT)
