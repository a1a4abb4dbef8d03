"""The checks of the exercises: each tries the learner's answer for real, and says what it shows or lacks."""

from __future__ import annotations

import operator
import reprlib
from collections import Counter
from collections.abc import Collection
from numbers import Real
from typing import Any

from wslab import pair
from wslab.core.codes.registry import lookup
from wslab.core.fieldguide import read_entries, tally
from wslab.core.knobs import MIB, Knobs
from wslab.core.runs import Run
from wslab.course.checked import Checked, lacks, of_lesson, passes
from wslab.experiments import browser_drill, closure_visibility, payload_sweep, restart_drill


@of_lesson("00")
def check_bystanders(answer: Any, run: Run) -> Checked:
    """Lesson 00: `answer` is the close code that the clients who had sent nothing saw, when the limit was raised."""
    if not isinstance(run, Run) or not any(restart.kind == "reload" for restart in run.restarts):
        return lacks("this run has no reload; run the cell with tell_story first")
    seen = Counter(outage.close_code for outage in run.outages if outage.number == 1)
    if not seen:
        return lacks("no client was closed in this run; run the cell with tell_story once more")
    [(truth, _)] = seen.most_common(1)
    if answer is ...:
        return lacks("write a close code in place of the three dots; the first closure of each row shows it")
    if isinstance(answer, str) and answer.strip() == str(truth):
        return lacks("that is the code, written as a text; write it as a number, without quotation marks")
    given = reprlib.repr(answer)
    if isinstance(answer, bool) or not isinstance(answer, Real):
        return lacks("{given} is not a number; write one close code, without anything around it", given=given)
    if answer == truth:
        code = lookup(truth).label
        return passes("{code}: they had done nothing wrong, the fix for one restarted them all", code=code)
    if answer == 1009:
        return lacks("1009 is what the sender of the large message saw; look at those who sent nothing")
    if answer == 1006:
        return lacks("1006 is what they saw at the crash, the second closure; look at the first")
    return lacks("{given} is not the code of any first closure; read the label in the timeline", given=given)


