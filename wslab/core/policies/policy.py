"""What a reconnect policy is: a generator of delays with some settings, and checks on what it yields.

A policy is pure: no clock, no socket, and no randomness but the generator that it is given. It decides how long to wait
before each attempt of an outage, and after which close codes to try at all. The policies themselves are in
`wslab.core.policies.textbook` and `wslab.core.policies.libraries`.
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import count, islice
from random import Random
from typing import Any, Concatenate, ParamSpec

from wslab.core.arguments import check_number, check_whole
from wslab.core.codes.registry import lookup
from wslab.core.codes.sources import Source
from wslab.core.errors import BadTypeError, BadValueError, PolicyError, in_words

Delays = Callable[[Random], Iterator[float]]
"""One client's delays in seconds; the first comes before the first attempt of an outage."""

P = ParamSpec("P")

LONGEST_DELAY_S = 86_400.0


def any_code(close_code: int) -> bool:
    """Retry after any code, like a client that does not look at it."""
    return True


def worth_retrying(close_code: int) -> bool:
    """Retry unless the same connection would end the same way again, see `CloseCode.is_retryable`.

    >>> worth_retrying(1012), worth_retrying(1009)
    (True, False)
    """
    return lookup(close_code).is_retryable is not False


@dataclass(frozen=True)
class Policy:
    """When to come back, and after which codes.

    Args:
        name: what tables and figures call it.
        delays: called with a random generator once per outage; returns an iterator of seconds. When the iterator
            ends, the client gives up.
        retries: whether to try at all in an outage that began with this close code.
        honours_retry_after: whether to wait for a server's Retry-After (RFC 9110 §10.2.3), see `wait_s`.
        min_uptime_s: how long a connection must last before the delays start over. After a shorter one they continue,
            so that a server that accepts and closes is left alone longer and longer.
        formula: the delays in one line, with n counting from 0.
        source: where the formula comes from.
        knobs: the settings it was made with.
        broadcasts: whether `delays` draws only with `rng.random()` and `rng.uniform()` and processes draws only with
            arithmetic and `at_most`, so that a generator that draws arrays makes it yield arrays: the delays of a
            whole herd at once.
    """

    name: str
    delays: Delays
    retries: Callable[[int], bool] = worth_retrying
    honours_retry_after: bool = False
    min_uptime_s: float = 0.0
    formula: str = ""
    source: Source | None = None
    knobs: Mapping[str, Any] = field(default_factory=dict)
    broadcasts: bool = False

    def giving_up_after(self, max_attempts: int) -> Policy:
        """Return the same policy, which gives up after `max_attempts` attempts of an outage."""
        check_whole("max_attempts", max_attempts, low=1, unit="attempts", hint="None means no end")
        return replace(
            self,
            delays=functools.partial(_first, max_attempts, self.delays),
            knobs={**self.knobs, "max_attempts": max_attempts},
        )

    def starting_anew_after(self, min_uptime_s: float) -> Policy:
        """Return the same policy with another minimal uptime, 0 to 86,400 seconds."""
        check_number("min_uptime_s", min_uptime_s, low=0, high=LONGEST_DELAY_S, unit="seconds")
        return replace(self, min_uptime_s=min_uptime_s, knobs={**self.knobs, "min_uptime_s": min_uptime_s})

    def wait_s(self, delay_s: float, retry_after_s: float | None) -> float:
        """Return the seconds to wait after an attempt that was answered with this Retry-After, or None.

        The policy's own delay is added: taking the longer of the two would bring all clients back at the same time.
        """
        return delay_s + retry_after_s if self.honours_retry_after and retry_after_s is not None else delay_s


def as_policy(
    *,
    formula: str,
    source: Source,
    retries: Callable[[int], bool] = worth_retrying,
    honours_retry_after: bool = False,
    min_uptime_s: float = 0.0,
) -> Callable[[Callable[Concatenate[Random, P], Iterator[float]]], Callable[P, Policy]]:
    """Turn a generator function `(rng, *, knobs…)` into a factory of policies that takes only the knobs.

    The generator function must broadcast (see `Policy`). The factory checks the knobs: those ending in `_s` are
    seconds, a `factor` is at least 1, a `share` at most 1, and no delay exceeds `max_delay_s`.
    """

    def decorate(generate: Callable[Concatenate[Random, P], Iterator[float]]) -> Callable[P, Policy]:
        name = generate.__name__
        signature = inspect.signature(generate)
        signature = signature.replace(parameters=list(signature.parameters.values())[1:])

        @functools.wraps(generate)
        def factory(*args: P.args, **knobs: P.kwargs) -> Policy:
            bound = signature.bind(*args, **knobs)
            bound.apply_defaults()
            _check_knobs(bound.arguments)
            return Policy(
                name=name,
                delays=functools.partial(_generate, factory, bound.arguments),
                retries=retries,
                honours_retry_after=honours_retry_after,
                min_uptime_s=min_uptime_s,
                formula=formula,
                source=source,
                knobs=bound.arguments,
                broadcasts=True,
            )

        factory.__signature__ = signature  # type: ignore[attr-defined]  # so that help() and panels show only the knobs
        return factory

    return decorate


