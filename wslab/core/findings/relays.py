"""The rule about what a relay did itself (see `wslab.core.findings.deeds`)."""

from __future__ import annotations

from collections.abc import Iterator

from wslab.core.codes.registry import lookup
from wslab.core.codes.sources import RFC_CODE_SEEN
from wslab.core.findings.deeds import Deed, RelayDeed
from wslab.core.findings.finding import Finding, Sure, counted, quoted
from wslab.core.findings.observed import Observed


def by_relay(observed: Observed) -> Iterator[Finding]:
    """The relay did it: its own record says which frame it put in, bent or cut, or which fault was on and due.

    Shown; likely where the fault befalls only a share of the connections. Silent: without a relay's records; where the
    fault that was on ends no connection, or not then.
    """
    groups: dict[tuple[Deed, str, int | None], list[int]] = {}
    for number, deed in observed.by_relay.items():
        groups.setdefault((deed.deed, deed.fault, deed.code), []).append(number)
    for numbers in groups.values():
        deeds = [observed.by_relay[number] for number in numbers]
        sure: Sure = "shown" if all(deed.toxicity == 1.0 for deed in deeds) else "likely"
        yield Finding(
            rule="by_relay",
            what=_WHAT[deeds[0].deed].format(
                code=_code(deeds[0]), fault=deeds[0].fault, times=counted(len(numbers), "time")
            ),
            whose="relay",
            sure=sure,
            evidence=tuple(sorted({*numbers, *(deed.by for deed in deeds)})),
            why="The relay keeps a record of its own deeds, and this is one of them.",
            advice="It says nothing of the server and nothing of the network: look at how the client takes it, and "
            "what it does next. Without the fault the relay passes everything on as it is.",
            sources=(RFC_CODE_SEEN,),
            facts={"fault": deeds[0].fault},
        )


_WHAT: dict[Deed, str] = {
    "put in": "The relay itself closed with {code}: it inserted a close frame that neither side sent, {times}.",
    "rewrote": "The relay gave a close frame another code: it went on with {code}, {times}.",
    "withheld": "The relay withheld a close frame with {code}, {times}: the side that waited for it is told 1006.",
    "cut": "The relay ended the connection within a frame, {times}.",
    "ended": "The relay ended the connection: its fault {fault} was on and due then, {times}.",
    "stopped": "The relay was stopped, which ended the connection, {times}.",
    "answered": "The relay answered the opening handshake with HTTP {code} in the server's place, {times}.",
}


def _code(deed: RelayDeed) -> str:
    if deed.deed == "answered" or deed.code is None:
        return str(deed.code or "no code")
    return f"{lookup(deed.code).label}{f' {quoted(deed.reason)}' if deed.reason else ''}"
