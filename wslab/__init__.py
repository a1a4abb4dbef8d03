"""A laboratory for WebSocket closures, above all 1009 Message Too Big and 1012 Service Restart.

    core         pure: close codes, records, policies, the limit search, herds, findings; no socket, no clock
    net          sockets: the lab server in a child process, clients, the probe, herds, the relay
    experiments  blocking calls that return a `Run`: send_message, payload_sweep, restart_drill, herd_drill, …
    checks       is my server right? is my client? one case per behaviour
    captures     packets, a HAR, a log line → the same records
    views        `tables` of a run, `plots` of a run, cards
    panels       widgets: knobs in, an experiment runs, a figure comes out
    reports      a notebook or a run as one self-contained file
    notebook     what a kernel gets: `%wslab`, display hooks
    jupyter      a server extension: a route from a page to a lab server that keeps close codes
    course       the checks of the exercises
    pair         a server and a client that are wrong on purpose, for lesson 11
    fieldguide   real servers, proxies and clients, and the survey that questions them
    app, cli     the panels as an application, the commands

Data flows one way: knobs, target → server → wire → records → run → findings, table → figure. Names that lessons begin
with are here, others one module deeper: `wslab.panels.PayloadPanel`, `wslab.experiments.resend`. Everything is
loaded on first use.

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
    "Knobs": "wslab.core.knobs",
    "LabServer": "wslab.net.server.lab_server",
    "Relay": "wslab.net.relay.relay",
    "Target": "wslab.core.target",
    "send_message": "wslab.experiments",
    "payload_sweep": "wslab.experiments",
    "find_limit": "wslab.experiments",
    "restart_drill": "wslab.experiments",
    "simulate_herd": "wslab.core.herds.simulate",
    "tell_story": "wslab.experiments",
    "watch": "wslab.experiments",
    "explain": "wslab.captures.explanation",
    "load": "wslab.core.runs",
    "show": "wslab.views.pictures",
    "compare": "wslab.core.codes.cards",
    "WslabError": "wslab.core.errors",
}
_MODULES = {
    "ladders": "wslab.core.ladders",
    "plots": "wslab.views.plots",
    "policies": "wslab.core.policies.textbook",
    "tables": "wslab.views.tables",
}
_FLOORS = ("captures", "checks", "core", "course", "experiments", "net", "notebook", "panels", "reports", "views")
"""Packages that need no import of their own: `wslab.panels.PayloadPanel`."""

__all__ = [*_HOMES, *_MODULES]  # noqa: PLE0604 (strings, written once)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    if name in _MODULES:
        return importlib.import_module(_MODULES[name])
    if name in _FLOORS:
        return importlib.import_module(f"wslab.{name}")
    if name == "__version__":
        return importlib.import_module("importlib.metadata").version("wslab")
    raise AttributeError(f"module 'wslab' has no attribute {name!r}")


def load_ipython_extension(shell: Any) -> None:
    """Set up an IPython shell (`%load_ext wslab`), as an import into a notebook also does.

    Runs, cards and verdicts then show as tables and pages, `%wslab` runs commands, and a replay announces itself.
    """
    importlib.import_module("wslab.notebook").load(shell)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


if "IPython" in sys.modules and (shell := sys.modules["IPython"].get_ipython()) is not None:
    load_ipython_extension(shell)  # in a notebook; nowhere else does an import do anything

if TYPE_CHECKING:
    from wslab import course as course
    from wslab import experiments as experiments
    from wslab import panels as panels
    from wslab.captures.explanation import explain as explain
    from wslab.core import ladders as ladders
    from wslab.core.codes.cards import compare as compare
    from wslab.core.errors import WslabError as WslabError
    from wslab.core.herds.simulate import simulate_herd as simulate_herd
    from wslab.core.knobs import Knobs as Knobs
    from wslab.core.policies import textbook as policies  # noqa: F401
    from wslab.core.runs import load as load
    from wslab.core.target import Target as Target
    from wslab.experiments import find_limit as find_limit
    from wslab.experiments import payload_sweep as payload_sweep
    from wslab.experiments import restart_drill as restart_drill
    from wslab.experiments import send_message as send_message
    from wslab.experiments import tell_story as tell_story
    from wslab.experiments import watch as watch
    from wslab.net.relay.relay import Relay as Relay
    from wslab.net.server.lab_server import LabServer as LabServer
    from wslab.views import plots as plots
    from wslab.views import tables as tables
    from wslab.views.pictures import show as show
