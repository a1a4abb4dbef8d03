"""The lessons' exercises: each check reads what the learner did, and says what is there or what is still missing.

A check raises nothing: a lesson runs from top to bottom before any exercise is solved.
"""

from __future__ import annotations

import functools
import random
import textwrap
from collections.abc import Callable, Collection, Iterator
from itertools import islice
from typing import Any, NamedTuple

from wslab.core.codes.languages import Language, speaking
from wslab.core.codes.registry import lookup
from wslab.core.errors import NotRecordedError, PolicyError, in_words
from wslab.core.fieldguide import read_entries, tally
from wslab.core.findings import find, headline
from wslab.core.herds.simulate import simulate_herd
from wslab.core.knobs import MIB, Knobs
from wslab.core.ladders import Bracket, bracket
from wslab.core.limits.verdicts import Verdict
from wslab.core.policies.policy import Policy, checked
from wslab.core.records import RestartKind
from wslab.core.runs import Run
from wslab.experiments import browser_drill, closure_visibility, payload_sweep, resend, restart_drill
from wslab.net.replay import replaying
from wslab.net.server.lab_server import LabServer


class Checked(NamedTuple):
    """What a check found; as the last line of a cell it shows its message."""

    passed: bool
    message: str
    lang: Language = "en"

    def __repr__(self) -> str:
        return f"{'✓' if self.passed else speaking(self.lang)('✗ not yet:')} {self.message}"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """Have IPython break the line between words; JupyterLab would break it anywhere, in a number too."""
        printer.text(textwrap.fill(repr(self), printer.max_width, break_long_words=False))


Check = Callable[..., Checked]


def _tells(check: Check) -> Check:
    """Let a check say what an answer raised, or that a replay has no recording of it, and never raise."""

    @functools.wraps(check)
    def told(*answers: Any, **options: Any) -> Checked:
        try:
            return check(*answers, **options)
        except NotRecordedError:
            return Checked(False, "a replay can check what stood here and the solution; try yours where sockets are")
        except Exception as error:  # whatever an answer of one's own may raise
            return Checked(False, f"your answer could not be tried: {in_words(error)}")

    return told


@_tells
def check_bystanders(answer: Any, run: Run, lang: Language = "en") -> Checked:
    """Lesson 00: `answer` is the close code that the clients who had sent nothing saw, when the limit was raised."""
    say, truth = speaking(lang), next(outage.close_code for outage in run.outages if outage.number == 1)
    if answer == truth:
        praise = say("{code}: they had done nothing wrong, the fix for one restarted them all")
        return Checked(True, praise.format(code=lookup(truth).label), lang)
    if answer is ...:
        hint = say("write a close code in place of the three dots; the first closure of each row shows it")
    elif answer == 1009:
        hint = say("1009 is what the sender of the large message saw; look at those who sent nothing")
    elif str(answer) == str(truth):
        hint = say("that is the code, written as a text; write it as a number, without quotation marks")
    elif answer == 1006:
        hint = say("1006 is what they saw at the crash, the second closure; look at the first")
    else:
        hint = say("{answer} is on no row of the timeline; read the label of the first closure").format(
            answer=repr(answer)
        )
    return Checked(False, hint, lang)


def mystery_server(seed: int = 0) -> LabServer:
    """Lesson 01: return a server, not yet started, whose limit you do not know."""
    return LabServer(max_message_bytes=random.Random(f"mystery {seed}").randrange(20_000, 500_000))


@_tells
def check_limit_shown(found: Any, server: LabServer) -> Checked:
    """Lesson 01: `found` is a sweep, or a verdict, that shows the limit of `server` from both sides."""
    if not isinstance(found, Run | Verdict):
        return Checked(False, "put a sweep of the mystery server in place of the three dots: payload_sweep(mystery, …)")
    if not _is_of(found, server):
        return Checked(False, "this was not measured on the mystery server; sweep that one")
    if isinstance(found, Verdict):
        shown = Bracket(found.max_single_frame_bytes, found.smallest_refused_bytes)
    else:
        shown = bracket(found.sends)
    if shown.accepted_bytes is None:
        return Checked(False, "no message has passed yet; begin with a smaller one")
    if shown.refused_bytes is None:
        return Checked(False, f"{shown.accepted_bytes:,} bytes passed, and nothing was refused yet; send more")
    if not shown.is_exact:
        return Checked(
            False, f"the limit is between {shown.accepted_bytes:,} and {shown.refused_bytes:,} bytes; close in"
        )
    return Checked(
        True, f"{shown.accepted_bytes:,} bytes pass and {shown.refused_bytes:,} do not: nothing left to guess"
    )


