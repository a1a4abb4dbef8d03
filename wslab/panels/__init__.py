"""Widgets over the experiments: knobs in, experiment called, figure out. The last layer; nothing is measured here.

Every panel is a module of this package and a class of the same name. `panel` is the base of all with an experiment,
`served` of those with a lab server of their own; `controls` is what they declare, `live` how records reach the page,
`shown` and `code` what the page shows of them, `still` what stays; `module` and `static/` are the page's side.
"""

from wslab.panels.browser import BrowserPanel
from wslab.panels.herd import HerdPanel
from wslab.panels.payload import PayloadPanel
from wslab.panels.policy import PolicyPanel
from wslab.panels.progress import ProgressPanel
from wslab.panels.relay import RelayPanel
from wslab.panels.restart import RestartPanel
from wslab.panels.story import StoryPanel

__all__ = [
    "BrowserPanel",
    "HerdPanel",
    "PayloadPanel",
    "PolicyPanel",
    "ProgressPanel",
    "RelayPanel",
    "RestartPanel",
    "StoryPanel",
]
