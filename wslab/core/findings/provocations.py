"""Rules about connections that ended right after something: a first message, a first ping, or another's opening.

Each compares lives that differ in one thing. Where one clock explains every end, all of this is coincidence.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median

from wslab.core.codes.sources import LESSON_09, RFC_CODE_SEEN
from wslab.core.findings.caps import counted_out, in_bursts
from wslab.core.findings.finding import Finding, counted
from wslab.core.findings.fits import ran_out
from wslab.core.findings.lives import ANSWER_S, CLASSES, STAMP_S, Class, Life, lives
from wslab.core.findings.observed import Observed
from wslab.core.findings.wording import ended_how, seconds


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
        sent = [
            life for life in alive if what.startswith("client") and any(map(life.is_settled, life.times_s([what])[:1]))
        ]
        hit = [life for life in sent if life.died and life.ended_at_s - life.times_s([what])[0] <= ANSWER_S]
        if len(hit) > 1 and len(hit) == len(sent):
            found[what] = hit
    return {} if found and ran_out(alive) else found


def provoked(alive: Sequence[Life]) -> set[int]:
    """Return the ids of the lives that something other than a clock ended: what was sent, or who came."""
    groups = [*_provoked_by(alive).values(), in_bursts(alive), counted_out(alive), _crowded(alive)]
    return {life.id for group in groups for life in group}
