"""Rules about what a capture shows below and beside the close frames: TCP, broken rules, and what it cannot show."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from wslab.core.codes.sources import LESSON_00, LESSON_03, RFC_CODE_SEEN, RFC_FRAME
from wslab.core.findings.finding import Alternative, Finding, Whose, counted, quoted
from wslab.core.findings.observed import EndedConnection, Observed
from wslab.core.records import Trace

UNANSWERED_SEGMENTS = 2
"""Segments that were sent again and again before the end: one alone is everyday loss."""

_FROZEN = Alternative("the other machine stopped, or slept", "look at that machine's own log for the same second")
_SMALL_PATH = Alternative(
    "a path that drops large packets in silence (a PMTU black hole)",
    "send a message of 500 bytes on the same path: it passes, and one of 5,000 does not",
)
_LIMIT = Alternative(
    "a limit of the server's, or of a proxy, that closes without a close frame",
    "`wslab probe URL` finds the largest message that passes",
)
_CRASH = Alternative(
    "the server, or a proxy, ended for another reason in that moment", "`wslab watch URL` with small messages"
)


class Traced(NamedTuple):
    """A trace with its id, and the end of its connection where it is on record."""

    id: int
    trace: Trace
    seen: EndedConnection | None

    @property
    def ids(self) -> tuple[int, ...]:
        return (self.id,) if self.seen is None else (self.id, self.seen.id)


def line_went_silent(observed: Observed) -> Iterator[Finding]:
    """What one side sent was sent again and again and never confirmed, until the connection ended or the capture did.

    Likely the network, or the machine on the other side. Silent: where a close frame went before; where all that was
    sent was confirmed; where it was sent again once only, or never.
    """
    for side in ("client", "server"):
        unanswered = [one for one in traced(observed) if _is_unanswered(one, side)]
        if not unanswered:
            continue
        unconfirmed_bytes = sum(getattr(one.trace, f"{side}_unacknowledged_bytes") for one in unanswered)
        segments = sum(getattr(one.trace, f"{side}_retransmissions") for one in unanswered)
        yield Finding(
            rule="line_went_silent",
            what=f"On {counted(len(unanswered), 'connection')} the {_other(side)}'s side fell silent: "
            f"{counted(segments, 'segment')} of the {side}'s had to be sent again, and "
            f"{counted(unconfirmed_bytes, 'byte')} were never confirmed.",
            whose="network",
            sure="likely",
            evidence=_evidence(unanswered),
            why="TCP repeats what is not confirmed; a server that refuses, or a limit, confirms and then closes.",
            instead=(_FROZEN, _SMALL_PATH),
            advice="Look for what stands between: a firewall or NAT that forgot the connection, a tunnel, a cable. "
            "Pings notice it within their timeout.",
            sources=(LESSON_00,),
            facts={
                "connections": len(unanswered),
                "unacknowledged_bytes": unconfirmed_bytes,
                "retransmissions": segments,
            },
        )


def cut_in_a_message(observed: Observed) -> Iterator[Finding]:
    """TCP was ended from the server's side, without a close frame, while a message of the client's was under way.

    Possible that it was the message's size: a limit of this kind, a crash and a proxy look the same. Silent: where a
    close frame came; where the client ended it.
    """
    for one in traced(observed):
        trace = one.trace
        if trace.unfinished_bytes is None or trace.ended_by != "server" or _server_sent_close(one):
            continue
        yield Finding(
            rule="cut_in_a_message",
            what=f"The server's side ended TCP ({how(trace)}) in the middle of a message: "
            f"{trace.unfinished_bytes:,} of {counted(trace.announced_bytes or 0, 'byte')} had been sent.",
            whose="server or proxy",
            sure="possible",
            evidence=one.ids,
            why="No close frame came, and the message was not complete.",
            instead=(_LIMIT, _CRASH),
            advice="Find out whether small messages pass as late: `wslab probe URL` does.",
            sources=(RFC_CODE_SEEN, LESSON_03),
            facts={"unfinished_bytes": trace.unfinished_bytes, "announced_bytes": trace.announced_bytes},
        )


def client_hung_up(observed: Observed) -> Iterator[Finding]:
    """The client's side ended TCP first, and no close frame went either way.

    Shown that it came from the client's side, which may be a proxy of the client's. Silent: where a close frame went;
    where what the client had sent was not confirmed any more (`line_went_silent`).
    """
    left = [
        one
        for one in traced(observed)
        if one.seen is not None and one.seen.is_abrupt and one.trace.ended_by == "client" and not _fell_silent(one)
    ]
    if left:
        hows = " and ".join(sorted({how(one.trace) for one in left}))
        yield Finding(
            rule="client_hung_up",
            what=f"The client's side ended TCP of {counted(len(left), 'connection')} ({hows}) without a close frame.",
            whose="client",
            sure="shown",
            evidence=_evidence(left),
            why="The first FIN or RST is the client's, and neither side had sent a close frame.",
            advice="Look at the client: its process was killed, its page left, or it gave up without saying so. "
            "Where a proxy stands before it, look there.",
            sources=(RFC_CODE_SEEN, LESSON_00),
            facts={"connections": len(left)},
        )


def broke_the_protocol(observed: Observed) -> Iterator[Finding]:
    """Bytes of one side break a rule of RFC 6455, as the capture itself shows.

    Shown: they are there. Silent: where frames were read without a handshake.
    """
    for one in traced(observed):
        side, _, rule = (one.trace.violation or "").partition(": ")
        if rule and not one.trace.guessed:
            whose: Whose = "client" if side == "the client" else "server or proxy"
            yield Finding(
                rule="broke_the_protocol",
                what=f"{side.capitalize()} broke the protocol: {quoted(rule)}.",
                whose=whose,
                sure="shown",
                evidence=one.ids,
                why="The bytes are in the capture; the receiver must fail the connection.",
                advice="Mend the sender. Where a proxy stands between, capture on both its sides.",
                sources=(RFC_FRAME,),
            )


def takes_no_more(observed: Observed) -> Iterator[Finding]:
    """One side told TCP that it can take no more, and the connection ended so.

    Possible: it may have been busy for a moment. Silent: where it was told fewer than three times.
    """
    for side in ("client", "server"):
        stalled = [one for one in traced(observed) if getattr(one.trace, f"{side}_zero_windows") > 2 and one.seen]
        if stalled:
            yield Finding(
                rule="takes_no_more",
                what=f"The {side} of {counted(len(stalled), 'connection')} stopped reading: its TCP window was zero.",
                whose="client" if side == "client" else "server or proxy",
                sure="possible",
                evidence=_evidence(stalled),
                why="A window of zero means that received bytes lie unread in that machine.",
                instead=(_FROZEN,),
                advice=f"See why the {side} does not read: a blocked loop, or more messages than it can digest.",
                sources=(LESSON_03,),
            )


def traced(observed: Observed) -> list[Traced]:
    """Return every trace, joined to its connection."""
    seen_of = {seen.closure.connection_id: seen for seen in observed.connections}
    return [Traced(number, trace, seen_of.get(trace.connection_id)) for number, trace in observed.of(Trace)]


def _is_unanswered(one: Traced, side: str) -> bool:
    trace = one.trace
    repeated = getattr(trace, f"{side}_retransmissions") >= UNANSWERED_SEGMENTS
    return repeated and getattr(trace, f"{side}_unacknowledged_bytes") > 0 and (one.seen is None or one.seen.is_abrupt)


def _fell_silent(one: Traced) -> bool:
    return _is_unanswered(one, "client") or _is_unanswered(one, "server")


def _server_sent_close(one: Traced) -> bool:
    return one.seen is not None and one.seen.closure.received is not None


def how(trace: Trace) -> str:
    """Say how TCP was ended."""
    return {"fin": "FIN", "reset": "RST"}.get(trace.end or "", "no end")


def _other(side: str) -> str:
    return "server" if side == "client" else "client"


def _evidence(traced: list[Traced]) -> tuple[int, ...]:
    return tuple(number for one in traced for number in one.ids)
