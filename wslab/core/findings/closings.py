"""Rules about what the close frames say, and the last two: about closures that no other rule explains."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

from wslab.core.codes.registry import lookup
from wslab.core.codes.sources import LESSON_00, RFC_CODE_SEEN, RFC_CODES, WEBSOCKETS_FAQ
from wslab.core.findings.finding import Alternative, Finding, Whose, counted, quoted
from wslab.core.findings.lives import Life, lives
from wslab.core.findings.observed import SAY_NOTHING, EndedConnection, Observed
from wslab.core.findings.wording import range_of
from wslab.core.records import Ping

PROTOCOL = (1002, 1007)
KEEPALIVE = 1011

SAYS_KEEPALIVE = re.compile(r"\b(ping|pong|keep-?alive|heart-?beat)", re.IGNORECASE)
"""What a close reason calls it, whatever wrote it."""

ANSWER_PINGS = "Answer pings: every library does while its loop runs. A blocked loop or a sleeping page does not."

_WATCH = Alternative(
    "an idle timeout, a maximum age, a restart, a keepalive, a rate cap, or the network",
    "`wslab watch URL` keeps control groups connected, of which each explanation ends others",
)
_NOT_ITS_SIZE = Alternative(
    "the number or the rate of messages, their content, or chance",
    "send the same message alone, on a new connection and after a pause: `wslab send`; or run `wslab probe URL`",
)
_FROZEN = Alternative(
    "the server was there but busy or stopped, and answered nothing for that long",
    "keep a second client on another path, or look at the server's own load at that time",
)
_UNSEEN_PING = Alternative(
    "a keepalive whose pings are not on record",
    "capture the whole connection, or read the reason in the client's own log",
)


def own_keepalive(observed: Observed) -> Iterator[Finding]:
    """The client itself closed with 1011: its ping was not answered in time.

    Shown that it was the client's keepalive; whether the network or a stopped server was silent stays open. Silent:
    where the server sent 1011; where neither the reason nor an unanswered ping says that it was a keepalive; where the
    client itself had not run (`observer_paused`).
    """
    ended = [seen for seen in _gave_up(observed) if _pinged_in_vain(observed, seen)]
    if ended:
        yield Finding(
            rule="own_keepalive",
            what="The client gave the connection up with 1011: its keepalive ping was not answered in time.",
            whose="client",
            sure="shown",
            evidence=tuple(seen.id for seen in ended),
            why="The first close frame is the client's, and its last ping met no pong: the line was silent.",
            instead=(_FROZEN,),
            advice="Look for what was silent: a stopped server, a line that is down, a large message before the ping.",
            sources=(WEBSOCKETS_FAQ,),
        )


def client_failed(observed: Observed) -> Iterator[Finding]:
    """The client closed with 1011, and no ping of its was left unanswered: it failed by itself.

    Likely: the code says so, and its keepalive has nothing to complain of. Silent: where `own_keepalive` tells it.
    """
    ended = [seen for seen in _gave_up(observed) if not _pinged_in_vain(observed, seen)]
    if ended:
        frame = ended[0].closure.sent
        assert frame is not None
        yield Finding(
            rule="client_failed",
            what=f"The client closed with {lookup(frame.code).label}{_words(frame.reason)}.",
            whose="client",
            sure="likely",
            evidence=tuple(seen.id for seen in ended),
            why="The first close frame is the client's. No ping of its is left unanswered, so it was no keepalive.",
            instead=(_UNSEEN_PING,),
            advice="Look for an exception in the client's log: many libraries then close with 1011.",
            sources=(RFC_CODES,),
            facts={"close_code": frame.code},
        )


def _gave_up(observed: Observed) -> list[EndedConnection]:
    ended = _client_sent(observed, (KEEPALIVE,))
    return [seen for seen in ended if not observed.paused_at(seen.closure.closed_at_s)]


def _pinged_in_vain(observed: Observed, seen: EndedConnection) -> bool:
    closure = seen.closure
    if closure.sent is not None and SAYS_KEEPALIVE.search(closure.sent.reason):
        return True
    pings = [ping for _, ping in observed.of(Ping) if ping.sent_by == "client" and ping.client == closure.client]
    mine = [ping for ping in pings if closure.opened_at_s <= ping.sent_at_s <= closure.closed_at_s]
    return any(ping.answered_at_s is None for ping in mine)


def protocol_error(observed: Observed) -> Iterator[Finding]:
    """One side says that the other broke the protocol: 1002 or 1007.

    Shown who says so. Silent: at every other code.
    """
    theirs = [seen for seen in observed.connections if _server_code(seen) in PROTOCOL]
    for whose, sayer, ended in (
        ("server", "client", _client_sent(observed, PROTOCOL)),
        ("client", "server", theirs),
    ):
        if ended:
            frame = ended[0].closure.sent if sayer == "client" else ended[0].closure.received
            assert frame is not None
            yield Finding(
                rule="protocol_error",
                what=f"The {sayer} closed with {lookup(frame.code).label}{_words(frame.reason)}.",
                whose=_whose(whose),
                sure="likely",
                evidence=tuple(seen.id for seen in ended),
                why=f"The {sayer} says that the {whose} broke the protocol{_broken_frame(ended)}.",
                advice="Capture the frames before the end, and look at the last of them with `wslab explain FILE`.",
                sources=(RFC_CODES,),
                facts={"close_code": frame.code},
            )


def _broken_frame(ended: Sequence[EndedConnection]) -> str:
    """Quote the close frame that broke it, where one did: an application is told nothing of it but 1006."""
    bodies = [seen.closure.broken_close_hex for seen in ended if seen.closure.broken_close_hex is not None]
    if not bodies:
        return ""
    body = bytes.fromhex(bodies[0])
    code = f"code {int.from_bytes(body[:2], 'big')}" if len(body) > 1 else f"{counted(len(body), 'byte')}"
    reason = f" and the reason {quoted(body[2:].decode(errors='replace'))}" if len(body) > 2 else ""
    return f": its close frame has {code}{reason}, of which an application is told 1006 alone"


def server_said(observed: Observed, explained: Collection[int]) -> Iterator[Finding]:
    """The server closed with a code that says why, in its own words.

    Likely that it is as it says; a code that says nothing, 1000 or 1005, with no reason leaves the cause open.
    Silent: where another rule rests on this closure; where the client was first.
    """
    by_frame: dict[tuple[int, str], list[EndedConnection]] = {}
    for seen in observed.connections:
        code = _server_code(seen)
        if code is not None and seen.id not in explained:
            by_frame.setdefault((code, seen.closure.close_reason), []).append(seen)
    for (code, reason), ended in by_frame.items():
        says_why = bool(reason) or code not in SAY_NOTHING
        not_its_size = says_why and all(observed.passed_as_large(seen) for seen in ended)
        pinged = _unanswered_ping(observed, ended)
        yield Finding(
            rule="server_said",
            what=f"The server closed with {lookup(code).label}{_words(reason)}.",
            whose="server or proxy",
            sure="likely" if says_why else "cannot tell",
            evidence=tuple(seen.id for seen in ended),
            why="The first close frame is the server's. "
            + ("That it means what it says is its own statement, not a test of it." if says_why else "It says no more.")
            + pinged
            + (" A message as large as the one that met it passed, so it was not its size." if not_its_size else ""),
            instead=(_NOT_ITS_SIZE,) if not_its_size else () if says_why else (_WATCH,),
            advice=ANSWER_PINGS if pinged and SAYS_KEEPALIVE.search(reason) else _advice(code),
            sources=(RFC_CODES,),
            facts={"close_code": code, "connections": len(ended)},
        )


def unexplained(observed: Observed, explained: Collection[int]) -> Iterator[Finding]:
    """A connection ended, and nothing on record says why: told so.

    Silent: where another rule rests on this closure; where the client ended it on purpose.
    """
    left = [seen for seen in observed.connections if seen.id not in explained and not seen.on_purpose]
    if not left:
        return
    ends = sorted({seen.closure.tcp_end for seen in left})
    codes = ", ".join(map(str, sorted({seen.closure.close_code for seen in left})))
    yield Finding(
        rule="unexplained",
        what=f"{counted(len(left), 'connection')} ended ({codes}), and nothing on record says why.",
        whose="unknown",
        sure="cannot tell",
        evidence=tuple(seen.id for seen in left),
        why=f"No close frame explains it; TCP ended by {' and '.join(ends)}{_after_silence(observed, left)}. "
        "That alone fits every explanation.",
        instead=(_WATCH,),
        advice="Run `wslab watch URL`, and look at the server's and the proxy's own log for the same second.",
        sources=(RFC_CODE_SEEN, LESSON_00),
        facts={"connections": len(left)},
    )


def _unanswered_ping(observed: Observed, ended: Sequence[EndedConnection]) -> str:
    """Say for how long a ping of the server's had met no pong, where one had before each end."""
    waits_s = [life.unanswered_s for life in _lives_of(observed, ended)]
    told_s = [wait_s for wait_s in waits_s if wait_s is not None]
    if not told_s or len(told_s) < len(ended):
        return ""
    return f" A ping of its had met no pong for {range_of(told_s)}."


