"""What a server does after it has refused a message, seen as by a client that has megabytes left to send.

The refused message is sent again, several times, and behind it more messages, no matter what the server says.
Where all of it is taken, the server reads on. Where sending fails, a client that reads while it sends has seen the
close frame if it came before the end; one that is busy sending meets the error first and reports 1006.
"""

from __future__ import annotations

from collections import Counter

from wslab.core.limits.causes import diagnose
from wslab.core.limits.doubts import Doubt
from wslab.core.limits.inquiry import PATIENT, Inquiry, Steps
from wslab.core.limits.manner import Manner
from wslab.core.limits.trials import Observation
from wslab.core.limits.verdicts import AfterRefusal

OVERRUN_BYTES = 4 * 2**20
REPEATS = 4
_ENOUGH_BLOCKED = 2

_AFTERWARDS: dict[str | None, AfterRefusal] = {"taken": "drain", "failed": "reset", "blocked": "hold"}


def examine_aftermath(inquiry: Inquiry) -> Steps[None]:
    """Repeat the refusal with much to send behind it, and count what each kind of client is told.

    Raises:
        Reconsidered: the same message passes now.
    """
    evidence = inquiry.evidence
    refused = evidence.refused_bytes
    if not evidence.is_settled or refused is None or evidence.refusal is None:
        return
    if evidence.refusal.close_code is None:  # nothing that a sender would meet
        evidence.awaits_control = False
        return
    # Where it closes on something else, too, what is sent behind the message would show that.
    much = OVERRUN_BYTES if inquiry.manner == Manner() else 0
    seen: list[Observation] = []
    while len(seen) < max(REPEATS, inquiry.manner.tries) and not _is_blocked(seen):
        observation, reading = yield from inquiry.ask(
            "overrun", refused, fresh=True, purpose="control", overrun_bytes=much, patience=PATIENT
        )
        if reading == "accepted":
            assert inquiry.refused_by is not None
            yield from diagnose(inquiry, Doubt.of(refused, inquiry.refused_by[1]))
        seen.append(observation)
    evidence.awaits_control = False
    if much:
        _conclude(inquiry, [each for each in seen if each.close_code is not None])


def _is_blocked(seen: list[Observation]) -> bool:
    return [each.sending for each in seen] == ["blocked"] * _ENOUGH_BLOCKED


def _conclude(inquiry: Inquiry, seen: list[Observation]) -> None:
    evidence = inquiry.evidence
    if not seen:
        return
    afterwards = {_AFTERWARDS[each.sending] for each in seen}
    evidence.after_refusal = afterwards.pop() if len(afterwards) == 1 else "varies"
    evidence.reading_client_told = dict(Counter(each.close_code or 1006 for each in seen))
    blocking = Counter(_blocking_client_told(each) for each in seen if each.sending != "blocked")
    evidence.blocking_client_told = dict(blocking) or None


def _blocking_client_told(seen: Observation) -> int:
    """One that reads only when it has sent everything, which it never comes to where sending fails."""
    return 1006 if seen.sending == "failed" else seen.close_code or 1006
