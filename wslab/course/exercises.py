"""The checks of the exercises: each tries the learner's answer for real, and says what it shows or still lacks."""

from __future__ import annotations

import operator
import random
from collections.abc import Collection, Iterator
from itertools import islice
from typing import Any

from wslab import pair
from wslab.core.codes.registry import lookup
from wslab.core.errors import PolicyError, in_words
from wslab.core.fieldguide import read_entries, tally
from wslab.core.herds.simulate import simulate_herd
from wslab.core.knobs import MIB, Knobs
from wslab.core.policies.policy import Policy, checked
from wslab.core.records import RestartKind
from wslab.core.runs import Run
from wslab.course.checked import Checked, lacks, of_lesson, passes
from wslab.experiments import browser_drill, closure_visibility, payload_sweep, resend, restart_drill


@of_lesson("00")
def check_bystanders(answer: Any, run: Run) -> Checked:
    """Lesson 00: `answer` is the close code that the clients who had sent nothing saw, when the limit was raised."""
    seen = [outage.close_code for outage in run.outages if outage.number == 1]
    if not seen:
        return lacks("this run has no restart; run the cell with tell_story first")
    truth = seen[0]
    if answer is ...:
        return lacks("write a close code in place of the three dots; the first closure of each row shows it")
    if str(answer).strip() == str(truth) and isinstance(answer, str):
        return lacks("that is the code, written as a text; write it as a number, without quotation marks")
    if isinstance(answer, bool) or not isinstance(answer, int | float):
        return lacks("{answer!r} is not a number; write one close code, without anything around it", answer=answer)
    if answer == truth:
        code = lookup(truth).label
        return passes("{code}: they had done nothing wrong, the fix for one restarted them all", code=code)
    if answer == 1009:
        return lacks("1009 is what the sender of the large message saw; look at those who sent nothing")
    if answer == 1006:
        return lacks("1006 is what they saw at the crash, the second closure; look at the first")
    return lacks("{answer!r} is on no row of the timeline; read the label of the first closure", answer=answer)


