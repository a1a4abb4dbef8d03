"""The client's cases about its policy: whether it waits before coming back, spreads, and backs off.

A delay counts from when the end of the connection was sent. One delay proves no policy: spreading and growth are judged
from several, and no verdict about time is more certain than the machine was punctual.
"""

from __future__ import annotations

import asyncio
import math
import statistics

from wslab.checks.case import Case
from wslab.checks.client_bench import SETTLED_S, ClientBench, ObservedOutage, first_guest
from wslab.checks.guest import Guest
from wslab.checks.outage import COPIES, MOST_ATTEMPTS, outage_of, send_away, sent_away
from wslab.checks.stage import Stage
from wslab.core.checks import CaseOutcome, Evidence, Judgement
from wslab.core.codes.sources import HYBI_RESTART, LESSON_06, LESSON_07, RFC_BACKOFF
from wslab.core.policies.estimate import AT_ONCE_S, estimate
from wslab.core.policies.growth import SAME
from wslab.core.policies.scatter import NOISE_S, is_spread

LOOPS_PER_S = 5.0

LIKELY_NOISE_S = 4 * NOISE_S
"""How far apart clients may come back that show no jitter later on: all of them are busy at that moment."""

GIVES_UP = 2.5
"""A client that stays away this many times longer than its longest delay seems to have given up."""


async def _waits_before_coming_back(bench: ClientBench) -> CaseOutcome:
    seen = await outage_of(bench)
    if isinstance(seen, CaseOutcome):
        return seen
    firsts_s = seen.before(1)
    if not firsts_s:
        return CaseOutcome(judgement="not applicable", seen="It does not come back after 1012.")
    evidence = tuple(Evidence("next handshake", round(first_s, 3)) for first_s in firsts_s)
    if firsts_s[-1] < AT_ONCE_S:
        told = f"It comes back {1000 * firsts_s[-1]:.0f} ms after 1012, when the server is probably still down."
        advice = "Wait a random time before the first attempt; the definition of 1012 asks for 5 to 30 s."
        return CaseOutcome(judgement="surprises clients", seen=told, advice=advice, evidence=evidence)
    told = f"It waits {_range(firsts_s)} s after 1012."
    if firsts_s[-1] - seen.late_s < AT_ONCE_S:
        return CaseOutcome(judgement="informational", seen=f"{told} {_late(seen)}", evidence=evidence)
    judgement: Judgement = "passes" if firsts_s[0] - seen.late_s >= 1 else "informational"
    return CaseOutcome(judgement=judgement, seen=told, evidence=evidence)


async def _spreads(bench: ClientBench) -> CaseOutcome:
    if bench.program.command is None:
        return CaseOutcome(
            judgement="not applicable", seen="Starting several clients at once takes a command (`--exec`)."
        )
    seen = await outage_of(bench)
    if isinstance(seen, CaseOutcome):
        return seen
    if len(seen.delays_s) < 3:
        told = f"{len(seen.delays_s)} of {seen.copies} clients came back after 1012."
        return CaseOutcome(judgement="not applicable", seen=told)
    found = estimate(seen.delays_s, late_s=seen.late_s)
    noise_s = LIKELY_NOISE_S if found is not None and found.jitter == "none" else NOISE_S
    rounds = [seen]
    if not is_spread(seen.before(1), seen.late_s, noise_s=noise_s):  # which may be chance, but hardly twice
        again = await sent_away(bench, most_attempts=1)
        rounds += [again] if isinstance(again, ObservedOutage) and len(again.delays_s) >= 3 else []
    return _judge_spread(rounds, noise_s)


def _judge_spread(rounds: list[ObservedOutage], noise_s: float) -> CaseOutcome:
    evidence = tuple(Evidence("a client is back", round(first_s, 3)) for each in rounds for first_s in each.before(1))
    told = " ".join(
        f"{len(each.delays_s)} clients, disconnected together, came back {_range(each.before(1))} s later."
        for each in rounds
    )
    spread = [is_spread(each.before(1), each.late_s, noise_s=noise_s) for each in rounds]
    if True in spread:
        return CaseOutcome(judgement="passes", seen=told, evidence=evidence)
    if False not in spread:
        told = f"{told} {_late(max(rounds, key=lambda each: each.late_s))}"
        return CaseOutcome(judgement="informational", seen=told, evidence=evidence)
    advice = "Randomise the first delay too: a restart disconnects all clients at the same instant."
    return CaseOutcome(judgement="surprises clients", seen=told, advice=advice, evidence=evidence)


async def _backs_off_while_down(bench: ClientBench) -> CaseOutcome:
    seen = await outage_of(bench)
    if isinstance(seen, CaseOutcome):
        return seen
    met = "each attempt is answered 503"
    judged = _loops_or_rests(seen, met)
    if judged is not None:
        return judged
    found = estimate(seen.delays_s, late_s=seen.late_s)
    assert found is not None, "there are three delays"
    if found.grows:
        told = f"While {met}, its delays grow: {found.told()}.{_given_up(seen)}"
        return CaseOutcome(judgement="passes", seen=told, evidence=_attempts(seen))
    return _does_not_grow(seen, met)


