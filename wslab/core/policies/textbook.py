"""When to come back: the textbook's reconnect policies, and all policies by name.

A policy is a generator function of its knobs, a formula, a source and a rule about codes. It yields the seconds to
wait before each attempt of one outage. All randomness comes from the `rng` that is passed in, so a seed repeats it,
and one definition serves a real client and a simulated herd (see `Policy.broadcasts`).

A policy of your own needs no more than a generator function; pass it wherever a policy's name is taken:

>>> def impatient(rng):
...     yield 0.0
...     while True:
...         yield rng.uniform(0.5, 1.5)
>>> named(impatient)
Policy(name='impatient', ...)
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from random import Random
from typing import Any

from wslab.core.arguments import check_choice
from wslab.core.codes.sources import HYBI_RESTART, RFC_BACKOFF, Source
from wslab.core.errors import BadTypeError
from wslab.core.policies import libraries as clients
from wslab.core.policies.policy import (
    Delays,
    Policy,
    any_code,
    as_policy,
    at_most,
    checked,
    worth_retrying,
)

__all__ = [
    "POLICIES",
    "Policy",
    "checked",
    "constant",
    "decorrelated_jitter",
    "equal_jitter",
    "exponential",
    "full_jitter",
    "named",
    "none",
    "registry",
    "rfc6455",
    "seed_page",
]

AWS = Source(
    "AWS Architecture Blog, Exponential Backoff And Jitter",
    "https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/",
)


@as_policy(
    formula="0",
    source=Source("RFC 6455 §7.2.3 warns of it", "https://www.rfc-editor.org/rfc/rfc6455#section-7.2.3"),
    retries=any_code,
)
def none(rng: Random) -> Iterator[float]:
    """Come back at once, always, whatever the code: the naive loop."""
    while True:
        yield 0.0


@as_policy(formula="delay_s", source=Source("folklore", "https://en.wikipedia.org/wiki/Thundering_herd_problem"))
def constant(rng: Random, *, delay_s: float = 1.0) -> Iterator[float]:
    """Wait the same time before every attempt: a herd never falls out of step."""
    while True:
        yield delay_s


@as_policy(formula="min(max_delay_s, initial_delay_s × factorⁿ)", source=AWS, honours_retry_after=True)
def exponential(
    rng: Random, *, initial_delay_s: float = 1.0, factor: float = 2.0, max_delay_s: float = 30.0
) -> Iterator[float]:
    """Wait `factor` times longer each time: fewer attempts, and still all at the same instants."""
    yield from _growing(initial_delay_s, factor, max_delay_s)


@as_policy(formula="U(0, min(max_delay_s, initial_delay_s × factorⁿ))", source=AWS, honours_retry_after=True)
def full_jitter(
    rng: Random, *, initial_delay_s: float = 1.0, factor: float = 2.0, max_delay_s: float = 30.0
) -> Iterator[float]:
    """Wait anything up to the exponential delay."""
    for ceiling_s in _growing(initial_delay_s, factor, max_delay_s):
        yield rng.uniform(0, ceiling_s)


@as_policy(
    formula="v/2 + U(0, v/2), v = min(max_delay_s, initial_delay_s × factorⁿ)", source=AWS, honours_retry_after=True
)
def equal_jitter(
    rng: Random, *, initial_delay_s: float = 1.0, factor: float = 2.0, max_delay_s: float = 30.0
) -> Iterator[float]:
    """Wait half of the exponential delay, and anything up to the other half."""
    for ceiling_s in _growing(initial_delay_s, factor, max_delay_s):
        yield rng.uniform(ceiling_s / 2, ceiling_s)


@as_policy(
    formula="min(max_delay_s, U(initial_delay_s, 3 × previous)), previous = initial_delay_s at first",
    source=AWS,
    honours_retry_after=True,
)
def decorrelated_jitter(rng: Random, *, initial_delay_s: float = 1.0, max_delay_s: float = 30.0) -> Iterator[float]:
    """Wait up to three times as long as last time, which was itself drawn."""
    delay_s = initial_delay_s
    while True:
        delay_s = at_most(rng.uniform(initial_delay_s, 3 * delay_s), max_delay_s)
        yield delay_s


@as_policy(
    formula="U(0, min(max_delay_s, initial_delay_s × 2ⁿ))",
    source=RFC_BACKOFF,
)
def rfc6455(rng: Random, *, initial_delay_s: float = 5.0, max_delay_s: float = 60.0) -> Iterator[float]:
    """Wait 0–5 s at random, then a truncated binary exponential backoff.

    The RFC suggests both and leaves open where to truncate: `max_delay_s` is ours.
    """
    for ceiling_s in _growing(initial_delay_s, 2.0, max_delay_s):
        yield rng.uniform(0, ceiling_s)


def _restarts_only(close_code: int) -> bool:
    # 1013 asks for another address, or for a user who decides to come back.
    return close_code != 1013 and worth_retrying(close_code)


@as_policy(
    formula="U(min_delay_s, max_delay_s)",
    source=HYBI_RESTART,
    retries=_restarts_only,
    honours_retry_after=True,
)
def registry(rng: Random, *, min_delay_s: float = 5.0, max_delay_s: float = 30.0) -> Iterator[float]:
    """Wait 5–30 s at random, as the definition of 1012 asks."""
    while True:
        yield rng.uniform(min_delay_s, max_delay_s)


@as_policy(
    formula="U(min_delay_s, max_delay_s); without jitter the middle of it, always",
    source=Source("statuscodefyi.com, 1009 vs 1012", "https://statuscodefyi.com"),
)
def seed_page(
    rng: Random, *, min_delay_s: float = 1.0, max_delay_s: float = 5.0, jitter: bool = True
) -> Iterator[float]:
    """Wait a short delay of 1–5 s. The same mean with and without jitter, so that only the jitter differs."""
    while True:
        yield rng.uniform(min_delay_s, max_delay_s) if jitter else (min_delay_s + max_delay_s) / 2


def _growing(initial_delay_s: float, factor: float, max_delay_s: float) -> Iterator[float]:
    delay_s = initial_delay_s
    while True:
        yield delay_s
        delay_s = min(max_delay_s, delay_s * factor)  # capped step by step: initial × factorⁿ would overflow


TEXTBOOK = (
    none,
    constant,
    exponential,
    full_jitter,
    equal_jitter,
    decorrelated_jitter,
    rfc6455,
    registry,
    seed_page,
)

POLICIES: Mapping[str, Callable[..., Policy]] = {make.__name__: make for make in (*TEXTBOOK, *clients.CLIENTS)}
"""Every policy by name: a factory that takes the policy's knobs."""


