"""A case: one expectation, which carries its description and its source beside its behaviour."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from wslab.core.codes.sources import Lesson, Source


@dataclass(frozen=True, slots=True)
class Case:
    """One expectation.

    Fields:
        name: by which it is asked for. does, expects: what is done, and what should come of it. why: who says so.
        run: tries it and returns a `CaseOutcome`, a client's as a coroutine; it is given what the check knows, and
            raises nothing for a failure of the network.
        restarts: it looks at a restart, so it needs a way to bring one about.
        attempts: how many of a client's attempts it looks at in the outage that the cases share.
        lasts_s: how long it waits for something that may never come; the longest begin first.
        waits: it waits for a clock of the server's, so it runs only where the user says for how long.
    """

    name: str
    does: str
    expects: str
    why: Source | Lesson
    run: Callable[[Any], Any]
    restarts: bool = False
    waits: bool = False
    attempts: int = 0
    lasts_s: float = 0.0
