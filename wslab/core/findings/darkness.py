"""The rule about what a capture cannot show, so that nobody takes its silence for an answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from wslab.core.codes.sources import LESSON_00
from wslab.core.findings.finding import Alternative, Finding, counted, quoted
from wslab.core.findings.observed import Observed
from wslab.core.findings.traces import Traced, how, traced
from wslab.core.findings.wording import range_of
from wslab.core.records import Receipt, Send, Trace


def cannot_be_seen(observed: Observed) -> Iterator[Finding]:
    """What of this capture stays in the dark, so that nobody takes silence for an answer: one finding for each reason.

    Cannot tell, always. Silent: where all of it can be read from beginning to end.
    """
    for reason, what, advice, holds in _IN_THE_DARK:
        dark = [one for one in traced(observed) if holds(one.trace)]
        if dark:
            traces = [one.trace for one in dark]
            ends = _ends(traces) or _last_message(observed, dark)
            ends += _one_way(traces) if what == _ONE_WAY else ""
            verb = what.replace("lack ", "lacks ") if len(dark) == 1 else what
            yield Finding(
                rule="cannot_be_seen",
                what=f"{counted(len(dark), 'connection')} {verb}{ends}.",
                whose="unknown",
                sure="cannot tell",
                evidence=tuple(one.id for one in dark),
                why=reason,
                instead=(Alternative("any cause: a limit, a restart, a clock, the network", advice.rstrip(".")),),
                advice=advice,
                sources=(LESSON_00,),
                facts={"connections": len(dark)},
            )


_ONE_WAY = "were captured in one direction alone"
_Dark = tuple[str, str, str, Callable[[Trace], bool]]
_IN_THE_DARK: tuple[_Dark, ...] = (
    (
        "Inside TLS nobody sees frames; times, sizes and TCP's end are outside of it.",
        "cannot be looked into: TLS",
        "Give its key log (`--keys FILE`), which SSLKEYLOGFILE has clients write. Or capture behind what ends TLS.",
        lambda trace: trace.protocol == "tls",
    ),
    (
        "WebSocket over HTTP/2 (RFC 8441) shares its connection with other streams, and is not read here.",
        "cannot be looked into: HTTP/2",
        "Have the client use HTTP/1.1 while you capture (Chromium: --disable-http2), or use its HAR.",
        lambda trace: trace.protocol == "http2",
    ),
    (
        "The format holds messages alone. A close frame may have come or not, from either side.",
        "cannot be followed to the end: a HAR does not say how it closed",
        "Look at the page's `close` event (code, reason, wasClean), or capture packets.",
        lambda trace: trace.protocol == "websocket" and trace.client_address is None and not trace.ending_seen,
    ),
    (
        "Which side sent its close frame first is not in it: the one that is may be an answer.",
        _ONE_WAY,
        "Capture where both directions pass: on the client, on the server, or on the last router before one of them.",
        lambda trace: trace.protocol == "websocket" and 0 in (trace.client_bytes, trace.server_bytes),
    ),
    (
        "What was said before, and whether compression was agreed on, is not in it.",
        "had begun before the capture did",
        "Begin the capture before the client connects.",
        lambda trace: trace.client_address is not None and trace.protocol == "websocket" and not trace.opening_seen,
    ),
    (
        "What came after the last packet is not in it.",
        "had not ended when the capture did",
        "Let the capture run until the client has noticed.",
        lambda trace: trace.client_address is not None and trace.protocol == "websocket" and not trace.ending_seen,
    ),
    (
        "A snap length cut packets, or the capturing machine lost some.",
        "lack bytes in the capture",
        "Capture whole packets (`-s 0`) and only what matters (`-f 'tcp port 443'`).",
        lambda trace: bool(trace.client_missing_bytes or trace.server_missing_bytes),
    ),
)


def _last_message(observed: Observed, dark: list[Traced]) -> str:
    """Say what the last message of a HAR's only connection was: the nearest to its end that there is."""
    if len(dark) > 1 or dark[0].trace.client_address is not None:
        return ""
    if dark[0].trace.omitted:
        return "; not all of its messages can be read"
    own = dark[0].trace.connection_id
    messages: list[Send | Receipt] = [each for _, each in observed.of(Send)]
    messages += [each for _, each in observed.of(Receipt)]
    of_it = (each for each in messages if each.connection_id == own)
    last = max(of_it, key=lambda each: each.started_at_s, default=None)
    if last is None:
        return "; it holds no message"
    whose, size = ("client" if isinstance(last, Send) else "server"), last.payload_bytes or 0
    return f"; the last message in it is the {whose}'s, of {counted(size, 'byte')}"


def _one_way(traces: list[Trace]) -> str:
    """Say what the close frames of a side said that alone was captured: they may be answers."""
    said = sorted({quoted(remark) for trace in traces for remark in trace.remarks if "close frame" in remark})
    return f"; {', '.join(said[:3])}" if said else ""


def _ends(traces: list[Trace]) -> str:
    """Say how these ended, as far as TCP shows it, and after which silence."""
    ended = [trace for trace in traces if trace.end is not None and trace.protocol != "websocket"]
    if not ended:
        return ""
    hows = " and ".join(sorted({f"{how(trace)} by the {trace.ended_by}" for trace in ended}))
    silences_s = [trace.silence_s for trace in ended if trace.silence_s is not None]
    return f"; ended by {hows}" + (f" after a silence of {range_of(silences_s)}" if silences_s else "")
