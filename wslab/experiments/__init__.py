"""The experiments: blocking calls that return a `Run`, in a notebook, a script, a widget callback or a test alike."""

from wslab.experiments.conduct import Cancel, Progress
from wslab.experiments.drill import restart_drill
from wslab.experiments.herd import herd_drill
from wslab.experiments.resend import resend
from wslab.experiments.single import send_message, stay_connected
from wslab.experiments.story import tell_story
from wslab.experiments.sweep import payload_sweep

__all__ = [
    "Cancel",
    "Progress",
    "herd_drill",
    "payload_sweep",
    "resend",
    "restart_drill",
    "send_message",
    "stay_connected",
    "tell_story",
]
