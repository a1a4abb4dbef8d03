"""Rules about messages that were refused: for their size, by either side, and what the client was told of it."""

from __future__ import annotations

import bisect
from collections.abc import Iterator
from typing import NamedTuple

from wslab.core.codes.registry import lookup
from wslab.core.codes.sources import LESSON_01, LESSON_03, LESSON_07, RFC_CODES, RFC_LIMITS
from wslab.core.findings.finding import Alternative, Finding, Sure, counted, quoted
from wslab.core.findings.observed import EndedConnection, Observed
from wslab.core.records import Restart, Send, Sighting

TOO_BIG = 1009

_COUNT_OR_CLOCK = Alternative(
    "the number of messages, their rate or the age of the connection, rather than the size",
    "send a small message as late and as often, and see it pass; `wslab probe URL` does",
)


class _Refused(NamedTuple):
    id: int
    send: Send
    seen: EndedConnection


def size_refused(observed: Observed) -> Iterator[Finding]:
    """The server closed on a message for its size; told for messages in one frame and in several, and for each
    configuration that the server had.

    Shown where every larger message was refused, every smaller one passed, and one that passed was sent as late on
    its connection and as often (the control). Likely where the server says 1009 and there is no such control.
    Silent: where the client closed; where a message at least as large passed, so that size cannot be it; where
    neither 1009 nor a control speaks for the size.
    """
    restarts_s = sorted(restart.requested_at_s for _, restart in observed.of(Restart))
    alike: dict[tuple[int, bool], list[tuple[int, Send]]] = {}
    for number, send in observed.of(Send):
        epoch = bisect.bisect(restarts_s, send.started_at_s)
        alike.setdefault((epoch, send.fragment_count > 1), []).append((number, send))
    for sends in alike.values():
        yield from _size_refused(observed, sends)


def _size_refused(observed: Observed, sends: list[tuple[int, Send]]) -> Iterator[Finding]:
    refused = list(_refused(observed, sends))
    passed = [(number, send) for number, send in sends if send.outcome == "accepted"]
    largest = max(passed, key=lambda entry: entry[1].payload_bytes, default=None)
    above = [one for one in refused if largest is None or one.send.payload_bytes > largest[1].payload_bytes]
    if not above:
        return
    control = _control(observed, passed, above)
    says_so = any(_told(one.seen) == TOO_BIG for one in above)
    if not says_so and (control is None or len(refused) > len(above)):
        return
    if control is None:  # then nothing but its own words tells a refusal for size from another closure
        above = [one for one in above if _told(one.seen) == TOO_BIG]
    sure: Sure = "shown" if control is not None and len(refused) == len(above) else "likely"
    yield _size_finding(above, largest, control, sure)


def _size_finding(above: list[_Refused], largest: tuple[int, Send] | None, control: int | None, sure: Sure) -> Finding:
    smallest = min(above, key=lambda one: one.send.payload_bytes)
    refused_bytes, passed_bytes = smallest.send.payload_bytes, largest[1].payload_bytes if largest else None
    passes = "" if passed_bytes is None else f", while one of {counted(passed_bytes, 'byte')} passes"
    ids = [one.id for one in above] + [one.seen.id for one in above]
    ids += [largest[0]] if largest else []
    ids += [] if control is None else [control]
    return Finding(
        rule="size_refused",
        what=f"The server refuses a message of {counted(refused_bytes, 'byte')} with {_with(smallest.seen)}{passes}.",
        whose="server or proxy",
        sure=sure,
        evidence=tuple(dict.fromkeys(ids)),
        why="The server says 1009, whose definition this is; no smaller message was sent as late and as often."
        if control is None
        else "A smaller message that was sent as late on its connection, and as often, passed.",
        instead=() if sure == "shown" else (_COUNT_OR_CLOCK,),
        advice="Send less at a time, in several messages, or raise the limit. Do not resend the message as it is.",
        sources=(RFC_CODES, LESSON_01, LESSON_07),
        facts={"accepted_bytes": passed_bytes, "refused_bytes": refused_bytes},
    )


