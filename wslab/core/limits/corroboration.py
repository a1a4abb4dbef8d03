"""What was found, once more: on other connections, in another order, and at the end (control 4 of
`wslab.core.limits.controls`). So a limit of one message is told from one of several servers, and from one that changes.
"""

from __future__ import annotations

from typing import Any

from wslab.core.limits.causes import diagnose
from wslab.core.limits.controls import tried
from wslab.core.limits.doubts import Doubt
from wslab.core.limits.inquiry import PATIENT, Inquiry, Steps
from wslab.core.limits.timeouts import refused_late

_SECOND_LOOK_BYTES = 2**26
_MORE_LOOKS, _MORE_LOOKS_BYTES = 4, 2**20
"""New connections more: of two servers by turns or by chance, both are met in 31 of 32 searches; larger is too dear.

None is needed where headers were refused: that took a connection each, which met both servers already. Another host is
spared all but one.
"""


def corroborate(inquiry: Inquiry) -> Steps[None]:
    """Control 4: the largest size that passes twice on one connection; that the next is refused is repeated later on.

    The second message tells a limit on one message from one on all of a connection's, and more connections the limit
    of one server from those of several behind one address.
    """
    evidence = inquiry.evidence
    if evidence.refused_bytes is None and inquiry.baseline.replies == "none" and inquiry.baseline.ends is None:
        yield from refused_late(inquiry, evidence.accepted_bytes)
    if not evidence.is_settled:
        return
    largest, once = evidence.accepted_bytes, inquiry.baseline.ends is not None or inquiry.manner.fresh
    looks = [True] if once or largest > _SECOND_LOOK_BYTES else [True, False]
    refused_headers = not all(passed for passed, _ in inquiry.announced.values())
    if inquiry.manner.tries == 1 and largest <= _MORE_LOOKS_BYTES and not refused_headers:
        looks += [True] * _MORE_LOOKS
    for fresh in looks:
        observation, reading = yield from tried(
            inquiry, "frame", largest, fresh=fresh, purpose="control", patience=PATIENT
        )
        if reading != "accepted":
            yield from diagnose(inquiry, Doubt.of(largest, observation, passes=True))


def still_so(inquiry: Inquiry) -> Steps[None]:
    """The same once more, at the end: where the limit changed meanwhile, what was compared since means nothing.

    Where nothing was refused, large messages on a few new connections: another server may answer there.
    """
    evidence = inquiry.evidence
    largest = min(evidence.accepted_bytes, _MORE_LOOKS_BYTES)
    expected = [True] * (_MORE_LOOKS if inquiry.terms.is_local else 1) if evidence.refused_bytes is None else []
    if evidence.is_settled and largest == evidence.accepted_bytes:
        expected = [True, False]
    wait_s = inquiry.terms.again_after_s
    for place, passes in enumerate(expected):
        size = largest if passes else largest + 1
        how: dict[str, Any] = {"fresh": True, "purpose": "control", "patience": PATIENT}
        if place == 0 and wait_s:
            notice = f"Waiting {wait_s:g} s before the last look, since a limit may change."
            how |= {"pause_s": max(wait_s, inquiry.manner.pause_s), "notice": notice}
        observation, reading = yield from tried(inquiry, "frame", size, **how)
        if (reading == "accepted") is not passes:
            yield from diagnose(inquiry, Doubt.of(size, observation, passes=True))
    if wait_s and expected:
        evidence.remarks.append(f"All was the same {wait_s:g} s later.")
