"""What a trial proves.

What "accepted" means is not on the wire, so it is inferred, by this table and by nothing else. The *baseline*
is what the server does with a message that is surely not too big.

| seen after the message                          | baseline                | reading              |
|-------------------------------------------------|-------------------------|----------------------|
| the connection ended with the baseline's code,  | ends after each message | `accepted`           |
| and was answered as the baseline was            |                         |                      |
| close frame with a code                         | any other               | `close_frame`        |
| close frame without one                         | any other               | `empty_close_frame`  |
| close frame that nobody may send                | any                     | `invalid_close_frame`|
| end of TCP without a close frame                | any other               | `no_close_frame`     |
| its echo, whole                                 | echoes                  | `accepted`           |
| an answer that says no, as none did before      | any                     | `other_answer`       |
| a message of the server's own                   | answers with its own    | `accepted`           |
| a pong, and no answer                           | never answers           | `accepted`           |
| a pong, and no answer                           | echoes or answers       | `silent_drop`        |
| neither, TCP open                               | answers or pongs        | `held_open`          |
| neither, TCP open                               | neither                 | `accepted`, see below|
| after a header alone: nothing                   | any                     | `accepted`, so far   |

A refusal is no evidence about size before its control (`wslab.core.limits.controls`). Silence is evidence only as far
as the wait was long enough: the search repeats it with more patience before it counts. A server that never answers
cannot be told from one that drops messages in silence, and one that does not pong either shows nothing but an open
connection; the verdict says so.
"""

from __future__ import annotations

from wslab.core.limits.likeness import says_no
from wslab.core.limits.trials import Baseline, Observation, Reading, Trial
from wslab.core.limits.verdicts import OverLimit, Refusal


def read(trial: Trial, observation: Observation) -> Reading:
    """Return what `observation` proves about `trial`, by the module's table.

    >>> trial = Trial(form="frame", payload_bytes=9, baseline=Baseline(replies="echo"))
    >>> read(trial, Observation(echoed_bytes=9)), read(trial, Observation(pong=True))
    ('accepted', 'silent_drop')
    """
    baseline = trial.baseline
    echoed = 0 < trial.echo_bytes <= observation.echoed_bytes
    answered = {"echo": echoed, "own": observation.own_messages > 0}.get(baseline.replies or "none", True)
    if observation.close_code is not None:
        as_ever = observation.close_code == baseline.ends and bool(observation.close_fault) is baseline.ends_invalidly
        return "accepted" if as_ever and answered and not trial.is_announcement else _how_it_ended(observation)
    if trial.is_announcement or (baseline.replies == "echo" and echoed):
        return "accepted"
    if refusing_reply(baseline, observation) is not None:
        return "other_answer"
    if baseline.replies == "own" and answered:
        return "accepted"
    return "held_open" if baseline.ends is not None else _read_silence(baseline, observation)


def refusing_reply(baseline: Baseline, observation: Observation) -> str | None:
    """Return the first reply that says no where the server's usual words do not."""
    if baseline.replies is None:
        return None
    return next((reply for reply in observation.replies if says_no(reply, unlike=baseline.usual)), None)


def refusal_of(trial: Trial, observation: Observation, over_limit: OverLimit | None = None) -> Refusal:
    """Return how a trial was refused; `over_limit` where no end of the connection says it."""
    over_limit = over_limit or _how_it_ended(observation)
    return Refusal(
        over_limit=over_limit,
        close_code=observation.close_code,
        close_reason=observation.close.reason if observation.close else None,
        close_frame_hex=observation.close_frame_hex,
        fault=observation.close_fault,
        answer=refusing_reply(trial.baseline, observation),
        took_s=observation.took_s,
    )


def _how_it_ended(observation: Observation) -> OverLimit:
    if observation.close is None:
        return "no_close_frame"
    if observation.close_fault:
        return "invalid_close_frame"
    return "empty_close_frame" if observation.close.code == 1005 else "close_frame"  # RFC 6455 §7.1.5


def _read_silence(baseline: Baseline, observation: Observation) -> Reading:
    never_answers = baseline.replies in (None, "none")
    if observation.pong or not baseline.pongs:
        return "accepted" if never_answers else "silent_drop"
    return "held_open"
