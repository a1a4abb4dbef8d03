"""A case: one expectation, with its description, its source and the code that tests it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from wslab.core.codes.sources import Lesson, Source


@dataclass(frozen=True, slots=True)
class Case:
    """One expectation.

    Fields:
        name: by which it is chosen. does, expects: what is done, and what should happen. why: the source.
        run: tries it and returns a `CaseOutcome` (a client's case is a coroutine); it is given the bench, and raises
            nothing if the network fails.
        restarts: it looks at a restart, so it needs a way to cause one.
        attempts: how many of a client's attempts it looks at in the outage that the cases share.
        lasts_s: how long it waits for something that may never come; the longest begin first.
        waits: it waits for one of the server's timers, so it runs only if the user says for how long.
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
