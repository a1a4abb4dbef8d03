"""The way back to a server that opens no connection any more: from another address, or later.

A server that was open and no longer is restarts, was felled by a message, or has had enough: of connections in this
time, or of this client. Trials that differ in one thing tell which: the same moment from another address, the same
address later, the same message once more.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NoReturn

from msgspec.structs import replace

from wslab.core.limits.inquiry import PATIENT, Inquiry, Reconsidered, Steps, Stopped
from wslab.core.limits.trials import Observation, Trial
from wslab.core.limits.verdicts import Cause, Failure

WAITS_S = (0.25, 0.5, 1.0, 2.0, 4.0)
"""How long to leave a server alone before it is asked again."""

_BUSY = (429, 503)
_MOST_KNOCKS = 24


def attended(inquiry: Inquiry, steps: Steps[None]) -> Steps[None]:
    """Run `steps`, and find a way back wherever a trial of theirs could not be made."""
    trial, suspect = next(steps, None), None
    while trial is not None:
        observation = yield trial
        inquiry.at_s = max(inquiry.at_s, observation.at_s)
        try:
            try:
                if observation.failure is not None:
                    yield from _regain(inquiry, trial, observation, suspect)
            except (Stopped, Reconsidered) as why:
                trial = steps.throw(why)
            else:
                suspect = _suspect(inquiry, trial, observation)
                trial = steps.send(observation)
        except StopIteration:
            return


def _suspect(inquiry: Inquiry, trial: Trial, observation: Observation) -> int | None:
    """Return the size of a message behind which TCP ended without a close frame: it may have felled the server."""
    felled = observation.tcp_ended and observation.close is None and trial.payload_bytes > inquiry.small_bytes
    return trial.payload_bytes if felled else None


def _regain(inquiry: Inquiry, trial: Trial, observation: Observation, suspect: int | None) -> Steps[NoReturn]:
    """Wait until the server opens again, and find out why it did not.

    Raises:
        Stopped: it does not, or nothing can be regained. Reconsidered: it does, in another manner.
    """
    failure = observation.failure
    assert failure is not None
    is_busy = failure.http_status in _BUSY
    if not inquiry.evidence.accepted_bytes or not (is_busy or failure.status == "went_away"):
        raise Stopped(failure)
    if (yield from _opens_from_elsewhere(inquiry, trial)):
        _from_anywhere(inquiry, failure, observation.connections)
    waited_s = 0.0
    for wait_s in _waits(inquiry, failure):
        waited_s += wait_s
        notice = f"The server opens no connection; waiting {wait_s:g} s for it."
        again = yield _knock(trial, pause_s=wait_s, notice=notice)
        if again.failure is None:
            if is_busy:
                _too_busy(inquiry, failure, observation, waited_s)
            if suspect is not None:
                yield from _falls_again(inquiry, suspect, waited_s)
            yield from _runs_out_again(inquiry, trial, failure, waited_s)
            _was_away(inquiry, failure, waited_s)
    raise Stopped(failure if suspect is None else _suspected(failure, suspect))


def _runs_out_again(inquiry: Inquiry, trial: Trial, failure: Failure, waited_s: float) -> Steps[None]:
    """Tell a limit on connections per time from a restart: it opens no more again, after as many as it likes.

    Raises:
        Reconsidered: it does, 2 of 2 times.
    """
    if not inquiry.terms.is_local:
        return
    opened: list[int] = []
    for _ in range(2):
        yield _knock(trial, pause_s=4 * waited_s)
        count, is_open = 0, True
        while is_open and count < _MOST_KNOCKS:
            count += 1
            seen = yield _knock(trial)
            is_open = seen.failure is None
        if is_open:
            return
        opened.append(count)
    said = f"It opens {min(opened)} connections in a row and then none for a while, 2 of 2 times"
    _slower(inquiry, failure, f"{said}: it limits connections by time.", 1.5 * waited_s / min(opened))


def _falls_again(inquiry: Inquiry, payload_bytes: int, waited_s: float) -> Steps[None]:
    """Find out whether the same message takes the server away again, right after it came back and took a small one.

    Raises:
        Stopped: it does. No larger message is tried, as each costs all clients of the server their connections.
    """
    _, reading = yield from inquiry.ask("frame", inquiry.small_bytes, fresh=True, purpose="control")
    if reading != "accepted":
        return
    again, _ = yield from inquiry.ask("frame", payload_bytes, fresh=True, purpose="control", patience=PATIENT)
    if again.close is not None or not again.tcp_ended:
        return
    after, _ = yield from inquiry.ask("opening", fresh=True, purpose="control")
    if after.failure is None:
        return
    said = (
        f"A message of {payload_bytes:,} bytes takes the server down, 2 of 2 times: it ended TCP without a close "
        f"frame, then opened no connection for about {waited_s:g} s; the second time a small message had just passed. "
        f"Messages up to {inquiry.passed_bytes:,} bytes did no harm. Look in its log for a crash or exhausted memory. "
        "The probe stops here, since each such message costs all its clients their connections."
    )
    raise Stopped(Failure(status="went_away", explanation=said))


def _suspected(failure: Failure, payload_bytes: int) -> Failure:
    said = (
        f"Just before, a message of {payload_bytes:,} bytes had ended TCP without a close frame: it may have taken the "
        "server down."
    )
    return replace(failure, explanation=f"{failure.explanation} {said}")


def _opens_from_elsewhere(inquiry: Inquiry, trial: Trial) -> Steps[bool]:
    """Whether another address is let in while this one is not; not by turns, as servers behind one address may come."""
    if not inquiry.terms.other_sources or inquiry.manner.from_anywhere:
        return False
    for source in (1, 0, 0, 1):
        seen = yield _knock(trial, source=source)
        if (seen.failure is None) is not bool(source):
            return False
    return True


def _knock(trial: Trial, **how: Any) -> Trial:
    """Return a trial that opens a connection and says nothing: what the failed one said may be what is punished."""
    return Trial(form="opening", baseline=trial.baseline, content=trial.content, fresh=True, **how)


def _waits(inquiry: Inquiry, failure: Failure) -> Iterator[float]:
    """Yield how long to wait, once where the server says so, and never longer than the budget allows."""
    asked_for = failure.retry_after_s
    if asked_for is None and not inquiry.terms.is_local:
        return
    for wait_s in WAITS_S if asked_for is None else (max(0.1, asked_for), *WAITS_S[:2]):
        if wait_s > inquiry.left_s / 2:
            return
        yield wait_s


def _from_anywhere(inquiry: Inquiry, failure: Failure, connections: int) -> NoReturn:
    inquiry.found(
        Cause(
            kind="count",
            unit="connections",
            number=connections,
            explanation=(
                f"After {connections} connections it opens no more to this address, but to another at once: it limits "
                f"the connections of each client, or bans an address. {failure.explanation}"
            ),
        )
    )
    inquiry.adopt(from_anywhere=True)


def _slower(inquiry: Inquiry, failure: Failure, said: str, pause_s: float) -> NoReturn:
    pause_s = max(2 * inquiry.manner.pause_s, pause_s)
    inquiry.found(Cause(kind="rate", unit="connections_per_s", explanation=f"{said} {failure.explanation}"))
    inquiry.adopt(_slow_notice(inquiry, pause_s), pause_s=pause_s)


def _too_busy(inquiry: Inquiry, failure: Failure, observation: Observation, waited_s: float) -> NoReturn:
    count = max(1, observation.connections)
    said = (
        f"After {count} connections in {observation.at_s:.1f} s it opens no more, and {waited_s:g} s later it does: it "
        "limits connections by time."
    )
    _slower(inquiry, failure, said, 1.1 * waited_s / min(count, 10))


def _slow_notice(inquiry: Inquiry, pause_s: float) -> str:
    longest_s = min(inquiry.left_s, 80 * pause_s)
    return f"Slower from here on, a pause of {pause_s:.2g} s before each trial: up to {longest_s:.0f} s more."


def _was_away(inquiry: Inquiry, failure: Failure, waited_s: float) -> NoReturn:
    """What it refused as it went down was no refusal of a size."""
    inquiry.found(
        Cause(
            kind="time",
            unit="away_s",
            number=waited_s,
            explanation=_away(failure, waited_s),
        )
    )
    inquiry.adopt("It is back; the search starts over with what has passed.")


def _away(failure: Failure, waited_s: float) -> str:
    if failure.http_status is not None:
        return f"It opened no connection for about {waited_s:g} s. {failure.explanation}"
    return f"During the search it was away for about {waited_s:g} s and came back, as in a restart."