class Backoff:
    """One client's delays from outage to outage; it remembers them as `Policy.min_uptime_s` requires.

    >>> backoff = Backoff(Policy("mine", lambda rng: iter([1, 2, 4]), min_uptime_s=5), Random())
    >>> [next(backoff.after(uptime_s)) for uptime_s in (0.1, 0.1, 60)]
    [1.0, 2.0, 1.0]
    """

    def __init__(self, policy: Policy, rng: Random) -> None:
        self.policy = policy
        self._rng = rng
        self._delays: Iterator[float] | None = None

    def after(self, uptime_s: float) -> Iterator[float]:
        """Return the delays of the outage after a connection of this uptime."""
        if self._delays is None or uptime_s >= self.policy.min_uptime_s:
            self._delays = checked(self.policy.delays(self._rng), self.policy.name)
        return self._delays


def checked(delays: Iterator[float], policy: str) -> Iterator[float]:
    """Yield from `delays` as floats.

    Raises:
        PolicyError: `delays` is no iterator, fails, or yields something negative, infinite, NaN or not a number.

    >>> list(checked(iter([1, -2]), "mine"))
    Traceback (most recent call last):
    ...
    wslab.core.errors.PolicyError: policy 'mine' yielded -2 before attempt 2, but a delay is a finite number \
of seconds, at least 0; to give up, let the generator end
    """
    for number in count(1):
        try:
            delay_s = next(delays)
        except StopIteration:
            return
        except Exception as error:  # a policy is user code: blame whatever it raises on the policy
            raise PolicyError(f"policy {policy!r} failed before attempt {number}: {in_words(error)}") from error
        yield checked_delay(delay_s, policy, number)


def checked_delay(delay_s: float, policy: str, number: int) -> float:
    """Return the delay before attempt `number` as a float, or raise as `checked` does."""
    if isinstance(delay_s, bool) or not isinstance(delay_s, (int, float)) or not 0 <= delay_s < math.inf:
        raise PolicyError(
            f"policy {policy!r} yielded {delay_s!r} before attempt {number}, but a delay is a finite number of "
            "seconds, at least 0; to give up, let the generator end"
        )
    return float(delay_s)


def at_most(delay_s: float, max_delay_s: float) -> float:
    """Return the smaller, like `min`, for one delay or an array of them, so that policies can broadcast."""
    return min(delay_s, max_delay_s) if isinstance(delay_s, (int, float)) else delay_s.clip(max=max_delay_s)


def _generate(factory: Callable[..., Policy], knobs: Mapping[str, Any], rng: Random) -> Iterator[float]:
    # Through the factory: worker processes can unpickle it because a module holds it by name.
    delays: Iterator[float] = inspect.unwrap(factory)(rng, **knobs)
    return delays


def _first(count: int, delays: Delays, rng: Random) -> Iterator[float]:
    return islice(delays(rng), count)


def _check_knobs(knobs: Mapping[str, Any]) -> None:
    for name, value in knobs.items():
        if name.endswith("_s"):
            check_number(name, value, low=0, high=LONGEST_DELAY_S, unit="seconds")
        elif name == "factor":
            check_number(name, value, low=1, high=100, unit="(a ratio)", hint="below 1 the delays would shrink")
        elif name == "share":
            check_number(name, value, low=0, high=1, unit="(a share of the delay)")
        elif not isinstance(value, bool):
            raise BadTypeError(f"{name} is {value!r}, but must be True or False")
    for name in ("initial_delay_s", "min_delay_s"):
        longest = knobs.get("max_delay_s", math.inf)
        if knobs.get(name, 0) > longest:
            raise BadValueError(
                f"{name} is {knobs[name]:,}, but must be at most max_delay_s, which is {longest:,} seconds"
            )
