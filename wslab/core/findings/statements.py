"""The rule about texts: what a product says is a claim of its own, with what it leaves open and what would tell."""

from __future__ import annotations

import re
from collections.abc import Iterator

from wslab.core.codes.registry import lookup
from wslab.core.codes.sources import Source
from wslab.core.findings.finding import Alternative, Finding, Sure, Whose, quoted
from wslab.core.findings.observed import Observed
from wslab.core.printable import printable
from wslab.core.records import ClosedBy, Statement

TOO_BIG, RESTART, AWAY = 1009, 1012, 1001

_WHOSE: dict[ClosedBy | None, Whose] = {"server": "server or proxy", "client": "client", "network": "network"}


def said(observed: Observed) -> Iterator[Finding]:
    """Each thing that a text says of a connection, in the order in which it was said.

    Likely where the speaker saw or sent the close frame itself; possible where it made the code up, or names none;
    cannot tell where nobody knows whose words they are. Never shown: words are no experiment. Silent: where there is no
    text.
    """
    for number, statement in observed.of(Statement):
        command = _command(statement)
        yield Finding(
            rule="said",
            what=_what(statement),
            whose=_WHOSE.get(statement.closed_by, "unknown"),
            sure=_sure(statement),
            evidence=(number,),
            why=f"It stands there: {quoted(statement.words)}",
            instead=(Alternative(statement.leaves_open or "more than these words say", command),),
            advice=_advice(statement, command),
            sources=tuple(_sources(statement)),
            facts={name: value for name in _FACTS if (value := getattr(statement, name)) is not None},
        )


_FACTS = ("close_code", "close_reason", "told_by", "limit_bytes", "payload_bytes", "http_status")


def _what(statement: Statement) -> str:
    named = "" if statement.close_code is None else f" ({lookup(statement.close_code).label})"
    if statement.meaning is not None:
        # A file of records may be anybody's, so even a product's name may be meant to act.
        return printable(f"{statement.subject} says{named}: {statement.meaning}{_numbers(statement)}")
    if statement.close_code is not None:
        return f"A text of unknown origin names close code {lookup(statement.close_code).label}.{_numbers(statement)}"
    if statement.http_status is not None:
        return f"A text of unknown origin names HTTP status {statement.http_status}."
    return f"A text of unknown origin names a limit.{_numbers(statement)}"


def _numbers(statement: Statement) -> str:
    told = [
        f"{word} {value:,} bytes"
        for word, value in (("limit", statement.limit_bytes), ("message", statement.payload_bytes))
        if value is not None
    ]
    if statement.http_status is not None and statement.meaning is not None:
        told.append(f"HTTP {statement.http_status}")
    return f" ({', '.join(told)}.)" if told else ""


def _sure(statement: Statement) -> Sure:
    if statement.subject is None:
        return "cannot tell"
    return "likely" if statement.told_by in ("received", "sent") or statement.http_status is not None else "possible"


def _command(statement: Statement) -> str:
    """Return the command that would tell more."""
    if statement.close_code == TOO_BIG:
        return "`wslab probe URL`: whose limit it is, and exactly how large"
    if statement.close_code in (RESTART, AWAY):
        return "`wslab watch URL`: whether all connections end together, and who is there afterwards"
    if statement.http_status is not None:
        return "`wslab send URL hello`: what answers the opening handshake, from here"
    if statement.close_code in (None, 1006):
        return "`wslab watch URL`, which tells clocks, restarts and the network apart; or a capture of packets"
    return f"`wslab codes {statement.close_code}`: what the code means"


def _advice(statement: Statement, command: str) -> str:
    match statement.close_code:
        case 1009 if statement.told_by == "sent":
            return "Raise this side's own limit, or have less sent to it."
        case 1009:
            return f"Send less at a time, in several messages, or raise the limit. Next: {command}."
        case 1012 | 1001:
            return f"Reconnect after a random delay, and back off. Next: {command}."
        case _:
            return f"Next: {command}."


def _sources(statement: Statement) -> Iterator[Source]:
    """Yield where the text is from, if its record, which anybody may have written, names a place that there can be."""
    named = statement.source or ""
    if found := re.fullmatch(r"([\w.-]+/[\w.-]+)@(\w+):([\w./-]+)", named):
        repository, commit, path = found.groups()
        yield Source(f"{repository} {path}", f"https://github.com/{repository}/blob/{commit}/{path}")
    elif found := re.match(r"https://([\w.-]+)(?:/\S*)?\Z", named):
        yield Source(found[1], named)