def named(policy: str | Policy | Delays, *, max_attempts: int | None = None, **knobs: Any) -> Policy:
    """Return the policy that `policy` names or is.

    Args:
        policy: a name in `POLICIES`, a policy, or a generator function that takes an rng (and perhaps knobs).
        max_attempts: the client gives up after so many attempts of an outage. None: when the policy says so.
        knobs: the policy's own, such as `initial_delay_s`; a finished policy takes none.

    Raises:
        TypeError: `policy` is none of these, or a knob is not one of its own.
        ValueError: no policy has this name, or a knob is out of its bounds.

    >>> named("ful_jitter")
    Traceback (most recent call last):
    ...
    wslab.core.errors.BadValueError: policy is 'ful_jitter'; did you mean 'full_jitter' or 'equal_jitter'? Known: \
'none', ...
    >>> named("full_jitter", max_delay_s=10).formula
    'U(0, min(max_delay_s, initial_delay_s × factorⁿ))'
    """
    if isinstance(policy, str):
        check_choice("policy", policy, POLICIES)
        make = POLICIES[policy]
        _check_knob_names(policy, knobs, inspect.signature(make).parameters)
        made = make(**knobs)
    elif isinstance(policy, Policy):
        _check_knob_names(policy.name, knobs, [])
        made = policy
    elif callable(policy):
        made = _homemade(policy, knobs)
        next(checked(made.delays(Random(0)), made.name), None)  # what fails at once is better said here
    else:
        raise BadTypeError(
            f"policy is {policy!r}, but must be a name, a Policy or a generator function that takes an rng"
        )
    return made if max_attempts is None else made.giving_up_after(max_attempts)


def _homemade(generate: Delays, knobs: dict[str, Any]) -> Policy:
    name = getattr(generate, "__name__", type(generate).__name__)
    try:
        inspect.signature(generate).bind(None, **knobs)
    except TypeError as error:
        raise BadTypeError(f"policy {name!r}: {error}; a policy takes an rng, and its knobs by keyword") from None
    summary = (inspect.getdoc(generate) or "").partition("\n")[0]
    return Policy(name, functools.partial(generate, **knobs), formula=summary, knobs=knobs)


def _check_knob_names(policy: str, given: Iterable[str], known: Iterable[str]) -> None:
    for knob in given:
        check_choice(f"knob of {policy!r}", knob, [*known, "max_attempts"])