def _is_of(found: Run | Verdict, server: LabServer) -> bool:
    """Whether something was measured on this server; a replay has no addresses, and goes by the knobs."""
    if isinstance(found, Run) and found.info.knobs != server.knobs:
        return False
    return replaying() or (found.info.url if isinstance(found, Run) else found.url) == server.url


@_tells
def check_announced_restart(knobs: Any) -> Checked:
    """Lesson 04: a restart under `knobs` says 1001, and while down answers 503 with a Retry-After of one second."""
    if not isinstance(knobs, Knobs):
        return Checked(False, "give Knobs(…)")
    run = restart_drill(knobs, clients=3, policy=lambda rng: iter([0.1] * 100), downtime_s=0.5, timeout_s=10)
    said = sorted({outage.close_code for outage in run.outages if outage.number == 1})
    if said != [1001]:
        return Checked(False, f"the restart says {', '.join(map(str, said))} and not 1001; which knob says the code?")
    turned_away = [attempt for attempt in run.attempts if attempt.outage and attempt.outcome != "opened"]
    if {attempt.http_status for attempt in turned_away} != {503}:
        met = _MET_WHILE_DOWN[knobs.while_down]
        return Checked(False, f"while down, your server {met}; which knob has it answer 503 (unavailable)?")
    told_s = {attempt.retry_after_s for attempt in turned_away}
    if told_s == {None}:
        return Checked(False, "503, but no Retry-After: nobody is told when to come back; which knob is it?")
    if told_s != {1}:
        return Checked(False, f"Retry-After says {knobs.retry_after_s:g} s; let it say one second")
    return Checked(True, f"1001, then {len(turned_away)} times 503 with Retry-After: a client can plan its return")


_MET_WHILE_DOWN = {
    "refuse": "refuses TCP",
    "hang": "accepts TCP and says nothing",
    "try_again_later": "accepts the handshake and closes with 1013",
    "unavailable": "was not tried by anybody",
}


@_tells
def check_polite_policy(policy: Any) -> Checked:
    """Lesson 05: the first delay of `policy` is random between 5 and 30 s, none is longer than 60 s, and it goes on."""
    try:
        drawn = [list(islice(checked(iter(policy(random.Random(seed))), "yours"), 8)) for seed in range(200)]
    except (TypeError, PolicyError) as error:
        return Checked(False, f"give a generator function that takes an rng and yields seconds: {error}")
    firsts = [delays[0] for delays in drawn if delays]
    if len(firsts) < len(drawn):
        return Checked(False, "your policy yields nothing, so its client never comes back")
    if min(firsts) < 5 or max(firsts) > 30:
        return Checked(False, f"first delays go from {min(firsts):.1f} to {max(firsts):.1f} s; 1012 asks for 5 to 30 s")
    if max(firsts) - min(firsts) < 20:
        return Checked(
            False, f"first delays go only from {min(firsts):.1f} to {max(firsts):.1f} s; use the whole range"
        )
    fewest = min(map(len, drawn))
    if fewest < 8:
        return Checked(False, f"after attempt {fewest} your client gives up; let the policy yield on, in a while True")
    longest = max(max(delays) for delays in drawn)
    if longest > 60:
        return Checked(False, f"a later delay took {longest:.0f} s; let none be longer than 60 s")
    return Checked(True, f"200 clients, first delays from {min(firsts):.1f} to {max(firsts):.1f} s, none over 60 s")


@_tells
def check_gentle_return(policy: Any) -> Checked:
    """Lesson 06: under `policy` 100,000 clients spare a server that admits 1,000 a second, and are back in good time.

    Twice the capacity at most, nine in ten clients within two minutes, after ten seconds of downtime.
    """
    if policy is ...:
        return Checked(False, "give a policy, such as policies.full_jitter(initial_delay_s=2)")
    few = simulate_herd(100, policy, downtime_s=10, max_admissions_per_s=1)
    if few.attempts.mean() > 50:  # and a thousand times as many clients would take minutes
        return Checked(False, f"each client asked {few.attempts.mean():,.0f} times; let it wait longer")
    herd = simulate_herd(100_000, policy, downtime_s=10, max_admissions_per_s=1000)
    if herd.peak_attempts_per_s > 2000:
        return Checked(
            False,
            f"the server met up to {herd.peak_attempts_per_s:,.0f} attempts per second, more than twice the 1,000 that "
            "it admits; spread them over more time",
        )
    soon = int((herd.time_to_reconnect_s <= 120).sum())
    if soon < 90_000:
        return Checked(False, f"gentle, but only {soon:,} of 100,000 clients were back within two minutes; wait less")
    return Checked(
        True, f"at most {herd.peak_attempts_per_s:,.0f} attempts per second, and {soon:,} clients back in two minutes"
    )


