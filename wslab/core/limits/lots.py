"""Closures that fall to some messages of a size and not to others, in circumstances that are the same.

| large messages, each alone on a new connection …                 | so it depends on         |
|------------------------------------------------------------------|--------------------------|
| pass and are refused by turns, after any rest, and on one        | the server that answers, |
| connection all pass or none does                                 | or a limit that changes  |
| pass and are refused by turns, and on one connection too         | their number, or chance  |
| are refused, and pass behind a small one                         | their place              |
| are refused all, and passed before                               | a quota, or a limit that |
|                                                                  | fell, see `strictest`    |
"""

from __future__ import annotations

from itertools import pairwise

from wslab.core.limits.doubts import RESTS_S, Diagnosis, messages
from wslab.core.limits.inquiry import Inquiry, Steps, Stopped
from wslab.core.limits.strictest import EACH, fallen_or_used_up, strictest
from wslab.core.limits.verdicts import Failure

_ALONE = 12
_RESTED = 10
_ON_ONE = (4, 5, 6, 7, 4, 5)
"""Messages on one connection after the other; of several lengths, lest the closures of a count fall between them."""

_BEHIND = 3
_MOST_BYTES = 2**28


def by_lot(diagnosis: Diagnosis) -> Steps[None]:
    """Find out whether messages of the doubted size are refused by turns.

    Raises:
        Stopped: by the server that answers, so that no one number is the limit; or by their place on a connection.
        Reconsidered: by their number, or by chance.
    """
    size = diagnosis.doubt.payload_bytes
    if size < 2 * diagnosis.small_bytes or _ALONE * size > _MOST_BYTES:
        return
    alone = yield from _fates(diagnosis, size, _ALONE, pause_s=diagnosis.inquiry.manner.pause_s)
    if not any(alone):
        yield from _by_place(diagnosis, size)
        if diagnosis.doubt.passes:
            yield from fallen_or_used_up(diagnosis)
    if all(alone) or not _take_turns(alone) or not (yield from _after_rests(diagnosis, size)):
        return
    for count in _ON_ONE:
        several = yield from diagnosis.series(size, count=count, pause_s=diagnosis.inquiry.manner.pause_s)
        if 0 < several.passed < count:
            yield from _by_message(diagnosis, size, alone)
    raise Stopped((yield from _other_servers(diagnosis.inquiry, size, alone)))


def _fates(
    diagnosis: Diagnosis, size: int, count: int, *, pause_s: float, until_mixed: bool = False
) -> Steps[list[bool]]:
    """Return of each of so many messages, alone on a new connection, whether it passed."""
    fates: list[bool] = []
    while len(fates) < count and not (until_mixed and len({*fates}) == 2):
        one = yield from diagnosis.series(size, count=1, pause_s=pause_s)
        fates.append(not one.fell_short)
    return fates


def _take_turns(fates: list[bool]) -> bool:
    """Whether messages passed after others were refused; where a rate is exhausted, none does until it has rested."""
    return sum(after and not before for before, after in pairwise(fates)) >= 1 and fates.count(False) >= 2


def _after_rests(diagnosis: Diagnosis, size: int) -> Steps[bool]:
    """Whether it is so also where each has rested, so that no rate explains it."""
    if _RESTED * RESTS_S[0] > diagnosis.inquiry.left_s / 3:
        return False
    rested = yield from _fates(diagnosis, size, _RESTED, pause_s=RESTS_S[0], until_mixed=True)
    return not all(rested) and any(rested)


def _by_place(diagnosis: Diagnosis, size: int) -> Steps[None]:
    """Find out whether what is refused as a connection's first message passes behind a small one."""
    inquiry = diagnosis.inquiry
    for _ in range(_BEHIND):
        _, reading = yield from inquiry.ask("frame", diagnosis.small_bytes, fresh=True, purpose="control")
        if reading == "accepted":
            _, reading = yield from inquiry.ask("again", size, purpose="control")
        if reading != "accepted":
            return
    said = (
        f"A message of {size:,} bytes is refused as the first of its connection, {_ALONE} of {_ALONE} times, and "
        f"passes behind a small one, {_BEHIND} of {_BEHIND} times: the limit is lower before something has been said. "
        "If the server wants a greeting or a login, give it (greeting), and the limit behind it is found."
    )
    raise Stopped(Failure(status="inconsistent", explanation=said))


def _other_servers(inquiry: Inquiry, size: int, alone: list[bool]) -> Steps[Failure]:
    """Name the smallest of their limits, and the largest as far as it was met."""
    passed = sum(alone)
    said = (
        f"On {_ALONE} new connections a message of {size:,} bytes passed {passed} times and was refused "
        f"{_ALONE - passed} times, by turns and also after rests, and several on one connection met the same fate: "
        "servers with different limits behind one address, or a limit that changes."
    )
    largest, least = max(size, inquiry.passed_bytes), (yield from strictest(inquiry, size))
    if least is None:
        said += " The smallest of them is the one to heed; probe each server by its own address."
    else:
        said += (
            f" Messages up to {least:,} bytes pass on each of {EACH} connections, and with one byte more some are "
            f"refused: heed this limit. Another server takes {largest:,} bytes at least."
        )
        inquiry.evidence.accepted_bytes, inquiry.evidence.refused_bytes = least, least + 1
    return Failure(status="inconsistent", explanation=said)


def _by_message(diagnosis: Diagnosis, size: int, alone: list[bool]) -> Steps[None]:
    every = _period(alone)
    if every is not None:
        alone = alone + (yield from _fates(diagnosis, size, _ALONE, pause_s=diagnosis.inquiry.manner.pause_s))
    refused, tried = alone.count(False), messages(len(alone), size)
    if every is not None and every == _period(alone[_ALONE:]):
        said = (
            f"of {tried}, each on a new connection, {refused} are closed, one in {every} by turns, on whichever "
            "connection it comes, and small ones are not."
        )
        diagnosis.found("count", "messages", every, said)
        diagnosis.inquiry.adopt("A size counts as refused from here on where 3 of 3 are.", fresh=True, tries=3)
    share = refused / len(alone)
    said = f"of {tried}, each on a new connection, {refused} are closed: about {100 * share:.0f} %, without a pattern."
    diagnosis.by_chance(share, said)


def _period(fates: list[bool]) -> int | None:
    """Return how many messages lie from one refusal to the next, where that is always the same.

    >>> _period([True, False, True, False, True]), _period([True, False, False, True, False])
    (2, None)
    """
    gaps = {after - before for before, after in pairwise(at for at, passed in enumerate(fates) if not passed)}
    return gaps.pop() if len(gaps) == 1 and gaps != {1} else None