@of_lesson("02")
def check_pieces(piece_bytes: Any) -> Checked:
    """Lesson 02: messages of `piece_bytes` pass a limit of 4,096 bytes per frame, and no larger ones would save any."""
    if isinstance(piece_bytes, bool) or not hasattr(piece_bytes, "__index__"):
        return lacks("give a whole number of bytes, from 1 to 65,536")
    size = operator.index(piece_bytes)
    if not 1 <= size <= 65_536:
        return lacks("give a whole number of bytes, from 1 to 65,536")
    knobs = Knobs(max_message_bytes=65_536, max_frame_bytes=4096)
    run = payload_sweep(knobs, [size, min(size + 1, 65_536)])
    passed, next_passed = (send.outcome == "accepted" for send in run.sends)
    if not passed:
        return lacks("a message of {size:,} bytes is refused: {reason}", size=size, reason=run.sends[0].close_reason)
    count, fewest = (-(-100_000 // each) for each in (size, 4096))
    told = {"count": count, "size": size, "fewer": count - 1}
    if next_passed and count > fewest:
        return lacks("{count} messages of {size:,} bytes pass, but larger ones do too: {fewer} are enough", **told)
    return passes("{count} messages of at most {size:,} bytes, and none is refused", **told)


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
    if not knobs.comes_back:
        return lacks("a restart ends with the server listening again; yours stays down")
    run = restart_drill(knobs, clients=3, policy=lambda rng: iter([0.1] * 100), downtime_s=0.5, timeout_s=10)
    said = [outage.close_code for outage in run.outages if outage.number == 1]
    if len(said) < 3:
        return lacks(
            "the restart closes {closed} of 3 clients within 10 s; can they connect, and is drain_s short?",
            closed=len(said),
        )
    if {*said} != {1001}:
        codes = ", ".join(map(str, sorted({*said})))
        return lacks("clients see {codes}, and all should see 1001; which knob says the code?", codes=codes)
    turned_away = [attempt for attempt in run.attempts if attempt.outage and attempt.outcome != "opened"]
    if {attempt.http_status for attempt in turned_away} != {503}:
        return _met_while_down(knobs)
    told_s = {attempt.retry_after_s for attempt in turned_away}
    if told_s == {None}:
        return lacks("503, but no Retry-After: nobody is told when to come back; which knob is it?")
    if told_s != {1}:
        return lacks("Retry-After says {told_s:g} s; let it say one second", told_s=knobs.retry_after_s)
    count = len(turned_away)
    return passes("1001, then {count} times 503 with Retry-After: a client can plan its return", count=count)


def _met_while_down(knobs: Knobs) -> Checked:
    if knobs.while_down == "refuse":
        return lacks("while down, your server refuses TCP; which knob has it answer 503 (unavailable)?")
    if knobs.while_down == "hang":
        return lacks("while down, your server says nothing at all; which knob has it answer 503 (unavailable)?")
    if knobs.while_down == "try_again_later":
        return lacks("while down, your server closes with 1013; which knob has it answer 503 (unavailable)?")
    return lacks("while down, your server does not answer every attempt with 503 (unavailable)")


@of_lesson("08")
def check_page_is_told(knobs: Any) -> Checked:
    """Lesson 08: a page that connects to a server under `knobs` while it is down is told 1013."""
    if not isinstance(knobs, Knobs):
        return lacks("give Knobs(…)")
    if knobs.while_down == "hang":
        return lacks("your server says nothing at all, so a page is told nothing either")
    if not knobs.comes_back:
        return lacks("a restart ends with the server listening again; yours stays down")
    if knobs.handshake_status is not None:
        return lacks(
            "once your server is back, it still refuses every handshake with HTTP {status}",
            status=knobs.handshake_status,
        )
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
        return lacks("give a list of names; yours is {given}", given=reprlib.repr(names))
    names = list(names)
    if not names:
        return lacks("name at least one of the recorded clients: {known}", known=known)
    for name in names:
        if not isinstance(name, str) or name not in guide:
            return lacks("{given} is none of the recorded clients: {known}", given=reprlib.repr(name), known=known)
        for question in WANTED_OF_CLIENTS:
            cell = guide[name].cell(question)
            if cell is not None and cell.answer != "passes":
                return lacks("{name} does not qualify: {seen}", name=name, seen=cell.seen)
    passing = [tally(guide.values(), question, "passes", group="client").yes for question in WANTED_OF_CLIENTS]
    missing = set.intersection(*map(set, passing)) - set(names)
    if missing:
        return lacks("all that you name qualify, but you left out {count}", count=len(missing))
    chosen = ", ".join(sorted(set(names)))
    return passes("{chosen}: they come back after a restart, and wait longer while that does not help", chosen=chosen)


WANTED_OF_CLIENTS = (
    "comes_back_after_1012",
    "waits_before_coming_back",
    "backs_off_while_down",
    "backs_off_when_closed_at_once",
)
"""Cases that a client should pass before it meets a server that restarts every day."""


@of_lesson("11")
def check_pair(server: Any, client: Any) -> Checked:
    """Lesson 11: a server and a client of these sources refuse, come back and give up as they should."""
    if not isinstance(server, str) or not isinstance(client, str):
        return lacks("give the sources of both programs, each as text")
    for whose, source, try_it in (("server", server, pair.try_server), ("client", client, pair.try_client)):
        tried = try_it(source)
        for result in tried.results:
            if result.judgement != "passes":
                hint = result.seen.advice or f"Expected: {result.expects}"
                told = {"case": result.case, "seen": result.seen.seen, "hint": hint}
                if whose == "server":
                    return lacks("your server, {case}: {seen} {hint}", **told)
                return lacks("your client, {case}: {seen} {hint}", **told)
        if tried.stopped or not tried.results:
            why = tried.stopped or "no case ran"
            return lacks("your program ({whose}) could not be checked: {why}", whose=whose, why=why)
    return passes("the server says 1009 and its limit; the client waits, comes back and knows when to give up")
