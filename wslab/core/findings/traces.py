"""Rules about what a capture shows of messages: cut in the middle, or against the protocol. Traces, for other rules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from wslab.core.codes.sources import LESSON_03, RFC_CODE_SEEN, RFC_FRAME
from wslab.core.findings.finding import Alternative, Finding, Whose, counted, quoted
from wslab.core.findings.observed import EndedConnection, Observed
from wslab.core.records import Trace

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


def traced(observed: Observed) -> list[Traced]:
    """Return every trace, joined to its connection."""
    seen_of = {seen.closure.connection_id: seen for seen in observed.connections}
    return [Traced(number, trace, seen_of.get(trace.connection_id)) for number, trace in observed.of(Trace)]


def _server_sent_close(one: Traced) -> bool:
    return one.seen is not None and one.seen.closure.received is not None


def how(trace: Trace) -> str:
    """Say how TCP was ended."""
    return {"fin": "FIN", "reset": "RST"}.get(trace.end or "", "no end")
