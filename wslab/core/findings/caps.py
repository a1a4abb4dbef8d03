"""Rules about caps on messages: connections that ended with their nth, or in the middle of a burst."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from wslab.core.codes.sources import LESSON_09
from wslab.core.findings.bursts import BURST_S, Counted, capped, fits, last_burst
from wslab.core.findings.finding import Alternative, Finding, Sure, counted
from wslab.core.findings.fits import ran_out
from wslab.core.findings.lives import ANSWER_S, STAMP_S, Life, lives
from wslab.core.findings.observed import Observed
from wslab.core.findings.wording import ages, ended_how, seconds

_RATE_OVER_TIME = Alternative(
    "a cap on the rate over the time that they took", "send as many, more slowly: `wslab watch` for longer"
)


def too_many(observed: Observed) -> Iterator[Finding]:
    """A connection ends with a message of the same number each time, however fast they came: a cap on their number.

    Shown by three ends, where in one the messages came over three times as long as in another; possible where all took
    as long, since a rate over that time explains it too. Silent: where any connection sent more, or one clock or the
    last burst explains the ends.
    """
    alive = lives(observed)
    hit, shown = _of_one_number(alive), bool(counted_out(alive))
    if not hit or (not shown and (in_bursts(alive) or ran_out(alive))):
        return
    number = _number(hit)
    yield Finding(
        rule="too_many",
        what=f"A connection ends with message number {number}, {ended_how(hit)}: a cap on messages per connection.",
        whose="client",
        sure="shown" if shown else "possible",
        evidence=tuple(life.id for life in hit),
        why=f"All {len(hit)} ended with that one, {ages(hit)} old"
        + (", whether they came in a burst or one by one." if shown else "; no other sent as many."),
        instead=() if shown else (_RATE_OVER_TIME,),
        advice="Open a new connection before that many, put several into one message, or have the cap raised.",
        sources=(LESSON_09,),
        facts={"max_connection_messages": number - 1},
    )


def counted_out(alive: Sequence[Life]) -> list[Life]:
    """Return the lives that ended with their nth message, however long so many took."""
    hit = _of_one_number(alive)
    times = [life.times_s(["client's messages"])[: _number(hit)] for life in hit]
    took_s = [times_s[-1] - times_s[0] + STAMP_S for times_s in times]
    return hit if hit and max(took_s) > 3 * min(took_s) else []


def _of_one_number(alive: Sequence[Life]) -> list[Life]:
    """Return the lives that ended with their nth message, three at least, where none went on for long after so many.

    More than n may have been sent in a burst before the end was seen.
    """
    sent = {life.id: life.times_s(["client's messages"]) for life in alive}
    ended = [life for life in alive if life.died and _ended_after_message(life)]
    number = min((len(sent[life.id]) for life in ended), default=0)
    if number < 2:
        return []
    hit = [life for life in alive if any(map(life.is_settled, sent[life.id][number - 1 : number]))]
    at_once = all(life.died and life.ended_at_s - sent[life.id][number - 1] < ANSWER_S for life in hit)
    return hit if len(hit) > 2 and at_once else []


def _number(hit: Sequence[Life]) -> int:
    """Return with which message these ended."""
    return min(len(life.times_s(["client's messages"])) for life in hit)


def too_fast(observed: Observed) -> Iterator[Finding]:
    """A connection ends in the middle of a burst of messages: a cap on their rate, or on their number.

    A rate, where other connections sent as many in a longer time and lived; else not told apart from a number.
    Of messages, or of bytes, where a burst of as many bytes, or of as many messages, passed, or where bursts of short
    and of long messages ended alike in one of the two; else neither is named. Shown by two ends with that control.
    Silent: where a burst passed that was no less in either; where their number explains it.
    """
    alive = lives(observed)
    hit = in_bursts(alive)
    if not hit or counted_out(alive):
        return
    last = [last_burst(life) for life in hit]
    totals = [len(life.times_s(["client's messages"])) for life in hit]
    slow = [life for life in alive if life not in hit and len(life.times_s(["client's messages"])) >= min(totals)]
    sure: Sure = "shown" if slow and len(hit) > 1 else "likely" if slow else "possible"
    counts = capped(alive, hit)
    of = f"the rate of {counts}" if counts is not None else "the rate of messages or of bytes"
    yield Finding(
        rule="too_fast",
        what=f"A connection ends in a burst, after {_span([burst.messages for burst in last])} messages of "
        f"{_span([burst.payload_bytes for burst in last])} bytes within {seconds(BURST_S)}, {ended_how(hit)}: a cap on "
        f"{of}" + ("." if slow else ", or on the number of messages."),
        whose="client",
        sure=sure,
        evidence=tuple(life.id for life in hit + slow[:3]),
        why=f"{counted(len(slow), 'connection')} sent as many messages in a longer time and lived."
        if slow
        else "No connection sent as many messages in a longer time.",
        instead=tuple(_otherwise(is_rate=bool(slow), counts=counts)),
        advice="Send more slowly, put several into one message, or have the cap raised."
        if counts != "bytes"
        else "Send more slowly or less at a time, or have the cap raised.",
        sources=(LESSON_09,),
        facts={"max_bytes_per_s": min(burst.payload_bytes for burst in last)}
        if counts == "bytes"
        else {"max_messages_per_s": min(burst.messages for burst in last)},
    )


def _otherwise(*, is_rate: bool, counts: Counted | None) -> Iterator[Alternative]:
    if not is_rate:
        said = "a cap on the number of messages per connection"
        yield Alternative(said, "send as many, slowly: `wslab watch` for longer")
    if counts is None:
        said = "messages counted, or their bytes"
        yield Alternative(said, "send as many shorter ones as fast: `wslab watch` does so in turns, given a template")


def in_bursts(alive: Sequence[Life]) -> list[Life]:
    """Return the lives that ended in a burst of messages, where no burst that was no less in either passed anywhere."""
    hit = [life for life in alive if life.died and last_burst(life).messages > 2 and _ended_after_message(life)]
    return hit if fits(alive, hit) and not ran_out(alive) else []


def _ended_after_message(life: Life) -> bool:
    last_s = life.last_s(["client's messages"])
    return last_s is not None and life.ended_at_s - last_s <= ANSWER_S


def _span(numbers: Sequence[int]) -> str:
    low, high = min(numbers), max(numbers)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"