@_tells
def check_rule(rule: Any) -> Checked:
    """Lesson 07: under `rule` a poison message is sent once, and a client comes back after a restart and a crash."""
    for code in (1009, 1012, 1001, 1006):
        try:
            answer = rule(code)
        except Exception as error:  # a rule of one's own may raise anything
            return Checked(False, f"give a function of one close code; for {code} yours raises {in_words(error)}")
        if not isinstance(answer, bool):
            return Checked(False, f"your rule returns {answer!r} for {code}; let it return True or False")
    policy = Policy("your rule", _soon, retries=lambda code: bool(rule(code)))
    poisoned = resend(Knobs(max_message_bytes=1000), "x" * 1001, policy=policy, duration_s=1)
    kinds: tuple[RestartKind, ...] = ("graceful", "crash")
    away = {
        kind: restart_drill(Knobs(downtime_s=0.1), clients=2, kind=kind, policy=policy, timeout_s=5) for kind in kinds
    }
    if len(poisoned.sends) > 1:
        return Checked(False, f"the poison message was sent {len(poisoned.sends)} times in a second; say no to 1009")
    if not rule(1001):
        return Checked(False, f"after {lookup(1001).label} your clients stay away for good, and a restart may say that")
    for kind, run in away.items():
        if any(outage.reopened_at_s is None for outage in run.outages):
            code = run.outages[0].close_code
            return Checked(False, f"after a {kind} restart ({lookup(code).label}) your clients stay away for good")
    return Checked(True, "the poison message was sent once, and after a restart and a crash everyone came back")


def _soon(rng: random.Random) -> Iterator[float]:
    while True:
        yield rng.uniform(0.02, 0.1)


@_tells
def check_pieces(piece_bytes: Any) -> Checked:
    """Lesson 02: messages of `piece_bytes` pass a limit of 4,096 bytes per frame, and no larger ones would."""
    if not isinstance(piece_bytes, int) or isinstance(piece_bytes, bool) or not 1 <= piece_bytes <= 100_000:
        return Checked(False, "give a whole number of bytes, from 1 to 100,000")
    knobs = Knobs(max_message_bytes=65_536, max_frame_bytes=4096)
    run = payload_sweep(knobs, [min(piece_bytes, 65_536), min(piece_bytes + 1, 65_536)])
    passed, next_passed = (send.outcome == "accepted" for send in run.sends)
    if not passed:
        return Checked(False, f"a message of {piece_bytes:,} bytes is refused: {run.sends[0].close_reason}")
    if next_passed:
        return Checked(False, f"messages of {piece_bytes:,} bytes pass, but larger ones would too: you send too many")
    return Checked(True, f"{-(-100_000 // piece_bytes)} messages of at most {piece_bytes:,} bytes, and none is refused")


@_tells
def check_code_arrives(knobs: Any) -> Checked:
    """Lesson 03: under `knobs` a blocking client sees 1009 even 4 MiB over the limit of 65,536 bytes."""
    if not isinstance(knobs, Knobs):
        return Checked(False, "give Knobs(…)")
    if knobs.max_message_bytes != 65_536:
        return Checked(False, f"the limit is to stay at 65,536 bytes; yours is {knobs.max_message_bytes}")
    run = closure_visibility(
        knobs, [4 * MIB], clients=["websocket-client"], after_refusals=[knobs.after_refusal], tries=5, timeout_s=3
    )
    if not run.sightings:
        missing = ", ".join(run.info.parameters["not_measured"].values())
        return Checked(False, f"this cannot be tried here: {missing}; pip install websocket-client")
    seen = sum(sighting.close_code == 1009 for sighting in run.sightings)
    if seen < len(run.sightings):
        return Checked(
            False, f"1009 was seen in {seen} of {len(run.sightings)} tries; what does the server do after it?"
        )
    return Checked(True, f"1009 was seen in all {seen} tries: the server reads on until the client has finished")