def own_limit(observed: Observed) -> Iterator[Finding]:
    """The client itself closed with 1009: what came was over its own limit.

    Silent: where the server sent 1009 first; where the client closed with another code.
    """
    ended = [
        seen
        for seen in observed.connections
        if seen.closure.closed_by == "client" and seen.closure.sent is not None and seen.closure.sent.code == TOO_BIG
    ]
    if ended:
        yield Finding(
            rule="own_limit",
            what="The client closed with 1009: a message from the server was over the client's own limit.",
            whose="client",
            sure="shown",
            evidence=tuple(seen.id for seen in ended),
            why="The first close frame is the client's.",
            advice="Raise the client's limit (`max_message_bytes`, `max_size`, `maxPayload`), or have less sent.",
            sources=(RFC_LIMITS, LESSON_01),
        )


def close_frame_lost(observed: Observed) -> Iterator[Finding]:
    """The server sent a close frame, and the client, or one that stops at a failed send, reports 1006.

    Shown by the server's own account, or by reading on after the failed send. Silent: where the frame arrived and
    was read in time; where nobody knows what the server sent.
    """
    lost: dict[int, list[int]] = {}
    for seen in observed.connections:
        sent = seen.account[1].sent if seen.account else None
        if seen.closure.recovered and seen.closure.received is not None:
            lost.setdefault(seen.closure.received.code, []).append(seen.id)
        elif seen.is_abrupt and seen.account and sent and seen.account[1].closed_by == "server":
            lost.setdefault(sent.code, []).extend((seen.id, seen.account[0]))
    for number, sighting in observed.of(Sighting):
        joined = observed.account_of(sighting.connection_id)
        if joined and joined[1].sent and sighting.close_code in (None, 1006):
            lost.setdefault(joined[1].sent.code, []).extend((number, joined[0]))
    for code, ids in lost.items():
        yield Finding(
            rule="close_frame_lost",
            what=f"The server sent {lookup(code).label}, but a client that stops at the failed send sees 1006.",
            whose="server or proxy",
            sure="shown",
            evidence=tuple(ids),
            why="TCP was reset while the client was still sending, and most clients throw the frame away with it.",
            advice="Have the server read on for a while after its close frame (drain), or read on after a failed send.",
            sources=(LESSON_03,),
            facts={"close_code": code},
        )


def _refused(observed: Observed, sends: list[tuple[int, Send]]) -> Iterator[_Refused]:
    for number, send in sends:
        seen = observed.on.get(number)
        if send.outcome == "closed" and seen is not None and seen.closure.closed_by != "client":
            yield _Refused(number, send, seen)


def _told(seen: EndedConnection) -> int:
    """Return the code that the server sent, as the client or the server's account knows it; 1006 where none."""
    sent = seen.account[1].sent if seen.account else None
    frame = seen.closure.received or sent
    return frame.code if frame else 1006


def _control(observed: Observed, passed: list[tuple[int, Send]], above: list[_Refused]) -> int | None:
    """Return a smaller message that passed although it was as late and as often: then it was not clock or count."""
    latest_s = max(one.send.started_at_s - one.seen.closure.opened_at_s for one in above)
    most = max(_place(one.id, one.seen) for one in above)
    first_refused_at_s = min(one.send.started_at_s for one in above)
    for number, send in passed:
        seen = observed.on.get(number)
        if seen is None or send.started_at_s < first_refused_at_s:
            continue
        # Within a twentieth of a second two messages count as equally late: no clock of a server is as short.
        if send.started_at_s - seen.closure.opened_at_s + 0.05 >= latest_s and _place(number, seen) >= most:
            return number
    return None


def _place(number: int, seen: EndedConnection) -> int:
    return [place for place, _ in seen.sends].index(number)


def _with(seen: EndedConnection) -> str:
    frame = seen.closure.received
    if frame is None:
        return "no close frame (1006)"
    return f"{frame.code}" + (f" {quoted(frame.reason)}" if frame.reason else "")
