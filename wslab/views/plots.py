"""Runs in, figures out: one function per figure. Judges nothing, opens nothing.

Every function takes what `wslab.views.tables` takes: one run, or several to compare, such as `{"fixed": run_a,
"jitter": run_b}`. A figure of one kind of record also takes its table, or a part of it. Figures of herds also take
simulated ones. `delays_drawn` takes policies, `contention` the results of its experiment, and `field_guide` entries.

A figure is drawn on `ax`, or on a new Axes, and returned, so that it fits any Matplotlib layout. The title is the
finding and `describe()` returns the text alternative, both computed from the same table; `save()` writes them into the
file too. A table that lacks columns raises ValueError; one without rows makes a figure that says so.
"""

from __future__ import annotations

from wslab.views.axes import describe, save
from wslab.views.contending import contention
from wslab.views.delays import delays_drawn
from wslab.views.downtime import attempts_against_downtime
from wslab.views.herds import arrivals, attempts_wasted, peak_against_clients, who_gave_up
from wslab.views.limits import memory_held, ways_that_pass
from wslab.views.matrix import field_guide
from wslab.views.outages import time_to_reconnect
from wslab.views.policies import side_by_side
from wslab.views.sends import close_codes
from wslab.views.shares import outcome_shares
from wslab.views.timeline import reconnect_timeline
from wslab.views.visibility import code_seen, code_seen_by_server
from wslab.views.watch import watch_timeline

__all__ = [
    "arrivals",
    "attempts_against_downtime",
    "attempts_wasted",
    "close_codes",
    "code_seen",
    "code_seen_by_server",
    "contention",
    "delays_drawn",
    "describe",
    "field_guide",
    "memory_held",
    "outcome_shares",
    "peak_against_clients",
    "reconnect_timeline",
    "save",
    "side_by_side",
    "time_to_reconnect",
    "watch_timeline",
    "ways_that_pass",
    "who_gave_up",
]
