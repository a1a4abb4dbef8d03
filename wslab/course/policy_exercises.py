"""The checks of exercises whose answer is a policy or a rule: by its delays, in simulation, or on real restarts."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import islice
from typing import Any

from wslab.core.codes.registry import lookup
from wslab.core.errors import PolicyError, in_words
from wslab.core.herds.simulate import simulate_herd
from wslab.core.knobs import Knobs
from wslab.core.policies.policy import Policy, checked
from wslab.core.records import RestartKind
from wslab.course.checked import Checked, lacks, of_lesson, passes
from wslab.experiments import resend, restart_drill

LEAST_ATTEMPTS = 500
"""The attempts that a policy must make to count as endless; at 30 s each they last four hours."""


@of_lesson("05")
def check_polite_policy(policy: Any) -> Checked:
    """Lesson 05: `policy` begins with a random delay between 5 and 30 s, goes on, and always waits 5 to 60 s."""
    if isinstance(policy, Policy) and not policy.retries(1012):
        return lacks("your policy has a rule by which its client does not come back after 1012")
    delays = policy.delays if isinstance(policy, Policy) else policy
    try:
        drawn = [
            list(islice(checked(iter(delays(random.Random(seed))), "yours"), LEAST_ATTEMPTS)) for seed in range(200)
        ]
    except (TypeError, PolicyError) as error:
        hint = "give a generator function that takes an rng and yields seconds: {error}"
        return lacks(hint, error=in_words(error, named=False))
    if not all(drawn):
        return lacks("your policy yields nothing, so its client never comes back")
    return _first_delays_lack([each[0] for each in drawn]) or _later_delays_lack(drawn)


def _first_delays_lack(firsts: list[float]) -> Checked | None:
    span = {"low": min(firsts), "high": max(firsts)}
    if span["low"] < 5 or span["high"] > 30:
        return lacks("first delays go from {low:.1f} to {high:.1f} s; 1012 asks for 5 to 30 s", **span)
    if span["high"] - span["low"] < 20:
        return lacks("first delays go only from {low:.1f} to {high:.1f} s; use the whole range", **span)
    if len({*firsts}) < len(firsts) / 2:
        return lacks("{count} different first delays for 200 clients: many come back together", count=len({*firsts}))
    return None


def _later_delays_lack(drawn: list[list[float]]) -> Checked:
    fewest = min(map(len, drawn))
    if fewest < LEAST_ATTEMPTS:
        hint = "after attempt {fewest} your client gives up; let the policy yield on, in a while True"
        return lacks(hint, fewest=fewest)
    shortest, longest = min(map(min, drawn)), max(map(max, drawn))
    if longest > 60:
        return lacks("a later delay took {longest:.1f} s; let none be longer than 60 s", longest=longest)
    if shortest < 5:
        return lacks("a later delay took only {shortest:.1f} s; let none be shorter than 5 s", shortest=shortest)
    firsts = [each[0] for each in drawn]
    told = {"low": min(firsts), "high": max(firsts)}
    return passes("200 clients, first delays from {low:.1f} to {high:.1f} s, none over 60 s", **told)


@of_lesson("06")
def check_gentle_return(policy: Any) -> Checked:
    """Lesson 06: under `policy` 100,000 clients spare a server that admits 1,000 a second, and are back in good time.

    Twice the capacity at most, nine in ten clients within two minutes, after ten seconds of downtime.
    """
    if policy is ...:
        return lacks("give a policy, such as policies.full_jitter(initial_delay_s=2)")
    if isinstance(policy, Policy) and not policy.retries(1012):
        return lacks("your policy has a rule by which its client does not come back after 1012")
    few = simulate_herd(100, policy, downtime_s=10, max_admissions_per_s=1)
    if few.attempts.mean() > 50:  # a thousand times as many clients would take minutes
        return lacks("each client tried {tried:,.0f} times; let it wait longer", tried=few.attempts.mean())
    herd = simulate_herd(100_000, policy, downtime_s=10, max_admissions_per_s=1000)
    soon = int((herd.time_to_reconnect_s <= 120).sum())
    told = {"peak": herd.peak_attempts_per_s, "soon": soon, "lost": herd.gave_up}
    if herd.peak_attempts_per_s > 2000:
        return lacks("up to {peak:,.0f} attempts per second, more than twice the 1,000 admitted; spread them", **told)
    if herd.gave_up > 10_000:
        return lacks("gentle, but {lost:,} of 100,000 clients gave up; let the policy go on", **told)
    if soon < 90_000:
        return lacks("gentle, but only {soon:,} of 100,000 clients were back within two minutes; wait less", **told)
    return passes("at most {peak:,.0f} attempts per second, and {soon:,} clients back in two minutes", **told)


@of_lesson("07")
def check_rule(rule: Any) -> Checked:
    """Lesson 07: under `rule` a poison message is sent once, and a client comes back after a restart and a crash."""
    for code in (1009, 1012, 1001, 1006):
        try:
            answer = rule(code)
        except Exception as error:  # a learner's rule may raise anything
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
