"""Rules about TCP without a close frame: a line that fell silent, a side that forgot, hung up, or stopped reading."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from wslab.core.codes.sources import LESSON_00, LESSON_03, LESSON_09, RFC_CODE_SEEN
from wslab.core.findings.finding import Alternative, Finding, counted
from wslab.core.findings.lives import lives
from wslab.core.findings.observed import Observed
from wslab.core.findings.traces import Traced, how, traced
from wslab.core.findings.wording import seconds

UNANSWERED_SEGMENTS = 2
"""Segments that were sent again and again before the end: one alone is everyday loss."""

LONG_S = 10.0
"""No connection is forgotten sooner."""

_FROZEN = Alternative("the other machine stopped, or slept", "look at that machine's own log for the same second")
_SMALL_PATH = Alternative(
    "a path that drops large packets in silence (a PMTU black hole)",
    "send a message of 500 bytes on the same path: it passes, and one of 5,000 does not",
)
_ABORT = Alternative(
    "the message itself made the server abort", "send the same message soon after opening: then it passes"
)


def line_went_silent(observed: Observed) -> Iterator[Finding]:
    """What one side sent was never confirmed, however often it was repeated, until the connection or the capture ended.

    Likely the network, or the machine on the other side. Silent: where a close frame went before; where all that was
    sent was confirmed, and keepalive probes of TCP were answered; where it was sent again once only, or never.
    """
    for side in ("client", "server"):
        unanswered = [one for one in traced(observed) if _is_unanswered(one, side)]
        if not unanswered:
            continue
        amounts = {
            what: sum(getattr(one.trace, f"{side}_{what}") for one in unanswered)
            for what in ("unacknowledged_bytes", "retransmissions", "unanswered_probes")
        }
        yield Finding(
            rule="line_went_silent",
            what=f"On {counted(len(unanswered), 'connection')} the {_other(side)}'s side fell silent: "
            f"{_unconfirmed(side, **amounts)}.",
            whose="network",
            sure="likely",
            evidence=_evidence(unanswered),
            why="TCP repeats what is not confirmed; a server that refuses, or a limit, confirms and then closes.",
            instead=(_FROZEN, _SMALL_PATH),
            advice="Look for what stands between: a firewall or NAT that forgot the connection, a tunnel, a cable. "
            "Pings notice it within their timeout.",
            sources=(LESSON_00,),
            facts={"connections": len(unanswered), **amounts},
        )


def forgotten(observed: Observed) -> Iterator[Finding]:
    """The first that a client said after a long silence was answered with RST, and not confirmed.

    Likely: whoever still knows a connection confirms what comes on it. Silent: where a close frame went; where the
    connection was silent for less than `LONG_S`, or the message was confirmed.
    """
    silences_s = {life.id: life.silence_before_last_s() for life in lives(observed)}
    refused = [
        one
        for one in traced(observed)
        if one.seen is not None and one.seen.is_abrupt and (one.trace.ended_by, one.trace.end) == ("server", "reset")
    ]
    found = [one for one in refused if one.trace.client_unacknowledged_bytes and _silence_s(one, silences_s) >= LONG_S]
    if found:
        shortest_s = min(_silence_s(one, silences_s) for one in found)
        yield Finding(
            rule="forgotten",
            what=f"The server's side had forgotten {counted(len(found), 'connection')}: it answered the first message "
            f"after a silence of {seconds(shortest_s)} with RST.",
            whose="server or proxy",
            sure="likely",
            evidence=_evidence(found),
            why="None of that message was confirmed; whoever still knows a connection confirms what comes on it.",
            instead=(_ABORT,),
            advice="The server was restarted without a word, or a proxy, load balancer or NAT drops idle connections "
            f"in silence, after {seconds(shortest_s)} or less. Ping more often than that.",
            sources=(LESSON_09,),
            facts={"connections": len(found), "silence_s": shortest_s},
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


def _unconfirmed(side: str, unacknowledged_bytes: int, retransmissions: int, unanswered_probes: int) -> str:
    told = []
    if unacknowledged_bytes:
        sent_again = f"{counted(retransmissions, 'segment')} of the {side}'s had to be sent again"
        told.append(f"{sent_again}, and {counted(unacknowledged_bytes, 'byte')} were never confirmed")
    if unanswered_probes:
        told.append(f"{counted(unanswered_probes, 'keepalive probe')} of the {side}'s TCP met no answer")
    return "; ".join(told)


def _is_unanswered(one: Traced, side: str) -> bool:
    trace = one.trace
    repeated = getattr(trace, f"{side}_retransmissions") >= UNANSWERED_SEGMENTS
    unconfirmed = repeated and getattr(trace, f"{side}_unacknowledged_bytes") > 0
    probed = getattr(trace, f"{side}_unanswered_probes") >= UNANSWERED_SEGMENTS
    return (unconfirmed or probed) and (one.seen is None or one.seen.is_abrupt)


def _fell_silent(one: Traced) -> bool:
    return _is_unanswered(one, "client") or _is_unanswered(one, "server")


def _silence_s(one: Traced, silences_s: Mapping[int, float]) -> float:
    return 0.0 if one.seen is None else silences_s.get(one.seen.id, 0.0)


def _other(side: str) -> str:
    return "server" if side == "client" else "client"


def _evidence(traced: list[Traced]) -> tuple[int, ...]:
    return tuple(number for one in traced for number in one.ids)