@of_lesson("02")
def check_pieces(piece_bytes: Any) -> Checked:
    """Lesson 02: messages of `piece_bytes` pass a limit of 4,096 bytes per frame, and no larger ones would."""
    if isinstance(piece_bytes, bool) or not hasattr(piece_bytes, "__index__"):
        return lacks("give a whole number of bytes, from 1 to 100,000")
    size = operator.index(piece_bytes)
    if not 1 <= size <= 100_000:
        return lacks("give a whole number of bytes, from 1 to 100,000")
    knobs = Knobs(max_message_bytes=65_536, max_frame_bytes=4096)
    run = payload_sweep(knobs, [min(size, 65_536), min(size + 1, 65_536)])
    passed, next_passed = (send.outcome == "accepted" for send in run.sends)
    if not passed:
        return lacks("a message of {size:,} bytes is refused: {reason}", size=size, reason=run.sends[0].close_reason)
    if next_passed:
        return lacks("messages of {size:,} bytes pass, but larger ones would too: you send too many", size=size)
    count = -(-100_000 // size)
    return passes("{count} messages of at most {size:,} bytes, and none is refused", count=count, size=size)


@of_lesson("03")
def check_code_arrives(knobs: Any) -> Checked:
    """Lesson 03: under `knobs` a blocking client sees 1009 even 4 MiB over the limit of 65,536 bytes."""
    if not isinstance(knobs, Knobs):
        return lacks("give Knobs(…)")
    if knobs.max_message_bytes != 65_536:
        return lacks("the limit is to stay at 65,536 bytes; yours is {limit}", limit=knobs.max_message_bytes)
    run = closure_visibility(
        knobs, [4 * MIB], clients=["websocket-client"], after_refusals=[knobs.after_refusal], tries=5, timeout_s=3
    )
    if not run.sightings:
        missing = ", ".join(run.info.parameters["not_measured"].values())
        return lacks("this cannot be tried here: {missing}; pip install websocket-client", missing=missing)
    tries = len(run.sightings)
    seen = sum(sighting.close_code == 1009 for sighting in run.sightings)
    if seen < tries:
        hint = "1009 was seen in {seen} of {tries} tries; what does the server do after it?"
        return lacks(hint, seen=seen, tries=tries)
    if knobs.after_refusal != "drain":
        return lacks("1009 was seen in all {seen} tries, but by luck: this server does not read on", seen=seen)
    return passes("1009 was seen in all {seen} tries: the server reads on until the client has finished", seen=seen)


@of_lesson("04")
def check_announced_restart(knobs: Any) -> Checked:
    """Lesson 04: a restart under `knobs` says 1001, and while down answers 503 with a Retry-After of one second."""
    if not isinstance(knobs, Knobs):
        return lacks("give Knobs(…)")
    run = restart_drill(knobs, clients=3, policy=lambda rng: iter([0.1] * 100), downtime_s=0.5, timeout_s=10)
    said = sorted({outage.close_code for outage in run.outages if outage.number == 1})
    if said != [1001]:
        codes = ", ".join(map(str, said))
        return lacks("the restart says {codes} and not 1001; which knob says the code?", codes=codes)
    turned_away = [attempt for attempt in run.attempts if attempt.outage and attempt.outcome != "opened"]
    if {attempt.http_status for attempt in turned_away} != {503}:
        return lacks(_MET_WHILE_DOWN.get(knobs.while_down, _OTHERWISE))
    told_s = {attempt.retry_after_s for attempt in turned_away}
    if told_s == {None}:
        return lacks("503, but no Retry-After: nobody is told when to come back; which knob is it?")
    if told_s != {1}:
        return lacks("Retry-After says {told_s:g} s; let it say one second", told_s=knobs.retry_after_s)
    count = len(turned_away)
    return passes("1001, then {count} times 503 with Retry-After: a client can plan its return", count=count)


_MET_WHILE_DOWN = {
    "refuse": "while down, your server refuses TCP; which knob has it answer 503 (unavailable)?",
    "hang": "while down, your server accepts TCP and says nothing; which knob has it answer 503 (unavailable)?",
    "try_again_later": "while down, your server closes with 1013; which knob has it answer 503 (unavailable)?",
}
_OTHERWISE = "while down, your server does not answer every attempt with 503; which knob has it do so (unavailable)?"


LEAST_ATTEMPTS = 500
"""Of a policy that is said to go on; at 30 s each they outlast an outage of four hours."""


@of_lesson("05")
def check_polite_policy(policy: Any) -> Checked:
    """Lesson 05: `policy` begins with a random delay between 5 and 30 s, goes on, and never waits longer than 60 s."""
    delays = policy.delays if isinstance(policy, Policy) else policy
    try:
        drawn = [list(islice(checked(iter(delays(random.Random(seed))), "yours"), 500)) for seed in range(200)]
    except (TypeError, PolicyError) as error:
        hint = "give a generator function that takes an rng and yields seconds: {error}"
        return lacks(hint, error=in_words(error, named=False))
    firsts = [each[0] for each in drawn if each]
    if len(firsts) < len(drawn):
        return lacks("your policy yields nothing, so its client never comes back")
    span = {"low": min(firsts), "high": max(firsts)}
    if span["low"] < 5 or span["high"] > 30:
        return lacks("first delays go from {low:.1f} to {high:.1f} s; 1012 asks for 5 to 30 s", **span)
    if span["high"] - span["low"] < 20:
        return lacks("first delays go only from {low:.1f} to {high:.1f} s; use the whole range", **span)
    if len({*firsts}) < 100:
        return lacks("{count} different first delays for 200 clients: many come back together", count=len({*firsts}))
    fewest = min(map(len, drawn))
    if fewest < LEAST_ATTEMPTS:
        hint = "after attempt {fewest} your client gives up; let the policy yield on, in a while True"
        return lacks(hint, fewest=fewest)
    longest = max(map(max, drawn))
    if longest > 60:
        return lacks("a later delay took {longest:.1f} s; let none be longer than 60 s", longest=longest)
    return passes("200 clients, first delays from {low:.1f} to {high:.1f} s, none over 60 s", **span)


@of_lesson("06")
def check_gentle_return(policy: Any) -> Checked:
    """Lesson 06: under `policy` 100,000 clients spare a server that admits 1,000 a second, and are back in good time.

    Twice the capacity at most, nine in ten clients within two minutes, after ten seconds of downtime.
    """
    if policy is ...:
        return lacks("give a policy, such as policies.full_jitter(initial_delay_s=2)")
    few = simulate_herd(100, policy, downtime_s=10, max_admissions_per_s=1)
    if few.attempts.mean() > 50:  # and a thousand times as many clients would take minutes
        return lacks("each client asked {asked:,.0f} times; let it wait longer", asked=few.attempts.mean())
    herd = simulate_herd(100_000, policy, downtime_s=10, max_admissions_per_s=1000)
    soon = int((herd.time_to_reconnect_s <= 120).sum())
    told = {"peak": herd.peak_attempts_per_s, "soon": soon}
    if herd.peak_attempts_per_s > 2000:
        return lacks("up to {peak:,.0f} attempts per second, more than twice the 1,000 admitted; spread them", **told)
    if soon < 90_000:
        return lacks("gentle, but only {soon:,} of 100,000 clients were back within two minutes; wait less", **told)
    return passes("at most {peak:,.0f} attempts per second, and {soon:,} clients back in two minutes", **told)


@of_lesson("07")
def check_rule(rule: Any) -> Checked:
    """Lesson 07: under `rule` a poison message is sent once, and a client comes back after a restart and a crash."""
    for code in (1009, 1012, 1001, 1006):
        try:
            answer = rule(code)
        except Exception as error:  # a rule of one's own may raise anything
            hint = "give a function of one close code; for {code} yours raises {error}"
            return lacks(hint, code=code, error=in_words(error))
        if not isinstance(answer, bool):
            hint = "your rule returns {answer!r} for {code}; let it return True or False"
            return lacks(hint, answer=answer, code=code)
    policy = Policy("your rule", _soon, retries=lambda code: bool(rule(code)))
    poisoned = resend(Knobs(max_message_bytes=1000), "x" * 1001, policy=policy, duration_s=1)
    if len(poisoned.sends) > 1:
        hint = "the poison message was sent {count} times in a second; say no to 1009"
        return lacks(hint, count=len(poisoned.sends))
    kinds: tuple[tuple[RestartKind, int], ...] = (("graceful", 1012), ("graceful", 1001), ("crash", 1006))
    for kind, code in kinds:
        knobs = Knobs(downtime_s=0.1) if kind == "crash" else Knobs(downtime_s=0.1, restart_code=code)
        run = restart_drill(knobs, clients=2, kind=kind, policy=policy, timeout_s=5)
        if any(outage.reopened_at_s is None for outage in run.outages):
            hint = "after a {kind} restart ({code}) your clients stay away for good"
            return lacks(hint, kind=kind, code=lookup(code).label)
    return passes("the poison message was sent once, and after a restart and a crash everyone came back")


def _soon(rng: random.Random) -> Iterator[float]:
    while True:
        yield rng.uniform(0.02, 0.1)


@of_lesson("08")
def check_page_is_told(knobs: Any) -> Checked:
    """Lesson 08: a page that connects to a server under `knobs` while it is down is told 1013."""
    if not isinstance(knobs, Knobs):
        return lacks("give Knobs(…)")
    if knobs.while_down == "hang":
        return lacks("your server says nothing at all, to nobody")
    run = browser_drill(knobs, "down", timeout_s=5)  # what a page is told follows from what Python's client sees
    [attempt] = run.attempts
    if attempt.outcome != "opened":
        if not attempt.http_status:
            return lacks("a refused connection is a failed handshake, of which a page is told 1006 and nothing more")
        hint = "HTTP {status} is a failed handshake, of which a page is told 1006 and nothing more"
        return lacks(hint, status=attempt.http_status)
    [closure] = run.closures
    if closure.close_code != 1013:
        seen = lookup(closure.close_code).label
        return lacks("a page is told {seen}; which code says to try again later?", seen=seen)
    return passes("a page is told {seen}: the handshake succeeds, and then comes the code", seen=lookup(1013).label)


@of_lesson("10")
def check_recommended_clients(names: Any) -> Checked:
    """Lesson 10: `names` are the recorded clients that pass every case of `WANTED_OF_CLIENTS`."""
    guide = {entry.subject: entry for entry in read_entries() if entry.group == "client" and entry.cells}
    known = ", ".join(sorted(guide))
    if isinstance(names, str) or not isinstance(names, Collection):
        return lacks("give a list of names, and not {names!r}", names=names)
    if not names:
        return lacks("name at least one of the recorded clients: {known}", known=known)
    for name in names:
        if name not in guide:
            return lacks("{name!r} is none of the recorded clients: {known}", name=name, known=known)
        for question in WANTED_OF_CLIENTS:
            cell = guide[name].cell(question)
            if cell is not None and cell.answer != "passes":
                return lacks("{name} does not belong there: {seen}", name=name, seen=cell.seen)
    passing = [tally(guide.values(), question, "passes", group="client").yes for question in WANTED_OF_CLIENTS]
    missing = set.intersection(*map(set, passing)) - set(names)
    if missing:
        return lacks("all that you name qualify, and {count} more would", count=len(missing))
    chosen = ", ".join(sorted(set(names)))
    return passes("{chosen}: they come back after a restart, and wait longer while that does not help", chosen=chosen)


WANTED_OF_CLIENTS = (
    "comes_back_after_1012",
    "waits_before_coming_back",
    "backs_off_while_down",
    "backs_off_when_closed_at_once",
)
"""Cases that a client passes before it is let loose on a server that restarts every day."""


@of_lesson("11")
def check_pair(server: Any, client: Any) -> Checked:
    """Lesson 11: a server and a client of these sources refuse, come back and give up as they should."""
    if not isinstance(server, str) or not isinstance(client, str):
        return lacks("give the sources of both programs, each as a text")
    for whose, source, try_it in (("server", server, pair.try_server), ("client", client, pair.try_client)):
        tried = try_it(source)
        for result in tried.results:
            if result.judgement != "passes":
                hint = result.seen.advice or f"Expected: {result.expects}"
                words = "of your {whose}, {case}: {seen} {hint}"
                return lacks(words, whose=whose, case=result.case, seen=result.seen.seen, hint=hint)
        if tried.stopped or not tried.results:
            return lacks("your {whose} could not be checked: {why}", whose=whose, why=tried.stopped or "no case ran")
    return passes("the server says 1009 and its limit; the client waits, comes back and knows when to give up")