@_tells
def check_page_is_told(knobs: Any) -> Checked:
    """Lesson 08: a page that connects to a server under `knobs` while it is down is told 1013."""
    if not isinstance(knobs, Knobs):
        return Checked(False, "give Knobs(…)")
    if knobs.while_down == "hang":
        return Checked(False, "your server says nothing at all, to nobody")
    run = browser_drill(knobs, "down", timeout_s=5)  # what a page is told follows from what Python's client sees
    [attempt] = run.attempts
    if attempt.outcome != "opened":
        met = f"HTTP {attempt.http_status}" if attempt.http_status else "a refused connection"
        return Checked(False, f"{met} is a failed handshake, of which a page is told 1006 and nothing more")
    [closure] = run.closures
    if closure.close_code != 1013:
        return Checked(False, f"a page is told {lookup(closure.close_code).label}; which code says to try again later?")
    return Checked(True, f"a page is told {lookup(1013).label}: the handshake succeeds, and then comes the code")


CAUSES: dict[str, dict[str, Any]] = {
    "idle timeout": {"idle_timeout_s": 0.9, "idle_close_code": 1006},
    "maximum age": {"max_age_s": 1.1, "age_close_code": 1006},
    "rate": {"max_messages_per_s": 6, "rate_close_code": 1006},
    "number of messages": {"max_connection_messages": 5, "count_close_code": 1006},
}
"""What a mystery server may do, and the knobs that make it do so."""


def mystery_clock(seed: int = 0) -> LabServer:
    """Lesson 09: return a server, not yet started, that ends connections without a word; you do not know why."""
    cause = random.Random(f"clock {seed}").choice(list(CAUSES))
    return LabServer(ping_interval_s=None, **CAUSES[cause])


@_tells
def check_cause(cause: Any, evidence: Any, server: LabServer) -> Checked:
    """Lesson 09: `cause` is why `server` ends connections, and `evidence` a run that shows it, and not only fits it."""
    if not isinstance(evidence, Run):
        return Checked(
            False, "put a watch of the mystery server in place of the first three dots: wslab.watch(mystery, …)"
        )
    if not _is_of(evidence, server):
        return Checked(False, "this was not measured on the mystery server; watch that one")
    found = {_CAUSE_OF[finding.rule]: finding for finding in find(evidence) if finding.rule in _CAUSE_OF}
    if not found:
        return Checked(
            False, f"this run does not show a cause yet: {headline(evidence)} Watch for longer, with all groups"
        )
    if cause not in CAUSES:
        return Checked(False, f"{cause!r} is none of the four causes; write one of {', '.join(map(repr, CAUSES))}")
    if not all(getattr(server.knobs, knob) == value for knob, value in CAUSES[cause].items()):
        return Checked(
            False, f"{cause!r} would end other groups than this server does; which lived on, and which did not?"
        )
    if cause not in found or found[cause].sure not in ("shown", "likely"):
        return Checked(False, "right, but this run fits other causes as well; watch for longer, so that it shows it")
    return Checked(True, f"{cause}, {found[cause].sure} by {len(found[cause].evidence)} records: {found[cause].what}")


_CAUSE_OF = {
    "idle_timeout": "idle timeout",
    "max_age": "maximum age",
    "too_fast": "rate",
    "too_many": "number of messages",
}


WANTED_OF_CLIENTS = (
    "comes_back_after_1012",
    "waits_before_coming_back",
    "backs_off_while_down",
    "backs_off_when_closed_at_once",
)
"""Cases that a client passes before it is let loose on a server that restarts every day."""


@_tells
def check_recommended_clients(names: Any) -> Checked:
    """Lesson 10: `names` are the clients of the recorded field guide that pass every case of `WANTED_OF_CLIENTS`."""
    guide = {entry.subject: entry for entry in read_entries() if entry.group == "client" and entry.cells}
    if isinstance(names, str) or not isinstance(names, Collection):
        return Checked(False, f"give a list of names, such as {sorted(guide)[:1]}, and not {names!r}")
    if not names:
        return Checked(False, f"name at least one of the recorded clients: {', '.join(sorted(guide))}")
    for name in names:
        if name not in guide:
            return Checked(False, f"{name!r} is none of the recorded clients: {', '.join(sorted(guide))}")
        for question in WANTED_OF_CLIENTS:
            cell = guide[name].cell(question)
            if cell is None or cell.answer != "passes":
                seen = cell.seen if cell is not None else "it was not asked"
                return Checked(False, f"{name} should not be there; {question.replace('_', ' ')}: {seen}")
    passing = [tally(guide.values(), question, "passes", group="client").yes for question in WANTED_OF_CLIENTS]
    missing = set.intersection(*map(set, passing)) - set(names)
    if missing:
        return Checked(False, f"all that you name qualify, and {len(missing)} more would")
    return Checked(True, f"{', '.join(sorted(set(names)))}: after every end they come back, and no sooner than is good")
