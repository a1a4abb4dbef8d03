"""Rules about answers: messages that got none, and connections that the server closed right behind one."""

from __future__ import annotations

from collections.abc import Iterator

from wslab.core.codes.registry import lookup
from wslab.core.codes.sources import LESSON_01, RFC_CODES
from wslab.core.findings.finding import Alternative, Finding, Sure, counted, quoted
from wslab.core.findings.observed import SAY_NOTHING, EndedConnection, Observed
from wslab.core.findings.wording import seconds
from wslab.core.limits.likeness import says_no
from wslab.core.records import Send

BEHIND_S = 0.5
"""A close frame that comes so soon after an answer belongs to it."""

_NEVER_ANSWERS = Alternative(
    "a server that answers no message, or waits for another one first",
    "send it with `--confirm ping`: a pong shows that the server has read the message",
)
_TAKES_LONGER = Alternative("a server that takes longer over larger messages", "wait longer: `--timeout`")
_CLOSES_ANYWAY = Alternative(
    "a clock or a restart that happened to end the connection at that moment",
    "send the same message again: only a server that closes after each answer does so every time",
)


def unanswered(observed: Observed) -> Iterator[Finding]:
    """The client waited for an answer in vain, and the connection stayed open.

    Where only messages above a size were ignored: shown if a smaller one was answered later, else likely. Cannot tell
    where none was answered, or where size makes no difference. Silent: where the connection ended first.
    """
    ignored = [(number, send) for number, send in observed.of(Send) if send.outcome == "timeout"]
    if not ignored:
        return
    answered = [(number, send) for number, send in observed.of(Send) if send.outcome == "accepted"]
    smallest = min(ignored, key=lambda entry: entry[1].payload_bytes)[1]
    largest = max((send.payload_bytes for _, send in answered), default=0)
    if answered and largest < smallest.payload_bytes:
        yield _ignored_for_size(ignored, answered)
        return
    sent = counted(len(ignored) + len(answered), "message")
    yield Finding(
        rule="unanswered",
        what=f"{len(ignored)} of {sent} got no answer{_within(observed, ignored)}, and the connection stayed open.",
        whose="unknown",
        sure="cannot tell",
        evidence=tuple(number for number, _ in ignored),
        why="Neither an answer nor a close frame came. Silence alone does not say whether the message was taken.",
        instead=(_NEVER_ANSWERS,),
        advice="Send what your own client sends (`--greeting`, `--template`), or wait for a pong (`--confirm ping`).",
        sources=(LESSON_01,),
        facts={"unanswered": len(ignored), "answered": len(answered)},
    )


def _ignored_for_size(ignored: list[tuple[int, Send]], answered: list[tuple[int, Send]]) -> Finding:
    smallest = min(send.payload_bytes for _, send in ignored)
    largest = max(send.payload_bytes for _, send in answered)
    first_s = min(send.started_at_s for _, send in ignored)
    control = [number for number, send in answered if send.started_at_s > first_s]
    evidence = tuple(number for number, _ in ignored) + tuple(control or [number for number, _ in answered[-1:]])
    return Finding(
        rule="unanswered",
        what=f"A message of {counted(smallest, 'byte')} is ignored, while one of {counted(largest, 'byte')} is "
        "answered; the connection stays open.",
        whose="server or proxy",
        sure="shown" if control else "likely",
        evidence=evidence,
        why="A smaller message that was sent afterwards was answered."
        if control
        else "All smaller messages were answered, and no close frame came.",
        instead=(_TAKES_LONGER,),
        advice="Check the size before sending: the sender of a message that is dropped in silence is never told.",
        sources=(LESSON_01,),
        facts={"accepted_bytes": largest, "refused_bytes": smallest},
    )


def _within(observed: Observed, ignored: list[tuple[int, Send]]) -> str:
    """Say how long the client waited, where what came next tells it."""
    if len(ignored) > 1 or ignored[0][0] not in observed.on:
        return ""
    number, send = ignored[0]
    return f" within {seconds(observed.on[number].closure.close_started_at_s - send.started_at_s)}"


def closed_behind_an_answer(observed: Observed) -> Iterator[Finding]:
    """The server answered, and closed right behind it with a code that says nothing: 1000, or none.

    Likely a refusal where the answer says no in words. Else possible, or likely by three connections: it closes after
    each answer. Silent: at every other code; where the reason says why; where the server had not just answered.
    """
    ended = [seen for seen in observed.connections if _closes_behind_answer(seen)]
    by_answer: dict[tuple[int, str | None], list[EndedConnection]] = {}
    for seen in ended:
        by_answer.setdefault((seen.closure.close_code, _no(seen)), []).append(seen)
    for (code, no), alike in by_answer.items():
        sure: Sure = "likely" if no is not None or len(alike) > 2 else "possible"
        yield Finding(
            rule="closed_behind_an_answer",
            what=f"The server answered {quoted(no) if no is not None else 'a message'}, then closed with "
            f"{lookup(code).label}" + (": it refused the message in words." if no is not None else "."),
            whose="server",
            sure=sure,
            evidence=tuple(number for seen in alike for number in (seen.sends[-1][0], seen.id)),
            why=f"The close frame came within {seconds(BEHIND_S)} of the answer, on "
            f"{counted(len(alike), 'connection')}; its code names no fault.",
            instead=() if sure == "likely" else (_CLOSES_ANYWAY,),
            advice="Read the answer and change the message: the code alone does not say that it was refused."
            if no is not None
            else "Open a new connection for the next message, or ask the documentation how to keep one open.",
            sources=(RFC_CODES,),
            facts={"close_code": code, "connections": len(alike)},
        )


def _closes_behind_answer(seen: EndedConnection) -> bool:
    closure = seen.closure
    if closure.closed_by != "server" or closure.close_code not in SAY_NOTHING or closure.close_reason or not seen.sends:
        return False
    last = seen.sends[-1][1]
    if last.round_trip_s is None or last.reply_bytes is None:
        return False
    return closure.close_started_at_s - (last.started_at_s + last.round_trip_s) <= BEHIND_S


def _no(seen: EndedConnection) -> str | None:
    """Return the last answer where it refuses in words that earlier answers on the connection do not hold."""
    *earlier, last = [send.reply or "" for _, send in seen.sends]
    return last if says_no(last, unlike=" ".join(earlier)) else None
