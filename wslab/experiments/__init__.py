"""The experiments: blocking calls that return a `Run`, from a notebook, a script, a widget callback or a test."""

from wslab.experiments.browser import browser_drill
from wslab.experiments.clocks import find_idle_timeout, find_max_age
from wslab.experiments.conduct import Cancel, Progress
from wslab.experiments.cost import limit_cost
from wslab.experiments.drill import herd_drill, restart_drill
from wslab.experiments.frames import frames_question
from wslab.experiments.in_flight import in_flight_drill
from wslab.experiments.limit import find_limit
from wslab.experiments.resend import resend
from wslab.experiments.single import send_message, stay_connected
from wslab.experiments.story import tell_story
from wslab.experiments.sweep import payload_sweep
from wslab.experiments.visibility import closure_visibility
from wslab.experiments.watch import watch
from wslab.net.herds.cluster import over_cluster

__all__ = [
    "Cancel",
    "Progress",
    "browser_drill",
    "closure_visibility",
    "find_idle_timeout",
    "find_limit",
    "find_max_age",
    "frames_question",
    "herd_drill",
    "in_flight_drill",
    "limit_cost",
    "over_cluster",
    "payload_sweep",
    "resend",
    "restart_drill",
    "send_message",
    "stay_connected",
    "tell_story",
    "watch",
]