async def _backs_off_when_closed_at_once(bench: ClientBench) -> CaseOutcome:
    async with Stage() as stage, bench.program.brought_to(stage) as running:
        guest = await first_guest(stage, running, bench)
        if isinstance(guest, CaseOutcome):
            return guest
        await asyncio.sleep(SETTLED_S)
        measured = len(bench.lags_s)
        sent = await send_away(stage, guest, _accept_then_close)
        late_s = max(bench.lags_s[measured:], default=0.0)
    seen = ObservedOutage([sent.delays_s] if sent.delays_s else [], 1, late_s, sent.quiet_s)
    met = "each connection is closed at once"
    judged = _loops_or_rests(seen, met)
    if judged is not None:
        return judged
    # Jitter blurs the growth of a single series, so compare it with how long first delays can be.
    down = await outage_of(bench)
    firsts_s = [sent.delays_s[0], *([] if isinstance(down, CaseOutcome) else down.before(1))]
    longest_s = max(firsts_s) * (1 + SAME) + max(NOISE_S, 2 * late_s)
    longer = [delay_s for delay_s in sent.delays_s if delay_s > longest_s]
    if len(longer) >= min(2, len(sent.delays_s) - 1):
        told = f"While {met}, its delays grow from {sent.delays_s[0]:.2f} to {max(longer):.2f} s."
        return CaseOutcome(judgement="passes", seen=told, evidence=_attempts(seen))
    return _does_not_grow(seen, met)


def _loops_or_rests(seen: ObservedOutage, met: str) -> CaseOutcome | None:
    """Judge a client that hammers or hardly ever comes back; None for any other."""
    most = max(map(len, seen.delays_s), default=0)
    delays_s = [delay_s for series in seen.delays_s for delay_s in series]
    if not most:
        return CaseOutcome(judgement="not applicable", seen="It does not come back after 1012.")
    if most < 3:
        attempts = "one attempt" if most == 1 else f"{most} attempts"
        told = f"It made {attempts}, too few to see whether its delays grow.{_given_up(seen)}"
        return CaseOutcome(judgement="informational", seen=told, evidence=_attempts(seen))
    if statistics.median(delays_s) * LOOPS_PER_S < 1 and statistics.mean(delays_s) * LOOPS_PER_S < 1:
        told = f"It made {most} attempts in {max(map(sum, seen.delays_s)):.2f} s while {met}: a loop."
        advice = "Wait longer after each failure, up to a cap; start over only after a connection that lasted."
        return CaseOutcome(judgement="fails", seen=told, advice=advice, evidence=_attempts(seen))
    if (statistics.mean(delays_s) - seen.late_s) * LOOPS_PER_S < 1:
        told = f"It made {most} attempts in {max(map(sum, seen.delays_s)):.2f} s while {met}. {_late(seen)}"
        return CaseOutcome(judgement="informational", seen=told, evidence=_attempts(seen))
    return None


def _does_not_grow(seen: ObservedOutage, met: str) -> CaseOutcome:
    mean_s = statistics.mean(delay_s for series in seen.delays_s for delay_s in series)
    told = f"While {met}, it tries again every {mean_s:.2f} s, and its delays do not grow.{_given_up(seen)}"
    advice = "Back off: double the ceiling after each failure, up to a cap."
    return CaseOutcome(judgement="surprises clients", seen=told, advice=advice, evidence=_attempts(seen))


def _given_up(seen: ObservedOutage) -> str:
    most = max(map(len, seen.delays_s))
    if most >= MOST_ATTEMPTS or seen.quiet_s < GIVES_UP * max(map(max, seen.delays_s)):
        return ""
    if math.isinf(seen.quiet_s):
        return f" It ended after attempt {most}."
    return f" After attempt {most} none came for {seen.quiet_s:.0f} s: it seems to have given up."


def _attempts(seen: ObservedOutage) -> tuple[Evidence, ...]:
    return tuple(
        Evidence(f"delay before attempt {attempt}", round(delay_s, 3))
        for series in seen.delays_s[:1]
        for attempt, delay_s in enumerate(series, start=1)
    )


async def _accept_then_close(guest: Guest) -> None:
    await guest.accept()
    await guest.close(1011, "wslab check", wait_s=0.5)


def _range(delays_s: list[float]) -> str:
    low, high = f"{delays_s[0]:.2f}", f"{delays_s[-1]:.2f}"
    return low if low == high else f"{low} to {high}"


def _late(seen: ObservedOutage) -> str:
    return f"Whether the client waits cannot be told: this machine was up to {seen.late_s:.2f} s late itself."


POLICY_CASES = (
    Case(
        "waits_before_coming_back",
        "Closes with 1012.",
        "A delay before the first attempt.",
        HYBI_RESTART,
        _waits_before_coming_back,
        attempts=1,
    ),
    Case(
        "spreads",
        f"Starts {COPIES} clients and closes all of them with 1012 at once.",
        "They come back at different times.",
        LESSON_06,
        _spreads,
        attempts=1,
    ),
    Case(
        "backs_off_while_down",
        "Answers each attempt with 503.",
        "Longer delays after each.",
        RFC_BACKOFF,
        _backs_off_while_down,
        attempts=MOST_ATTEMPTS,
    ),
    Case(
        "backs_off_when_closed_at_once",
        "Accepts each handshake and closes with 1011.",
        "Longer delays after each, although every handshake succeeds.",
        LESSON_07,
        _backs_off_when_closed_at_once,
        attempts=1,
    ),
)
