"""Servers whose secret depends on a seed: another seed is another exercise, whose answer is nowhere.

A teacher sets `WSLAB_SEED` for a class or for each learner, so that the answers differ from those in the lessons.
"""

from __future__ import annotations

import os
import random
from typing import Any

from wslab.core.findings import find, headline
from wslab.core.ladders import Bracket, bracket
from wslab.core.limits.verdicts import Verdict
from wslab.core.runs import Run
from wslab.course.checked import Checked, lacks, of_lesson, passes
from wslab.net.replay import replaying
from wslab.net.server.lab_server import LabServer

SEED = "WSLAB_SEED"
"""The environment variable that varies the exercises, for example the name of a class or a learner."""


def _drawing(exercise: str, seed: int) -> random.Random:
    variant = "" if replaying() else os.environ.get(SEED, "")  # a replay has only the recorded servers
    return random.Random(" ".join(filter(None, [exercise, str(seed), variant])))


def mystery_server(seed: int = 0) -> LabServer:
    """Lesson 01: return a server, not yet started, whose limit you do not know."""
    return LabServer(max_message_bytes=_drawing("mystery", seed).randrange(20_000, 500_000))


@of_lesson("01")
def check_limit_shown(found: Any, server: LabServer) -> Checked:
    """Lesson 01: `found` is a sweep, or a verdict, that shows the limit of `server` from both sides."""
    if not isinstance(found, Run | Verdict):
        return lacks("put a sweep of the mystery server in place of the three dots: payload_sweep(mystery, …)")
    if not _is_of(found, server):
        return lacks("this was not measured on the mystery server; sweep that one")
    if isinstance(found, Verdict):
        shown = Bracket(found.max_single_frame_bytes, found.smallest_refused_bytes)
    else:
        shown = bracket(found.sends)
    sizes = {"accepted": shown.accepted_bytes, "refused": shown.refused_bytes}
    if shown.accepted_bytes is None:
        return lacks("no message has passed yet; begin with a smaller one")
    if shown.refused_bytes is None:
        return lacks("{accepted:,} bytes passed, and nothing was refused yet; send more", **sizes)
    if not shown.is_exact:
        return lacks("the limit is between {accepted:,} and {refused:,} bytes; close in", **sizes)
    if shown.accepted_bytes != server.knobs.max_message_bytes:
        return lacks("{refused:,} bytes met another limit, such as your client's own; see closed_by", **sizes)
    return passes("{accepted:,} bytes pass and {refused:,} do not: nothing left to guess", **sizes)


def _is_of(found: Run | Verdict, server: LabServer) -> bool:
    """Return whether this was measured on the server; a replay has no addresses, so it compares knobs."""
    if replaying():
        return isinstance(found, Verdict) or found.info.knobs == server.knobs
    return (found.info.url if isinstance(found, Run) else found.url) == server.url


CAUSES: dict[str, dict[str, Any]] = {
    "idle timeout": {"idle_timeout_s": 0.9, "idle_close_code": 1006},
    "maximum age": {"max_age_s": 1.1, "age_close_code": 1006},
    "rate": {"max_messages_per_s": 6, "rate_close_code": 1006},
    "number of messages": {"max_connection_messages": 5, "count_close_code": 1006},
}
"""The causes that a mystery server may have, and their knobs."""


def mystery_clock(seed: int = 0) -> LabServer:
    """Lesson 09: return a server, not yet started, that ends connections without a word; you do not know why."""
    return LabServer(ping_interval_s=None, **CAUSES[_drawing("clock", seed).choice(list(CAUSES))])


@of_lesson("09")
def check_cause(cause: Any, evidence: Any, server: LabServer) -> Checked:
    """Lesson 09: `cause` is why `server` ends connections, and `evidence` a run that shows it rather than only fits."""
    if not isinstance(evidence, Run):
        return lacks("put a watch of the mystery server in place of the first three dots: wslab.watch(mystery, …)")
    if not _is_of(evidence, server):
        return lacks("this was not measured on the mystery server; watch that one")
    found = {_CAUSE_OF[finding.rule]: finding for finding in find(evidence) if finding.rule in _CAUSE_OF}
    if not found:
        said = headline(evidence)
        return lacks("this run does not show a cause yet: {said} Watch for longer, with all groups", said=said)
    if not isinstance(cause, str) or cause not in CAUSES:
        causes = ", ".join(map(repr, CAUSES))
        return lacks("{cause!r} is none of the four causes; write one of {causes}", cause=cause, causes=causes)
    if not all(getattr(server.knobs, knob) == value for knob, value in CAUSES[cause].items()):
        hint = "{cause!r} would end other groups than this server does; which lived on, and which did not?"
        return lacks(hint, cause=cause)
    if cause not in found or found[cause].sure not in ("shown", "likely"):
        return lacks("right, but this run fits other causes as well; watch for longer, so that it shows it")
    told = {"sure": found[cause].sure, "count": len(found[cause].evidence), "what": found[cause].what}
    return passes("{cause}, {sure} by {count} records: {what}", cause=cause, **told)


_CAUSE_OF = {
    "idle_timeout": "idle timeout",
    "max_age": "maximum age",
    "too_fast": "rate",
    "too_many": "number of messages",
}
