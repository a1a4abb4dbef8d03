"""Rules about connections that ended right after something: a message, a ping, a burst, or another's opening.

Each compares lives that differ in one thing. Where one clock explains every end, all of this is coincidence.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median

from wslab.core.codes.sources import LESSON_09, RFC_CODE_SEEN
from wslab.core.findings.bursts import BURST_S, Counted, capped, fits, last_burst
from wslab.core.findings.finding import Alternative, Finding, Sure, counted
from wslab.core.findings.fits import Clocks
from wslab.core.findings.lives import ANSWER_S, CLASSES, STAMP_S, Class, Life, lives
from wslab.core.findings.observed import Observed
from wslab.core.findings.wording import ages, ended_how, seconds

_RATE_OVER_TIME = Alternative(
    "a cap on the rate over the time that they took", "send as many, more slowly: `wslab watch` for longer"
)


def crowded_out(observed: Observed) -> Iterator[Finding]:
    """The oldest connection ended whenever one more was opened: a cap on connections that closes the oldest.

    Shown by four such ends, likely by three. Silent: where any ended without an opening right before it, or was not
    the oldest; where connections opened so often that every end comes right after one.
    """
    alive = lives(observed)
    dead = _crowded(alive)
    if not dead:
        return
    most = min(_open_before(alive, life) for life in dead)
    yield Finding(
        rule="crowded_out",
        what=f"At most {counted(most, 'connection')} at a time: whenever one more opened, the oldest was closed, "
        f"{ended_how(dead)}.",
        whose="server or proxy",
        sure="shown" if len(dead) > 3 else "likely",
        evidence=tuple(life.id for life in dead),
        why=f"Each of the {len(dead)} ends came right after an opening, and each time it was the oldest that went.",
        advice="Close connections that are no longer needed, share one, or raise the cap on connections a client.",
        sources=(LESSON_09,),
        facts={"max_connections": most},
    )


def _crowded(alive: Sequence[Life]) -> list[Life]:
    dead = [life for life in alive if life.died]
    if len(dead) < 3:
        return []
    lasted_s = max(life.ended_at_s for life in alive) - min(life.opened_at_s for life in alive)
    # Where connections open all the time, every end comes right after an opening by chance.
    by_chance = min(1.0, 2 * STAMP_S * len(alive) / max(lasted_s, STAMP_S)) ** len(dead)
    return dead if by_chance < 0.001 and all(_makes_room(life, alive) for life in dead) else []


def _makes_room(life: Life, alive: Sequence[Life]) -> bool:
    # The end of the old one may be seen before the handshake of the new one is over.
    opened = any(-STAMP_S <= life.ended_at_s - other.opened_at_s <= 2 * STAMP_S for other in alive if other is not life)
    older = [
        other
        for other in alive
        if other.opened_at_s < life.opened_at_s - 0.001 and other.ended_at_s > life.ended_at_s + 2 * STAMP_S
    ]
    return opened and not older


def _open_before(alive: Sequence[Life], life: Life) -> int:
    """Return how many were open before the one came that ended this life."""
    until_s = life.ended_at_s + STAMP_S
    came_s = max(other.opened_at_s for other in alive if other is not life and other.opened_at_s <= until_s)
    return sum(other.opened_at_s < came_s < other.ended_at_s for other in alive)


def not_tolerated(observed: Observed) -> Iterator[Finding]:
    """A connection ends as soon as its client sends one thing: a ping, or a message of the kind that was sent.

    Shown where every connection on which it was sent ended right after the first, three at least, and others lived
    on as long without. Silent: where any connection outlived one of them; where there is no other to compare with.
    """
    alive = lives(observed)
    for what, hit in _provoked_by(alive).items():
        typical_s = median(life.age_s for life in hit)
        others = [life for life in alive if life.age_s > typical_s and not life.times_s([what])]
        if not others:
            continue
        yield Finding(
            rule="not_tolerated",
            what=f"The connection ends as soon as one of the {what} arrives, {ended_how(hit)}.",
            whose="client",
            sure="shown" if len(hit) > 2 else "likely",
            evidence=tuple(life.id for life in hit + others[:3]),
            why=f"All {len(hit)} connections on which one was sent ended within {seconds(ANSWER_S)} of it; without, "
            f"{counted(len(others), 'connection')} lived longer.",
            advice="Send what this server expects: another greeting, subprotocol or format. A ping that it does not "
            "bear is a fault of the server (RFC 6455 §5.5.2).",
            sources=(RFC_CODE_SEEN, LESSON_09),
            facts={"what": what},
        )


def _provoked_by(alive: Sequence[Life]) -> dict[Class, list[Life]]:
    """Return, by what the client sent, the lives that ended right after the first of it, where all did that sent it."""
    found: dict[Class, list[Life]] = {}
    for what in CLASSES:
        sent = [life for life in alive if what.startswith("client") and _settled(life, life.times_s([what])[:1])]
        hit = [life for life in sent if life.died and life.ended_at_s - life.times_s([what])[0] <= ANSWER_S]
        if len(hit) > 1 and len(hit) == len(sent):
            found[what] = hit
    return {} if found and _run_out(alive) else found


def too_many(observed: Observed) -> Iterator[Finding]:
    """A connection ends with a message of the same number each time, however fast they came: a cap on their number.

    Shown by three ends, where in one the messages came over three times as long as in another; possible where all took
    as long, since a rate over that time explains it too. Silent: where any connection sent more, or one clock or the
    last burst explains the ends.
    """
    alive = lives(observed)
    hit, shown = _of_one_number(alive), bool(_counted_out(alive))
    if not hit or (not shown and (_in_bursts(alive) or _run_out(alive))):
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


def _counted_out(alive: Sequence[Life]) -> list[Life]:
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
    ended = [life for life in alive if life.died and sent[life.id] and life.ended_at_s - sent[life.id][-1] < ANSWER_S]
    number = min((len(sent[life.id]) for life in ended), default=0)
    if number < 2:
        return []
    hit = [life for life in alive if _settled(life, sent[life.id][number - 1 : number])]
    at_once = all(life.died and life.ended_at_s - sent[life.id][number - 1] < ANSWER_S for life in hit)
    return hit if len(hit) > 2 and at_once else []


def _number(hit: Sequence[Life]) -> int:
    """Return with which message these ended."""
    return min(len(life.times_s(["client's messages"])) for life in hit)


def _settled(life: Life, times_s: Sequence[float]) -> bool:
    """Whether there is such a time, and what came of it would have been seen."""
    return any(life.is_settled(at_s) for at_s in times_s)


def too_fast(observed: Observed) -> Iterator[Finding]:
    """A connection ends in the middle of a burst of messages: a cap on their rate, or on their number.

    A rate, where other connections sent as many in a longer time and lived; else not told apart from a number.
    Of messages, or of bytes, where a burst of as many bytes, or of as many messages, passed, or where bursts of short
    and of long messages ended alike in one of the two; else neither is named. Shown by two ends with that control.
    Silent: where a burst passed that was no less in either; where their number explains it.
    """
    alive = lives(observed)
    hit = _in_bursts(alive)
    if not hit or _counted_out(alive):
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


def _in_bursts(alive: Sequence[Life]) -> list[Life]:
    """Return the lives that ended in a burst of messages, where no burst that was no less in either passed anywhere."""
    hit = [
        life
        for life in alive
        if life.died and last_burst(life).messages > 2 and _right_after(life, "client's messages")
    ]
    return hit if fits(alive, hit) and not _run_out(alive) else []


def provoked(alive: Sequence[Life]) -> set[int]:
    """Return the ids of the lives that something other than a clock ended: what was sent, or who came."""
    groups = [*_provoked_by(alive).values(), _in_bursts(alive), _counted_out(alive), _crowded(alive)]
    return {life.id for group in groups for life in group}


def _run_out(alive: Sequence[Life]) -> bool:
    """Whether one exact clock explains every end: then what was sent right before some of them is coincidence."""
    dead = [place for place, life in enumerate(alive) if life.died]
    found = Clocks(alive).fits(dead) if len(dead) > 2 else []
    return bool(found) and found[0].is_exact


def _span(numbers: Sequence[int]) -> str:
    low, high = min(numbers), max(numbers)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _right_after(life: Life, what: Class) -> bool:
    last_s = life.last_s([what])
    times = life.times_s([what])
    usual_s = min((later - earlier for earlier, later in pairwise(times)), default=life.age_s)
    within_s = 2 * STAMP_S if usual_s > STAMP_S else STAMP_S
    if what == "client's messages" and last_burst(life).messages > 2:
        within_s = 5 * STAMP_S
    elif usual_s < 5 * within_s and len(times) > 1:
        return False  # any end would be right after one of them
    return last_s is not None and life.ended_at_s - last_s <= within_s
