"""The panel of lesson 06: a simulated herd under several policies, and a real one laid over it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from matplotlib.figure import Figure

from wslab.core.errors import in_words
from wslab.core.herds.returning import AnyHerd
from wslab.core.knobs import Knobs
from wslab.core.runs import Run
from wslab.experiments import Cancel, herd_drill
from wslab.experiments.conduct import Progress
from wslab.net import machine
from wslab.panels.control_kinds import Action, Choice, Control, Number, Several, knob
from wslab.panels.curves import counters, curves, per_second
from wslab.panels.herds import Beside, Herds, StoppedError, herds_code, orders, real_server
from wslab.panels.latest import Latest
from wslab.panels.panel import Panel
from wslab.panels.policies import INITIAL_DELAY, MAX_DELAY, MIN_DELAY, NAMES, curve_look, places
from wslab.panels.shown import ShownTable
from wslab.views import plots
from wslab.views.style import CAPACITY, GROUPS
from wslab.views.words import counted, ratio

MAX_CLIENTS = 1_000_000
PATIENCE_S = 600.0
"""For a handshake and for the whole return: like simulated clients, the real ones wait as long as it takes."""


class HerdPanel(Panel):
    """Choose policies, clients, downtime and capacity, and see the herd that comes back: a simulation, at once.

    A real herd, of as many clients as this machine can hold, is laid over the simulation on the same axes. Where it
    is smaller, its server's capacity is so in the same proportion, and each of its clients counts as many times.

    Args:
        values: what the controls start with, by their names: policies, clients, downtime_s, max_admissions_per_s,
            drain_s, initial_delay_s, min_delay_s, max_delay_s, seed, real_policy, real_clients.

    Raises:
        TypeError, ValueError: no such control, or a value out of its bounds.
    """

    TITLE = "What if everyone comes back at once?"
    CONTROLS: ClassVar[tuple[Control, ...]] = (
        Several(
            *("policies", f"policies (at most {len(GROUPS)})", NAMES),
            ("constant", "full_jitter", "registry"),
            at_most=len(GROUPS),
        ),
        Number("clients", "simulated clients", "clients", 10, MAX_CLIENTS, 10_000, logarithmic=True),
        knob("downtime_s", "downtime", 5.0),
        knob("max_admissions_per_s", "capacity", 1000.0, optional=True),
        INITIAL_DELAY,
        MIN_DELAY,
        MAX_DELAY,
        knob("drain_s", "drain", 0.0),
        Number("seed", "seed", "(any)", 0, 999_999, 0, slider=False),
        Choice("real_policy", "real herd's policy", NAMES, "full_jitter", listed=True),
        Number(
            *("real_clients", "real clients", "clients", 1, MAX_CLIENTS, 300),
            slider=False,
            hint=f"at most {min(machine.limits()).clients:,} here",
        ),
    )
    ACTIONS: ClassVar[tuple[Action, ...]] = (
        Action("simulate", "Simulate", "let every chosen policy bring the herd back, on a virtual clock", main=True),
        Action("overlay", "Overlay a real herd", "restart a real server under real clients, and draw them as marks"),
    )
    VIEWS: ClassVar[tuple[str, ...]] = ("herd",)
    GATHERS = True

    def __init__(self, **values: Any) -> None:
        self._latest = Latest()
        self._followed = False  # whether the controls are followed at once, since somebody looks
        self._herds = Herds()
        self._places: dict[str, int] = {}
        super().__init__(**values)

    def turned(self) -> None:
        super().turned()
        self._places = places(self._places, [order.name for order in orders(self.values)])
        if self._followed and not self.busy:
            self._ask()

    def on_visible(self, visible: bool) -> None:
        self._followed = self._followed or visible
        if visible and not self.busy and not self.shows_something():
            self._ask()

    def stop(self) -> None:
        self._latest.stop()
        if self.status["kind"] == "busy" and not self.busy:
            self._show_stopped()
        super().stop()

    def _show_stopped(self) -> None:
        self._show()
        shown, wanted = len(self._beside()), len(self.values["policies"])
        kept = f"{shown} of {wanted} herds are shown" if shown else "no herd was simulated yet"
        self.say(f"stopped; {kept}", "done")

    def clear(self) -> None:
        self._latest.give_up()
        self._herds.clear()
        self.scene = {}
        super().clear()

    def work(self, action: str) -> Run | None:
        run = None
        try:
            self._latest.give_up()
            if action == "simulate":
                self._simulate(self._cancel)
                self._conclude()
                self._below.update_soon()
            else:
                run = self._overlay()
            if self._behind():  # knobs were turned during the run
                self._ask()
        except StoppedError:
            self._show_stopped()
        return run

    def _behind(self) -> bool:
        return not all(map(self._herds.has, orders(self.values)))

    def _ask(self) -> None:
        if self._behind():
            self.say("simulating …", "busy")
        self._latest.ask(self._follow)

    def _follow(self, cancel: Cancel) -> None:
        try:
            self._simulate(cancel)
            self._conclude()
            self._below.update_soon()
        except StoppedError:
            pass  # said by the one that cancelled it
        except Exception as error:  # this thread is nobody's: what goes wrong in it is said here
            self.say(in_words(error), "failed")

    def _simulate(self, cancel: Cancel) -> None:
        """Simulate what the controls ask for and is not there yet, and show each as soon as it is."""
        wanted = orders(self.values)
        for order in self._herds.simulate(wanted, cancel):
            if self.shows_something():  # until then the last ones stay
                self._show()
            self.say(f"simulating {order.clients:,} clients, policy {order.name} …", "busy")
        self._show()

    def _overlay(self) -> Run:
        name, clients = self.values["real_policy"], self.values["real_clients"]
        machine.check_clients(clients)
        if name not in self.values["policies"]:
            self.turn(policies=[*self.values["policies"], name])
        self._simulate(self._cancel)
        self.say(f"{counted(clients, 'real client')} connect …", "busy")
        [order] = [order for order in orders(self.values) if order.name == name]
        knobs, restart = real_server(self.values)
        run = herd_drill(
            Knobs(**knobs),
            clients=clients,
            policy=order.policy,
            seed=order.seed,
            **restart,
            open_timeout_s=PATIENCE_S,
            timeout_s=PATIENCE_S,
            progress=self._tell_progress,
            cancel=self._cancel,
        )
        self._herds.overlay(order, run)
        self._show()
        return run

    def _tell_progress(self, at: Progress) -> None:
        total = at.total or at.done
        if at.done % max(1, total // 50) == 0:
            self.say(f"real herd: {at.done:,} of {total:,} {at.doing}", "busy")

    def _beside(self) -> list[Beside]:
        return self._herds.beside(orders(self.values))

    def _show(self) -> None:
        herds = self._beside()
        self.scene = {
            "herds": curves(herds, self._places),
            "downtime_s": self.values["downtime_s"],
            "capacity_per_s": self.values["max_admissions_per_s"],
            "capacity_look": curve_look(CAPACITY),
        }
        self.tables = [counters(herds), per_second(herds)] if herds else []

    def _conclude(self) -> None:
        herds, capacity_per_s = self._beside(), self.values["max_admissions_per_s"]
        if herds:
            most = max(herds, key=lambda one: one.prediction.peak_per_s)
            told = f"{most.simulated.clients:,} clients simulated; the highest peak is that of {most.name}"
            times = f", {ratio(most.prediction.peak_per_s / capacity_per_s)} the capacity" if capacity_per_s else ""
            self.say(told + times, "done")
        else:
            self.say("choose a policy")

    def tables_of(self, run: Run) -> list[ShownTable]:
        return list(self.tables)  # of all herds that are shown, not of this run alone

    def tell_of(self, run: Run) -> str:
        back = sum(outage.reopened_at_s is not None for outage in run.outages)
        return f"{back:,} of {counted(len(run.outages), 'real client')} came back; marks beside the lines are theirs"

    def shows_something(self) -> bool:
        return bool(self._beside())

    def to_save(self) -> Run:
        """Return the latest real run, or, where there is none, the first simulated one, if its attempts were kept."""
        herds = self._beside()
        return super().to_save() if self.runs or not herds else herds[0].simulated.to_run()

    def draw(self) -> Figure:
        herds: dict[str, AnyHerd] = {}
        for one in self._beside():
            herds[one.name] = one.simulated
            if one.real is not None:
                herds[f"{one.name}, {len(one.real.outages):,} real"] = one.real
        return plots.side_by_side(herds)

    def code_for(self, values: Mapping[str, Any]) -> str:
        return herds_code(values, {"open_timeout_s": PATIENCE_S, "timeout_s": PATIENCE_S})

    def _ipython_display_(self) -> None:
        super()._ipython_display_()
        if not self.shows_something():
            self.press("simulate")
