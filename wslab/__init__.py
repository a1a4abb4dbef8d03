"""A laboratory for WebSocket closures, above all 1009 Message Too Big and 1012 Service Restart.

    core         pure: close codes, records, policies, size ladders; no socket, no clock
    net          sockets: the lab server in a child process, clients that tell the truth, herds of them in workers
    experiments  blocking calls that return a `Run`: send_message, payload_sweep, restart_drill, herd_drill, tell_story
    views        `tables` of a run, `plots` of a table, cards and reports
    jupyter      a server extension: the way from a page to a lab server that changes no close code

One way only: knobs → server → wire → records → run → table → figure. Everything below is loaded when first used.

>>> import wslab
>>> run = wslab.send_message(wslab.Knobs(max_message_bytes=1024), "x" * 1025)
>>> run.sends[0].close_code
1009
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

_HOMES = {
    "BrowserPanel": "wslab.panels",
    "Cancel": "wslab.experiments",
    "HerdPanel": "wslab.panels",
    "Knobs": "wslab.core.knobs",
    "LabFleet": "wslab.net.server.fleet",
    "LabServer": "wslab.net.server.lab_server",
    "PayloadPanel": "wslab.panels",
    "Policy": "wslab.core.policies.policy",
    "PolicyPanel": "wslab.panels",
    "RestartPanel": "wslab.panels",
    "Run": "wslab.core.runs",
    "StoryPanel": "wslab.panels",
    "Target": "wslab.core.target",
    "WslabError": "wslab.core.errors",
    "allow_nested_run": "wslab.net.runtime",
    "browser_drill": "wslab.experiments",
    "closure_visibility": "wslab.experiments",
    "compare": "wslab.core.codes.cards",
    "explain": "wslab.captures.explanation",
    "find_limit": "wslab.experiments",
    "frames_question": "wslab.experiments",
    "herd_drill": "wslab.experiments",
    "in_flight_drill": "wslab.experiments",
    "limit_cost": "wslab.experiments",
    "load": "wslab.core.runs",
    "over_cluster": "wslab.net.herds.cluster",
    "payload_sweep": "wslab.experiments",
    "receive_chunks": "wslab.net.chunks",
    "resend": "wslab.experiments",
    "restart_drill": "wslab.experiments",
    "send_in_chunks": "wslab.net.chunks",
    "send_message": "wslab.experiments",
    "show": "wslab.views.pictures",
    "simulate_herd": "wslab.core.herds.simulate",
    "stay_connected": "wslab.experiments",
    "tell_story": "wslab.experiments",
}
_MODULES = {
    "backoff": "wslab.core.policies.textbook",
    "course": "wslab.course",
    "ladders": "wslab.core.ladders",
    "plots": "wslab.views.plots",
    "tables": "wslab.views.tables",
}

__all__ = [*_HOMES, *_MODULES]  # the names as strings, written once


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    if name in _MODULES:
        return importlib.import_module(_MODULES[name])
    if name == "__version__":
        return importlib.import_module("importlib.metadata").version("wslab")
    raise AttributeError(f"module 'wslab' has no attribute {name!r}")


def load_ipython_extension(shell: Any) -> None:
    """Do what `%load_ext wslab` asks for: `%wslab codes 1009 1012` and the other commands, in a cell."""
    importlib.import_module("wslab.notebook.magic").load(shell)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


if "IPython" in sys.modules and (shell := sys.modules["IPython"].get_ipython()) is not None:
    importlib.import_module("wslab.notebook.display").register(shell)  # runs and cards then show as more than a line
    importlib.import_module("wslab.notebook.replay").begin(shell)  # says so at the top, where this is imported

if TYPE_CHECKING:
    from wslab import course as course
    from wslab.captures.explanation import explain as explain
    from wslab.core import ladders as ladders
    from wslab.core.codes.cards import compare as compare
    from wslab.core.errors import WslabError as WslabError
    from wslab.core.herds.simulate import simulate_herd as simulate_herd
    from wslab.core.knobs import Knobs as Knobs
    from wslab.core.policies import textbook as backoff  # noqa: F401
    from wslab.core.policies.policy import Policy as Policy
    from wslab.core.runs import Run as Run
    from wslab.core.runs import load as load
    from wslab.core.target import Target as Target
    from wslab.experiments import Cancel as Cancel
    from wslab.experiments import browser_drill as browser_drill
    from wslab.experiments import closure_visibility as closure_visibility
    from wslab.experiments import find_limit as find_limit
    from wslab.experiments import frames_question as frames_question
    from wslab.experiments import herd_drill as herd_drill
    from wslab.experiments import in_flight_drill as in_flight_drill
    from wslab.experiments import limit_cost as limit_cost
    from wslab.experiments import payload_sweep as payload_sweep
    from wslab.experiments import resend as resend
    from wslab.experiments import restart_drill as restart_drill
    from wslab.experiments import send_message as send_message
    from wslab.experiments import stay_connected as stay_connected
    from wslab.experiments import tell_story as tell_story
    from wslab.net.chunks import receive_chunks as receive_chunks
    from wslab.net.chunks import send_in_chunks as send_in_chunks
    from wslab.net.herds.cluster import over_cluster as over_cluster
    from wslab.net.runtime import allow_nested_run as allow_nested_run
    from wslab.net.server.fleet import LabFleet as LabFleet
    from wslab.net.server.lab_server import LabServer as LabServer
    from wslab.panels import BrowserPanel as BrowserPanel
    from wslab.panels import HerdPanel as HerdPanel
    from wslab.panels import PayloadPanel as PayloadPanel
    from wslab.panels import PolicyPanel as PolicyPanel
    from wslab.panels import RestartPanel as RestartPanel
    from wslab.panels import StoryPanel as StoryPanel
    from wslab.views import plots as plots
    from wslab.views import tables as tables
    from wslab.views.pictures import show as show