def _after_silence(observed: Observed, ended: Sequence[EndedConnection]) -> str:
    """Say for how long nothing had gone over these connections, where that is a second at least."""
    silences_s = [life.silence_s for life in _lives_of(observed, ended)]
    told = len(silences_s) == len(ended) and min(silences_s) >= 1
    return f" after a silence of {range_of(silences_s)}" if told else ""


def _lives_of(observed: Observed, ended: Sequence[EndedConnection]) -> list[Life]:
    ids = {seen.id for seen in ended}
    return [life for life in lives(observed) if life.id in ids]


def _client_sent(observed: Observed, codes: Collection[int]) -> list[EndedConnection]:
    return [
        seen
        for seen in observed.connections
        if seen.closure.closed_by == "client" and seen.closure.sent is not None and seen.closure.sent.code in codes
    ]


def _server_code(seen: EndedConnection) -> int | None:
    closure = seen.closure
    return closure.received.code if closure.received and closure.closed_by == "server" else None


def _whose(side: str) -> Whose:
    return "client" if side == "client" else "server"


def _words(reason: str) -> str:
    return f" {quoted(reason)}" if reason else ""


def _advice(code: int) -> str:
    if code in SAY_NOTHING:
        return "Find out what it followed before you retry: the code says neither that something failed nor what."
    match lookup(code).is_retryable:
        case True:
            return "Reconnect after a random delay, and back off while it goes on."
        case False:
            return "Do not retry as before: change what was refused first."
        case None:
            return "Ask the server's documentation what this code means there, and whether to retry."
