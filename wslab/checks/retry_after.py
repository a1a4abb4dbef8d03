"""The client's cases about Retry-After: whether it stays away as long as a 503 asks it to.

The control is how long copies of the client wait after a 503 without Retry-After. The requested wait is longer than any
of those, so that a client that happens to wait long enough is not taken for one that listens.
"""

from __future__ import annotations

import email.utils
import math
import time
from functools import partial
from typing import NamedTuple

from wslab.checks.case import Case
from wslab.checks.client_bench import RETURNS_WITHIN_S, ClientBench, closing, come_back, next_return, now_s
from wslab.checks.guest import Guest
from wslab.checks.outage import outage_of
from wslab.checks.stage import Stage
from wslab.core.checks import CaseOutcome, Evidence
from wslab.core.codes.sources import Source

RFC_RETRY_AFTER = Source("RFC 9110 §10.2.3", "https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3")

COMPARED = 4
"""Attempts of an outage that the control looks at; Retry-After comes before the second and the third."""

LONGEST_WISH_S = 25.0
TOLERANCE_S = 0.05


class _Asked(NamedTuple):
    """A 503: how long it asked the client to wait, the header's value, and how long the client waited."""

    asked_s: float
    value: str
    waited_s: float
    again: Guest | None

    def told(self) -> str:
        return f"asked to wait {self.asked_s:.1f} s (Retry-After: {self.value}), it waited {self.waited_s:.2f} s"


async def _honours_retry_after(bench: ClientBench, *, as_date: bool) -> CaseOutcome:
    control = await outage_of(bench)
    if isinstance(control, CaseOutcome):
        return control
    own_s = max((delay_s for series in control.delays_s for delay_s in series[:COMPARED]), default=0.0)
    wish_s = 1.25 * own_s + 2
    if wish_s > LONGEST_WISH_S:
        seen = f"It waits up to {own_s:.2f} s anyway: too long to tell whether it heeds Retry-After."
        return CaseOutcome(judgement="informational", seen=seen)
    async with Stage() as stage, bench.program.brought_to(stage) as running:
        back = await come_back(stage, running, bench, closing(1012))
        if back is None or isinstance(back, CaseOutcome):
            return back or CaseOutcome(judgement="not applicable", seen="It does not come back after 1012.")
        asked = [await _ask(stage, back.guest, wish_s, as_date=as_date)]
        if asked[0].again is not None:
            asked.append(await _ask(stage, asked[0].again, wish_s + 2, as_date=as_date))
        absence = await running.absence(asked[-1].waited_s)
    return _judged(asked, own_s, absence, can_return=max(map(len, control.delays_s), default=0) > 1)


def _judged(asked: list[_Asked], own_s: float, absence: str, *, can_return: bool) -> CaseOutcome:
    evidence = tuple(Evidence(each.told()) for each in asked)
    if asked[-1].again is None:
        seen = (
            f"After a 503 with Retry-After: {asked[-1].value} it did not come back within {asked[-1].waited_s:.0f} s."
        )
        if not can_return:
            return CaseOutcome(judgement="not applicable", seen=f"{seen} Nor does it after a 503 without Retry-After.")
        advice = "Do not give up after a 503: it says when to try again."
        return CaseOutcome(judgement="fails", seen=seen, advice=advice, evidence=evidence)
    seen = f"Without Retry-After it waits at most {own_s:.2f} s; {'; '.join(each.told() for each in asked)}."
    if all(each.waited_s >= each.asked_s - TOLERANCE_S for each in asked):
        return CaseOutcome(judgement="passes", seen=seen, evidence=evidence)
    advice = "Read Retry-After where the library shows it (a page cannot), and add your own delay to it."
    return CaseOutcome(judgement="surprises clients", seen=seen, advice=advice, evidence=evidence)


async def _ask(stage: Stage, guest: Guest, wish_s: float, *, as_date: bool) -> _Asked:
    began_at_s, now = now_s(), time.time()
    until = math.ceil(now + wish_s)
    value = email.utils.formatdate(until, usegmt=True) if as_date else f"{math.ceil(wish_s)}"
    asked_s = until - now if as_date else float(math.ceil(wish_s))
    await guest.reject(503, {"Retry-After": value})
    within_s = asked_s + RETURNS_WITHIN_S
    back = await next_return(stage, began_at_s, within_s)
    return _Asked(asked_s, value, within_s, None) if back is None else _Asked(asked_s, value, *back)


RETRY_AFTER_CASES = (
    Case(
        "honours_retry_after_seconds",
        "Answers 503 twice with seconds in Retry-After, more than the client waits unasked.",
        "No attempt before that.",
        RFC_RETRY_AFTER,
        partial(_honours_retry_after, as_date=False),
        attempts=COMPARED,
    ),
    Case(
        "honours_retry_after_date",
        "Answers 503 twice with a date in Retry-After, later than the client waits unasked.",
        "No attempt before that.",
        RFC_RETRY_AFTER,
        partial(_honours_retry_after, as_date=True),
        attempts=COMPARED,
    ),
)
